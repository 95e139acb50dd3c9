//! Keys: read one, list all, create, switch off.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};

use super::items::{DIRECTORY, Item, KEY, KeyStatus, ListedKey, StoredKey, partition, primary_key, text};
use super::{Store, StoreError, failure};
use crate::ids::KeyId;

impl Store {
    /// The key of that id, if there is one.
    pub async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, StoreError> {
        self.get(&partition(id), KEY).await?.as_ref().map(StoredKey::read).transpose()
    }

    /// All keys, in the order of their ids. One query of the directory, never a scan.
    pub async fn list_keys(&self) -> Result<Vec<ListedKey>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let mut pages = query.expression_attribute_values(":pk", text(DIRECTORY)).into_paginator().items().send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            keys.push(ListedKey::read(&item.map_err(|error| failure(&error))?)?);
        }
        Ok(keys)
    }

    /// Stores a new key and its directory entry, both or neither.
    pub async fn create_key(&self, id: &KeyId, key: &StoredKey) -> Result<(), StoreError> {
        let put = |item: Item| {
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            let put = put.condition_expression("attribute_not_exists(pk)").build();
            put.map(|put| TransactWriteItem::builder().put(put).build()).map_err(|error| malformed(&error))
        };
        let transaction = self.client.transact_write_items();
        let transaction = transaction.transact_items(put(key.item(id))?).transact_items(put(key.directory_entry(id))?);
        transaction.send().await.map(drop).map_err(|error| failure(&error))
    }

    /// Switches a key off for good, in the key and in the directory. `Condition` when there is no such key.
    pub async fn disable_key(&self, id: &KeyId) -> Result<(), StoreError> {
        let update = |key: Item| {
            let update = Update::builder().table_name(&self.table).set_key(Some(key));
            let update = update
                .update_expression("SET #status = :off")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":off", text(KeyStatus::Disabled.as_str()))
                .build();
            update.map(|update| TransactWriteItem::builder().update(update).build()).map_err(|error| malformed(&error))
        };
        let transaction = self.client.transact_write_items();
        let transaction = transaction
            .transact_items(update(primary_key(&partition(id), KEY))?)
            .transact_items(update(primary_key(DIRECTORY, id.as_str()))?);
        transaction.send().await.map(drop).map_err(|error| failure(&error))
    }
}

fn malformed(error: &impl std::error::Error) -> StoreError {
    StoreError::Malformed(error.to_string())
}
