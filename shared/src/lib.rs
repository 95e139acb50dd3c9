//! One API key and one base URL for every model: an LLM gateway that runs as a handful of AWS Lambda functions.
//!
//! The flow of a request, and the module each step lives in:
//!
//! 1. [`endpoints`] finds the endpoint of a path; [`auth`] checks the key's form, [`body`] undoes compression.
//! 2. [`document`] checks the text, [`wire`] its shape, [`catalog`] resolves the model and its routes: nothing has been spent yet.
//! 3. [`admission`] asks the [`store`] whether the key may pass.
//! 4. [`translate`] makes the upstream body: pure functions, no I/O.
//! 5. [`providers`] know the URL and the credential; their transport sends.
//! 6. [`pump`] drives the request: attempts ([`dispatch`]), relays, meters, streamed and whole alike.
//! 7. [`ending`] ends it, however it ended: the circuit, the record and the hold ([`ledger`]), before the body ends.
//!
//! [`open_catalog`] knows the models that the catalogue does not, where a deployment wants that; [`scheduled`] keeps it up to date.
//! [`reason`] is what the log may say of a failure. [`gateway`] holds what lives as long as the process. [`vault`] keeps what clients of the chat format cannot carry. [`runtime`] hands answers that stream to Lambda. [`http_client`] makes the clients of the providers and of the table. [`respond`] and [`wire`] render answers and errors in the client's own format.

pub mod admission;
pub mod auth;
pub mod aws;
pub mod body;
pub mod capability;
pub mod catalog;
pub mod chat;
pub mod circuit;
pub mod config;
pub mod dispatch;
pub mod document;
pub mod ending;
pub mod endpoints;
pub mod error;
pub mod flow;
pub mod gateway;
pub mod http_client;
pub mod ids;
pub mod ledger;
pub mod money;
pub mod open_catalog;
pub mod protocol;
pub mod providers;
pub mod pump;
pub mod reason;
pub mod respond;
pub mod retry;
pub mod runtime;
pub mod scheduled;
pub mod sse;
pub mod store;
pub mod telemetry;
pub mod translate;
pub mod vault;
pub mod wire;
