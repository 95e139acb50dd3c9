//! Keys, records and rollups in DynamoDB. Only this module uses the DynamoDB SDK; [`aws`] has what all AWS calls
//! share.
//!
//! There is no trait and no in-memory implementation: tests and local runs use an embedded emulator over HTTP with the same
//! client.

mod admit;
mod audit;
mod batch;
mod calls;
mod credits;
mod history;
pub mod items;
mod keys;
mod listed;
mod query;
mod routes;
mod settle;
mod signatures;
mod tags;
mod transaction;
mod walk;

use std::time::Duration;

use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use self::calls::{ATTEMPT, Calls, Patience};
use self::tags::TagMemory;
use crate::aws;
use crate::config::TableConfig;
use crate::reason::Reason;

/// The root certificates of Amazon's endpoints. They are embedded, because reading the system's certificates costs 3 ms at
/// every cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

pub use admit::Conditional;
pub use credits::Granted;
pub use history::{OutcomeFilter, RecordPage, RecordsWanted};
pub use keys::KeyRotation;
pub use settle::Stored;
pub use walk::ReadKey;

/// Why the store did not answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Too many calls for the table or an item, or two conflicting calls. The call was not executed.
    #[error("the table is throttled: {0}")]
    Throttled(Reason),
    /// Unreachable, slow, or configured wrongly.
    #[error("the table is out of reach: {0}")]
    Unavailable(Reason),
    /// An item with an invalid form.
    #[error("a malformed item: {0}")]
    Malformed(Reason),
    /// A condition failed: the item exists already, or no longer exists.
    #[error("a condition does not hold: {0}")]
    Condition(Reason),
}

impl StoreError {
    /// The reason for the log.
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Throttled(reason) | Self::Unavailable(reason) | Self::Malformed(reason) | Self::Condition(reason) => {
                reason
            }
        }
    }
}

/// The table.
#[derive(Clone, Debug)]
pub struct Store {
    calls: Calls,
    table: String,
    /// Time limit of one attempt at a read.
    attempt: Duration,
    /// The known tags of each key's day.
    tags: TagMemory,
}

impl Store {
    /// A function's client for the table, with the function's role. It sends nothing yet. The limit of one attempt at a read
    /// or an admission is 300 ms by default; the other limits are derived from it.
    pub fn connect(table: &TableConfig) -> Self {
        Self::with_patience(table, Patience::of_a_function(table.attempt.unwrap_or(ATTEMPT)))
    }

    /// A client for an operator, with longer limits, because the operator may be far from the table's region.
    pub fn connect_from_afar(table: &TableConfig) -> Self {
        Self::with_patience(table, Patience::OF_AN_OPERATOR)
    }

    fn with_patience(table: &TableConfig, patience: Patience) -> Self {
        let roots = table.roots.as_deref().unwrap_or(AMAZON_ROOTS);
        let mut config = aws_sdk_dynamodb::Config::builder()
            .http_client(aws::http_client(roots))
            .credentials_provider(aws::role_credentials());
        config.set_endpoint_url(table.endpoint.clone());
        Self::of_calls(Calls::new(config, table.region.clone().map(Region::new), patience), &table.name, patience)
    }

    /// A client for an emulator at this endpoint, with invented credentials, for local runs and tests.
    pub fn local(table: &str, endpoint: &str) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .http_client(aws::http_client(&[]))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("local", "local", None, None, "local"));
        let patience = Patience::of_a_function(ATTEMPT);
        Self::of_calls(Calls::new(config, Some(Region::from_static("us-east-1")), patience), table, patience)
    }

    fn of_calls(calls: Calls, table: &str, patience: Patience) -> Self {
        Self { calls, table: table.to_owned(), attempt: patience.attempt(), tags: TagMemory::default() }
    }

    /// Time limit of one attempt at a read.
    pub fn attempt(&self) -> Duration {
        self.attempt
    }

    /// Opens the connection before the first request, with a read that finds nothing.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.get("WARMUP", "WARMUP").await.map(drop)
    }
}

/// Classifies an SDK failure.
fn failure<E>(error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let code = error.code().unwrap_or("");
    let message = error.message();
    let reason = match error {
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().map_or("no call".into(), |error| Reason::transport(error))
        }
        SdkError::TimeoutError(_) => "nothing came in time".into(),
        SdkError::ConstructionFailure(_) => "a call that cannot be made".into(),
        SdkError::ResponseError(_) => "an answer that cannot be read".into(),
        SdkError::ServiceError(_) | _ => Reason::service(code, message),
    };
    let cancelled_by =
        |cause: &str| code == "TransactionCanceledException" && message.is_some_and(|words| words.contains(cause));
    let throttles = [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
    ];
    match code {
        "ConditionalCheckFailedException" => StoreError::Condition(reason),
        _ if cancelled_by("ConditionalCheckFailed") => StoreError::Condition(reason),
        _ if cancelled_by("TransactionConflict") || throttles.contains(&code) => StoreError::Throttled(reason),
        _ => StoreError::Unavailable(reason),
    }
}

#[cfg(test)]
pub(crate) mod tests;
