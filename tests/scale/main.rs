//! The cost of a large ledger, in DynamoDB's units. The emulator counts them.

mod logs;
mod reconcile;
mod units;
mod usage;
mod verify;
mod window;

/// What a million read and write units cost in dollars (us-east-1, on demand, November 2026).
const READS: f64 = 0.125;
const WRITES: f64 = 0.625;
