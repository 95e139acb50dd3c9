//! The deployment: what `template.yaml` declares, as a table of what each part may and must be.

mod api;
mod calls;
mod edge;
mod functions;
mod operations;
mod parsed;
mod rights;
