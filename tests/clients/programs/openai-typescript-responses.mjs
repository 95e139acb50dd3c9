import { prompt, run, tools } from "./tools.mjs";

const declared = tools.map(({ name, description, schema }) => ({
  type: "function",
  name,
  description,
  parameters: schema,
  strict: true,
}));
const input = [{ role: "user", content: prompt }];
let response;
for (;;) {
  response = await client.responses.stream({ model, input, tools: declared, store: false }).finalResponse();
  input.push(...response.output);
  const calls = response.output.filter((item) => item.type === "function_call");
  if (calls.length === 0) break;
  for (const call of calls) {
    const output = run(call.name, JSON.parse(call.arguments));
    input.push({ type: "function_call_output", call_id: call.call_id, output });
  }
}
console.log(response.output_text);
