//! Real function binaries behind the local Lambda, real HTTP, the provider simulator, the embedded DynamoDB emulator: status,
//! body, ledger, and the request we sent upstream.

mod catalog;
mod chat;
mod count;
mod delays;
mod environments;
mod features;
mod gone;
mod keys;
mod leaks;
mod ledger;
mod matrix;
mod open_catalog;
mod prices;
mod refusals;
mod remembered;
mod requests;
mod responses;
mod secrets;
mod strangers;
mod streams;
mod surface;
mod tags;
mod usage;
mod vault;
