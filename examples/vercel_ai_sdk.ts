// Streams a reply with the Vercel AI SDK: npm install ai @ai-sdk/openai-compatible.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const gateway = createOpenAICompatible({
  name: "gateway",
  baseURL: `${process.env.GATEWAY_URL}/v1`,
  apiKey: process.env.GATEWAY_KEY,
  includeUsage: true,
});

const reply = streamText({
  model: gateway(process.env.GATEWAY_MODEL ?? "kimi-k3.1-pro"),
  prompt: "Name three rivers.",
});
for await (const text of reply.textStream) process.stdout.write(text);
const usage = await reply.usage;
console.log(`\n${usage.inputTokens} tokens in, ${usage.outputTokens} out`);
