//! Stores the record and the rollup of a request, in one transaction.

use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::items::{Reader, Record, number};
use super::transaction::part;
use super::{Store, StoreError, failure};
use crate::ids::{KeyId, RequestId, Tag};
use crate::money::PicoUsd;

/// Whether this call stored the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// This call stored it.
    New,
    /// This or an earlier call had already stored one.
    Already,
}

impl Store {
    /// Stores the record if there is none yet, and adds it to its rollup. Both happen or neither, so a repeated call adds
    /// nothing. The SDK makes a new token for each call. If the token came from the request, DynamoDB would refuse another
    /// record of the same request for ten minutes, such as the record of a resolved hold.
    pub async fn put_record(&self, record: &Record) -> Result<Stored, StoreError> {
        let tag = self.counted_tag(record).await;
        let transaction = self
            .calls
            .settlements
            .transact_write_items()
            .transact_items(self.put_new(record.item())?)
            .transact_items(part(self.rollup_update(record, tag.as_ref()))?);
        match transaction.send().await.map_err(|error| failure(&error)) {
            Ok(_) => Ok(Stored::New),
            Err(StoreError::Condition(_)) => Ok(Stored::Already),
            Err(error) => Err(error),
        }
    }

    /// The charge of a request's stored record; `None` if there is none.
    pub async fn charge(&self, key: &KeyId, request: RequestId) -> Result<Option<PicoUsd>, StoreError> {
        let get = self.calls.writes.get_item().table_name(&self.table).set_key(Some(Record::key_of(key, request)));
        let output = get.consistent_read(true).send().await.map_err(|error| failure(&error))?;
        output.item.map(|item| Reader(&item).number("charged").map(PicoUsd::new)).transpose()
    }

    fn rollup_update(&self, record: &Record, tag: Option<&Tag>) -> UpdateBuilder {
        let additions = record.rollup_additions();
        let adds: Vec<String> = additions.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
        let expression = format!("ADD {} SET #v = :v, #ttl = :ttl", adds.join(", "));
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(record.rollup_key(tag)))
            .update_expression(expression)
            .expression_attribute_names("#v", "v")
            .expression_attribute_values(":v", number(1))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(record.rollup_ttl()));
        for (name, value) in additions {
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        update
    }
}
