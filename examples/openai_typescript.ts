// Streams a reply with the OpenAI SDK for TypeScript: npm install openai.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.env.GATEWAY_URL}/v1`, apiKey: process.env.GATEWAY_KEY });

const stream = await client.chat.completions.create({
  model: process.env.GATEWAY_MODEL ?? "claude-opus-4.6",
  messages: [{ role: "user", content: "Name three rivers." }],
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  if (chunk.usage) console.log(`\n${chunk.usage.prompt_tokens} tokens in, ${chunk.usage.completion_tokens} out`);
}
