//! A local AWS for the gateway: Lambda with function URLs, DynamoDB and the providers, all on loopback.
//!
//! `make dev` runs it for you, and the end-to-end tests run the same library.
#![expect(clippy::disallowed_methods, reason = "the rules are for what runs on Lambda")]

pub mod bench;
pub mod cold;
pub mod database;
pub mod demo;
pub mod folder;
pub mod front;
mod invoke;
pub mod lambda;
pub mod load;
pub mod processor;
mod prompt;
pub mod proxy;
pub mod remote;
pub mod simulator;
pub mod stack;
pub mod terminal;
