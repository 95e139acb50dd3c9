//! Faults of providers: what the client saw, what the providers were asked, and what the ledger says.

mod circuits;
mod credentials;
mod outage;
mod table;
mod whole_requests;
