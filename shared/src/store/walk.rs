//! Reads many keys, for the scheduled functions.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::items::{
    ACTIVE, Cursor, DIRECTORY, Item, KEY, Reader, StoredKey, active_marks, number, partition, primary_key, text,
};
use super::{Store, StoreError, failure};
use crate::ids::KeyId;

/// Maximum number of items of a batch, by DynamoDB's limits.
const READ_BATCH: usize = 100;
/// Number of retries for the rest of a batch, and the pause before each.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// A key, or why it cannot be read.
pub type ReadKey = (KeyId, Result<StoredKey, StoreError>);

impl Store {
    /// The keys that were used on the day of a time (seconds since the epoch) or on the day before, ordered by id.
    pub async fn active_keys(&self, now: u64) -> Result<Vec<KeyId>, StoreError> {
        let mut keys = Vec::new();
        for mark in active_marks(now) {
            let query = self
                .calls
                .pages
                .query()
                .table_name(&self.table)
                .index_name(ACTIVE)
                .key_condition_expression("#active = :mark")
                .expression_attribute_names("#active", ACTIVE)
                .expression_attribute_values(":mark", number(mark));
            for item in self.pages(query).await? {
                keys.push(key_of(&item)?);
            }
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// This many ids of the directory after that one, in order. `None` starts at the first.
    pub async fn listed_after(&self, after: Option<&KeyId>, most: usize) -> Result<Vec<KeyId>, StoreError> {
        let query = self
            .calls
            .pages
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":pk", text(DIRECTORY))
            // A space sorts before every id.
            .expression_attribute_values(":after", text(after.map_or(" ", KeyId::as_str)))
            .projection_expression("sk")
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let output = query.send().await;
        let items = output.map_err(|error| failure(&error))?.items.unwrap_or_default();
        let id = |item: &Item| {
            let reader = Reader(item);
            let id = reader.text("sk")?;
            KeyId::parse(id).ok_or_else(|| StoreError::Malformed("not a key id".into()))
        };
        items.iter().map(id).collect()
    }

    /// The existing keys with these ids, ordered by id.
    pub async fn keys_of(&self, ids: &[KeyId]) -> Result<Vec<ReadKey>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for batch in ids.chunks(READ_BATCH) {
            let mut items = self.batch(batch).await?;
            let read = batch.iter().filter_map(|id| Some((id.clone(), StoredKey::read(&items.remove(id)?))));
            found.extend(read);
        }
        Ok(found)
    }

    /// One batch of key items. Retries for the rest until it is complete.
    async fn batch(&self, ids: &[KeyId]) -> Result<HashMap<KeyId, Item>, StoreError> {
        let keys = ids.iter().map(|id| primary_key(&partition(id), KEY)).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build();
        let mut asked =
            HashMap::from([(self.table.clone(), keys.map_err(|_| StoreError::Malformed("keys of no item".into()))?)]);
        let mut found = HashMap::with_capacity(ids.len());
        for _ in 0..TRIES {
            let get = self.calls.pages.batch_get_item().set_request_items(Some(asked));
            let output = get.send().await.map_err(|error| failure(&error))?;
            for item in output.responses.unwrap_or_default().into_values().flatten() {
                found.insert(key_of(&item)?, item);
            }
            asked = output.unprocessed_keys.unwrap_or_default();
            if asked.is_empty() {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::Throttled("some keys were not read".into()))
    }

    /// How far the walk over the keys has come.
    pub async fn cursor(&self) -> Result<Cursor, StoreError> {
        self.current(Cursor::key()).await?.map_or(Ok(Cursor::default()), |item| Cursor::read(&item))
    }

    /// Stores how far it has come.
    pub async fn move_cursor(&self, cursor: &Cursor) -> Result<(), StoreError> {
        let put = self.calls.reads.put_item().table_name(&self.table).set_item(Some(cursor.item()));
        put.send().await.map(drop).map_err(|error| failure(&error))
    }
}

/// The key of an item.
fn key_of(item: &Item) -> Result<KeyId, StoreError> {
    let reader = Reader(item);
    let pk = reader.text("pk")?;
    pk.strip_prefix("K#")
        .and_then(KeyId::parse)
        .ok_or_else(|| StoreError::Malformed("a partition that is not a key's".into()))
}
