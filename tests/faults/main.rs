//! Faults of providers and of the table: what the client saw, what the providers were asked, and what the ledger says.

mod account;
mod broken_ends;
mod chaos;
mod circuits;
mod credentials;
mod crowds;
mod endings;
mod every_call;
mod holds;
mod open_catalog;
mod outage;
mod process;
mod quota;
mod settlement_faults;
mod table;
mod table_faults;
mod thaw;
mod tls_front;
mod whole_requests;
