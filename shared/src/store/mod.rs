//! Keys, records and rollups in DynamoDB. The only user of its SDK; what AWS calls have in common is `aws`'s.
//!
//! There is no trait and no in-memory twin: tests and local runs talk to an embedded emulator over HTTP through the same client.

mod admit;
mod audit;
mod batch;
mod credits;
pub mod items;
mod keys;
mod listed;
mod query;
mod routes;
mod settle;
mod signatures;
mod transaction;
mod walk;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::aws;
use crate::config::TableConfig;
use crate::reason::Reason;

/// The roots that Amazon signs its endpoints with. Embedded, because reading the system's store costs 3 ms at every cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// How long calls of the table may take. The SDK's own limits are unbounded.
#[derive(Clone, Copy, Debug)]
struct Patience {
    read: Limit,
    /// Writes of the ledger may take longer: the client has its answer by then.
    write: Limit,
    /// A page of a long query is a megabyte.
    page: Limit,
}

/// How long one attempt at a read may take beside the table.
const ATTEMPT: Duration = Duration::from_millis(300);

/// For one attempt, and for all attempts of a call together.
#[derive(Clone, Copy, Debug)]
struct Limit {
    attempt: Duration,
    operation: Duration,
}

impl Patience {
    /// A function stands beside its table: 300 ms and a second for a read, one and four for a write, three and eight for a page,
    /// or in proportion to another limit of one attempt at a read.
    fn of_a_function(attempt: Duration) -> Self {
        let thirds = |number: u32| attempt.saturating_mul(number) / 3;
        Self {
            read: Limit { attempt, operation: thirds(10) },
            write: Limit { attempt: thirds(10), operation: thirds(40) },
            page: Limit { attempt: thirds(30), operation: thirds(80) },
        }
    }

    /// An operator may be a continent away: opening a connection alone takes three round trips.
    const OF_AN_OPERATOR: Self = Self {
        read: Limit { attempt: Duration::from_secs(5), operation: Duration::from_secs(15) },
        write: Limit { attempt: Duration::from_secs(5), operation: Duration::from_secs(15) },
        page: Limit { attempt: Duration::from_secs(15), operation: Duration::from_secs(30) },
    };
}

impl Limit {
    /// No second attempt by the SDK.
    const fn once(self) -> Self {
        Self { operation: self.attempt, ..self }
    }

    fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder().operation_attempt_timeout(self.attempt).operation_timeout(self.operation).build()
    }

    /// The limit of one call, instead of the client's.
    fn of_call(self) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder().timeout_config(self.timeouts())
    }
}

pub use admit::Conditional;
pub use credits::Granted;
pub use keys::KeyRotation;
pub use settle::Stored;
pub use walk::ReadKey;

/// Why the store gave no answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Too many calls for the table or for one item, or two at once that exclude each other: it was not done.
    #[error("the table is throttled: {0}")]
    Throttled(Reason),
    /// Out of reach, slow, or wrongly set up.
    #[error("the table is out of reach: {0}")]
    Unavailable(Reason),
    /// An item that does not have the shape it must have.
    #[error("a malformed item: {0}")]
    Malformed(Reason),
    /// A condition did not hold: the thing exists already, or is gone.
    #[error("a condition does not hold: {0}")]
    Condition(Reason),
}

impl StoreError {
    /// What the log may say.
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
    client: Client,
    table: String,
    patience: Patience,
}

impl Store {
    /// A function's client for the table, with the function's role. Nothing is sent yet. How long one attempt at a read or an
    /// admission may take is 300 ms by default; the other limits follow from it.
    pub fn connect(table: &TableConfig) -> Self {
        Self::with_patience(table, Patience::of_a_function(table.attempt.unwrap_or(ATTEMPT)))
    }

    /// The same for an operator, who may be far from the table.
    pub fn connect_from_afar(table: &TableConfig) -> Self {
        Self::with_patience(table, Patience::OF_AN_OPERATOR)
    }

    /// The SDK's own loader is not asked: it brings 600 kB of sources of credentials and settings that a function does not have.
    fn with_patience(table: &TableConfig, patience: Patience) -> Self {
        let roots = table.roots.as_deref().unwrap_or(AMAZON_ROOTS);
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws::http_client(roots))
            .credentials_provider(aws::role_credentials())
            .timeout_config(patience.read.timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(25)));
        config.set_region(table.region.clone().map(Region::new));
        config.set_endpoint_url(table.endpoint.clone());
        Self { client: Client::from_conf(config.build()), table: table.name.clone(), patience }
    }

    /// A client for an emulator at that endpoint, with made-up credentials: for local runs and tests.
    pub fn local(table: &str, endpoint: &str) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws::http_client(&[]))
            .endpoint_url(endpoint)
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .build();
        Self { client: Client::from_conf(config), table: table.to_owned(), patience: Patience::of_a_function(ATTEMPT) }
    }

    /// How long one attempt at a read may take.
    pub fn attempt(&self) -> Duration {
        self.patience.read.attempt
    }

    /// Opens the connection ahead of the first request, by a read that finds nothing.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.get("WARMUP", "WARMUP").await.map(drop)
    }
}

/// Sorts an SDK failure by what can be done about it.
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
