// The tools that each program in TypeScript offers its model. A failure is told in words, as a result.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

export const prompt = process.argv[2];

const runs = {
  read_file: ({ path }) => readFileSync(path, "utf8"),
  edit_file: ({ path, old, new: text }) => {
    writeFileSync(path, readFileSync(path, "utf8").replace(old, text));
    return "edited";
  },
  run_command: ({ command }) => {
    const done = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    return `exit code ${done.status}\n${done.stdout}${done.stderr}`;
  },
};

const parameters = { read_file: ["path"], edit_file: ["path", "old", "new"], run_command: ["command"] };

// Every tool with its name and the JSON schema of its arguments, which are all texts.
export const tools = Object.entries(parameters).map(([name, names]) => ({
  name,
  description: `The tool ${name}`,
  schema: {
    type: "object",
    properties: Object.fromEntries(names.map((parameter) => [parameter, { type: "string" }])),
    required: names,
    additionalProperties: false,
  },
}));

export function run(name, input) {
  try {
    return runs[name](input);
  } catch (error) {
    return `error: ${error.message}`;
  }
}
