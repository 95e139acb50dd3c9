//! Tests of the money protocol, without a network. A model of the table is compared with the embedded DynamoDB emulator. A
//! simulation with a seed then runs requests, crashes, lost replies and late duplicates on that model, and checks the ledger's
//! laws after every step.
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
