import { prompt, run, tools } from "./tools.mjs";

const declared = tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema }));
const messages = [{ role: "user", content: prompt }];
let message;
for (;;) {
  message = await client.messages.stream({ model, max_tokens: 4096, messages, tools: declared }).finalMessage();
  messages.push({ role: "assistant", content: message.content });
  const calls = message.content.filter((block) => block.type === "tool_use");
  if (calls.length === 0) break;
  const content = calls.map((call) => {
    const result = run(call.name, call.input);
    return { type: "tool_result", tool_use_id: call.id, content: result, is_error: result.startsWith("error: ") };
  });
  messages.push({ role: "user", content });
}
console.log(message.content.map((block) => block.text ?? "").join(""));
