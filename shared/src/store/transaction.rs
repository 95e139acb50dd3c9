//! Parts of transactions, and the operator's own transactions, which are retried until the table answers.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::items::Item;
use super::{Store, StoreError, failure};

/// Maximum number of attempts. Every request also writes the key's item, and DynamoDB cancels the second of two concurrent
/// writes.
const TRIES: u32 = 8;
const FIRST_PAUSE: u64 = 20;
const LONGEST_PAUSE: u64 = 400;
/// No attempt starts after this time, because an operator is waiting.
const PATIENCE: Duration = Duration::from_secs(8);

impl Store {
    /// Writes all or nothing. All attempts have the same token, so DynamoDB applies the writes once, whichever attempt
    /// arrives.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let token = format!("{:032x}", fastrand::u128(..));
        let (started, mut tries) = (Instant::now(), 1);
        loop {
            let transaction = self.calls.writes.transact_write_items().client_request_token(&token);
            let transaction = transaction.set_transact_items(Some(items.clone()));
            let sent = transaction.send().await;
            match sent.map(drop).map_err(|error| failure(&error)) {
                Err(StoreError::Unavailable(_) | StoreError::Throttled(_))
                    if tries < TRIES && started.elapsed() < PATIENCE =>
                {
                    let ceiling = (FIRST_PAUSE << tries).min(LONGEST_PAUSE);
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=ceiling))).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Puts an item if there is none.
    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build();
        put.map(|put| TransactWriteItem::builder().put(put).build()).map_err(|_| malformed())
    }
}

/// An update as part of a transaction.
pub(super) fn part(update: UpdateBuilder) -> Result<TransactWriteItem, StoreError> {
    update.build().map(|update| TransactWriteItem::builder().update(update).build()).map_err(|_| malformed())
}

fn malformed() -> StoreError {
    StoreError::Malformed("a part of a transaction that cannot be made".into())
}
