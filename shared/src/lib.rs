//! An LLM gateway: one API key and one base URL for the models of Vertex AI and OpenRouter, as a few small AWS Lambda
//! functions.
//!
//! # The path of a request
//!
//! 1. [`endpoints`] finds the endpoint of the path. [`flow`] runs the steps from here to the pump: [`auth`] checks the form
//!    of the key, [`body`] decompresses.
//! 2. [`document`] parses the JSON, [`wire`] checks its shape, [`catalog`] finds the model and its routes. No money is
//!    reserved yet.
//! 3. [`translate`] writes the upstream body: pure functions, no I/O.
//! 4. [`admission`] asks the [`store`] whether the key may spend what the body can cost.
//! 5. [`pump`] owns the request until it is settled. [`dispatch`] makes attempts, [`providers`] send them, and [`retry`]
//!    decides what follows a failed one.
//! 6. [`translate`] reads the reply ([`sse`] splits streams into events), meters it and writes it in the client's format.
//! 7. [`ending`] writes the record, releases the hold ([`ledger`]) and informs the [`circuit`], before the response body
//!    ends.
//!
//! # Other modules
//!
//! | Module | Purpose |
//! |---|---|
//! | [`gateway`] | everything that lives as long as the process |
//! | [`chat`] | the canonical conversation: requests, events, usage |
//! | [`money`], [`ids`], [`capability`] | integer money, identifiers, facts about models |
//! | [`protocol`] | admission and settlement as state machines |
//! | [`open_catalog`], [`scheduled`] | models from OpenRouter's list, and the scheduled function |
//! | [`vault`] | signatures that clients cannot send back |
//! | [`error`], [`reason`] | errors for clients, and the texts that the log may contain about them |
//! | [`respond`], [`runtime`] | HTTP responses, and streaming to Lambda |
//! | [`page`], [`dashboard`], [`mod@reference`] | HTML pages: the one for the owners of keys, and the reference of the API |
//! | [`config`], [`telemetry`] | environment variables, logs and metrics |
//! | [`aws`], [`http_client`] | signed AWS calls, and HTTP clients |
//!
//! # Examples
//!
//! These items have examples: [`money::PicoUsd`], exact money; [`wire::open_request`], which reads a client's request;
//! [`wire::decode_whole`], which reads a provider's reply; [`translate::Relay`], which translates a stream;
//! [`catalog::Catalog`], which finds a model by name; and [`providers::Provider`], which has the URL of a call.

pub mod admission;
pub mod auth;
pub mod aws;
pub mod body;
pub mod capability;
pub mod catalog;
pub mod chat;
pub mod circuit;
pub mod config;
pub mod dashboard;
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
pub mod page;
pub mod protocol;
pub mod providers;
pub mod pump;
pub mod reason;
pub mod reference;
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
