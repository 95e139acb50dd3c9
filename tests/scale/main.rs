//! What the ledger costs when there is much of it, in DynamoDB's own units as the emulator counts them.

mod units;
mod window;
