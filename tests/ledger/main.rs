//! The money protocol, without the network: a model of the table that is held against the embedded DynamoDB emulator, and a seeded
//! simulation of requests, crashes, lost replies and late duplicates on that model, with the ledger's laws checked all the way.
//!
//! A seed that breaks a law is printed; `CHAOS_SEED=<seed>` runs it alone and prints what happened. `make chaos` runs a million.

mod cases;
mod laws;
mod model;
mod process;
mod random;
mod simulator;
mod twin;
mod world;
