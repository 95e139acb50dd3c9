import { prompt, run, tools } from "./tools.mjs";

const declared = tools.map(({ name, description, schema }) => ({
  type: "function",
  function: { name, description, parameters: schema },
}));
const messages = [{ role: "user", content: prompt }];
let message;
for (;;) {
  const stream = client.chat.completions.stream({ model, messages, tools: declared });
  message = (await stream.finalChatCompletion()).choices[0].message;
  messages.push(message);
  if (!message.tool_calls?.length) break;
  for (const call of message.tool_calls) {
    const content = run(call.function.name, JSON.parse(call.function.arguments));
    messages.push({ role: "tool", tool_call_id: call.id, content });
  }
}
console.log(message.content);
