//! Reads everything of a key, for audits.

use jiff::Timestamp;

use super::items::{Item, Record, Rollup, iso_millis, partition, text};
use super::{Store, StoreError};
use crate::ids::KeyId;

impl Store {
    /// The records of a key that started at this time or later, oldest first.
    pub async fn records(&self, key: &KeyId, since: Timestamp) -> Result<Vec<Record>, StoreError> {
        let items = self.between(key, &format!("E#{}", iso_millis(since)), "E#~").await?;
        items.iter().map(Record::read).collect()
    }

    /// The records of a key that started on this day (`yyyy-mm-dd`, UTC), oldest first.
    pub async fn records_of_day(&self, key: &KeyId, day: &str) -> Result<Vec<Record>, StoreError> {
        self.under(key, &format!("E#{day}")).await?.iter().map(Record::read).collect()
    }

    /// All rollups of a key, with a consistent read.
    pub async fn current_rollups(&self, key: &KeyId) -> Result<Vec<Rollup>, StoreError> {
        self.under(key, "D#").await?.iter().map(Rollup::read).collect()
    }

    /// The rollups of one day and model, in all shards.
    pub async fn rollups_of(&self, key: &KeyId, day: &str, model: &str) -> Result<Vec<Rollup>, StoreError> {
        self.under(key, &format!("D#{day}#{model}#")).await?.iter().map(Rollup::read).collect()
    }

    /// All items of a key whose sort key has this prefix, with a consistent read.
    pub(super) async fn under(&self, key: &KeyId, prefix: &str) -> Result<Vec<Item>, StoreError> {
        // `~` sorts after every character that can follow in a sort key.
        self.between(key, prefix, &format!("{prefix}~")).await
    }

    /// The items of a key between two sort keys, with a consistent read.
    async fn between(&self, key: &KeyId, first: &str, last: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .calls
            .pages
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition(key)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        self.pages(query).await
    }
}
