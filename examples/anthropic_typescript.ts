// Streams a reply with the Anthropic SDK for TypeScript: npm install @anthropic-ai/sdk.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.GATEWAY_URL, apiKey: process.env.GATEWAY_KEY });

const stream = client.messages.stream({
  model: process.env.GATEWAY_MODEL ?? "gemini-3.8-flash",
  max_tokens: 1024,
  messages: [{ role: "user", content: "Name three rivers." }],
});
stream.on("text", (text) => process.stdout.write(text));
const { usage } = await stream.finalMessage();
console.log(`\n${usage.input_tokens} tokens in, ${usage.output_tokens} out`);
