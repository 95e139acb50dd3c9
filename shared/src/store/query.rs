//! Reads.

use super::items::{Item, Record, Rollup, partition, primary_key, text};
use super::{Store, StoreError, failure};
use crate::ids::{KeyId, RequestId};

impl Store {
    /// The rollups of a key from day `first` to day `last` (`yyyy-mm-dd`, both included).
    pub async fn rollups(&self, key: &KeyId, first: &str, last: &str) -> Result<Vec<Rollup>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition(key)))
            .expression_attribute_values(":first", text(format!("D#{first}")))
            // `~` sorts after every character of a model id.
            .expression_attribute_values(":last", text(format!("D#{last}~")));
        let mut pages = query.into_paginator().items().send();
        let mut rollups = Vec::new();
        while let Some(item) = pages.next().await {
            rollups.push(Rollup::read(&item.map_err(|error| failure(&error))?)?);
        }
        Ok(rollups)
    }

    /// The item of a request's record, if there is one.
    pub async fn record(&self, key: &KeyId, request: RequestId) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Record::key_of(key, request)));
        let output = get.consistent_read(true).send().await.map_err(|error| failure(&error))?;
        Ok(output.item)
    }

    /// One item, if it is there.
    pub(super) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(primary_key(pk, sk)));
        let output = get.send().await.map_err(|error| failure(&error))?;
        Ok(output.item)
    }
}
