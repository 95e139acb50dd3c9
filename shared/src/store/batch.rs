//! Writes many items in few calls.

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};

use super::items::Item;
use super::{Store, StoreError, failure};

/// Maximum number of items of a batch, by DynamoDB's limits.
const WRITE_BATCH: usize = 25;

impl Store {
    /// Writes items and replaces existing ones. No two may have the same key. If it fails, some may have been written.
    pub(super) async fn put_all(&self, items: impl Iterator<Item = Item>) -> Result<(), StoreError> {
        let put = |item| PutRequest::builder().set_item(Some(item)).build();
        let puts = items.map(|item| put(item).map(|put| WriteRequest::builder().put_request(put).build()));
        let puts =
            puts.collect::<Result<Vec<_>, _>>().map_err(|_| StoreError::Malformed("an item that cannot be put".into()))?;
        for batch in puts.chunks(WRITE_BATCH) {
            let write = self.calls.writes.batch_write_item().request_items(&self.table, batch.to_vec());
            let output = write.send().await;
            let output = output.map_err(|error| failure(&error))?;
            if output.unprocessed_items().is_some_and(|left| !left.is_empty()) {
                return Err(StoreError::Throttled("some items were not written".into()));
            }
        }
        Ok(())
    }
}
