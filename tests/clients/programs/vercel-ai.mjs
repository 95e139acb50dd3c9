import { jsonSchema, stepCountIs, streamText, tool } from "ai";

import { prompt, run, tools } from "./tools.mjs";

const declared = tools.map(({ name, description, schema }) => [
  name,
  tool({ description, inputSchema: jsonSchema(schema), execute: (input) => run(name, input) }),
]);
const result = streamText({
  model,
  // Only some snippets have them.
  providerOptions: typeof providerOptions === "undefined" ? {} : providerOptions,
  prompt,
  tools: Object.fromEntries(declared),
  stopWhen: stepCountIs(8),
  onError: ({ error }) => console.error(error),
});
let text = "";
for await (const part of result.fullStream) {
  if (part.type === "start-step") text = "";
  if (part.type === "text-delta") text += part.text;
}
console.log(text);
