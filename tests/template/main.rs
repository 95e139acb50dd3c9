//! The deployment: what `template.yaml` declares, as a table of what each part may and must be.

mod api;
mod calls;
mod edge;
mod functions;
mod operations;
mod parsed;
mod rights;
mod watch;

/// The paths of all endpoints, and some unknown paths, without `/v1` or additional slashes.
const PATHS: [&str; 22] = [
    "chat/completions",
    "messages",
    "messages/count_tokens",
    "responses",
    "responses/compact",
    "responses/input_tokens",
    "models",
    "models/gpt-5.2",
    "models/openai/gpt-5.2",
    "usage",
    "requests",
    "requests/req_1",
    "credits",
    "dashboard",
    "dashboard/charts",
    "openapi.json",
    "docs",
    "llms.txt",
    "health",
    "",
    "embeddings",
    "favicon.ico",
];
