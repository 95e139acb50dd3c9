//! The record and the rollup of a request, in one transaction.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};

use super::items::{Record, number};
use super::{Store, StoreError, failure, write_limits};

impl Store {
    /// Stores the record if it is not there yet, and adds it to its rollup: both or neither, so that a repeated call adds nothing.
    /// A record that is already there counts as success.
    pub async fn put_record(&self, record: &Record) -> Result<(), StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(record.item()));
        let put = put.condition_expression("attribute_not_exists(pk)").build();
        let put = put.map_err(|error| StoreError::Malformed(error.to_string()))?;
        let transaction = self
            .client
            .transact_write_items()
            .client_request_token(record.request.hex())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(self.rollup_update(record)?).build());
        let result = transaction.customize().config_override(write_limits()).send().await;
        match result.map_err(|error| failure(&error)) {
            Ok(_) | Err(StoreError::Condition(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn rollup_update(&self, record: &Record) -> Result<Update, StoreError> {
        let additions = record.rollup_additions();
        let adds: Vec<String> = additions.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
        let expression = format!("ADD {} SET #v = :v, #ttl = :ttl", adds.join(", "));
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(record.rollup_key()))
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
        update.build().map_err(|error| StoreError::Malformed(error.to_string()))
    }
}
