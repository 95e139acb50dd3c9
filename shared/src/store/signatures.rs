//! Reasoning signatures by tool call, for clients that cannot send them back.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::items::{Item, Reader, number, partition, primary_key, text};
use super::{Store, StoreError, failure};
use crate::ids::KeyId;

/// Maximum number of items of a batch, by DynamoDB's limits.
const READ_BATCH: usize = 100;
const KEPT_SECONDS: u64 = 7 * 86_400;

fn sort_key(call: &str) -> String {
    format!("S#{call}")
}

fn item(key: &KeyId, call: &str, signature: &str, ttl: u64) -> Item {
    let mut item = primary_key(&partition(key), &sort_key(call));
    let attributes =
        [("v", number(1)), ("provider", text("vertex-gemini")), ("signature", text(signature)), ("ttl", number(ttl))];
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item
}

impl Store {
    /// Stores signatures by tool-call id for seven days.
    pub async fn put_signatures(&self, key: &KeyId, signatures: &[(String, String)]) -> Result<(), StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ttl = now.saturating_add(KEPT_SECONDS);
        self.put_all(signatures.iter().map(|(call, signature)| item(key, call, signature, ttl))).await
    }

    /// The known signatures of these tool calls.
    pub async fn signatures(&self, key: &KeyId, calls: &[String]) -> Result<HashMap<String, String>, StoreError> {
        let mut found = HashMap::new();
        for batch in calls.chunks(READ_BATCH) {
            let keys = batch.iter().map(|call| primary_key(&partition(key), &sort_key(call))).collect();
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).build();
            let wanted = wanted.map_err(|_| StoreError::Malformed("keys that cannot be asked for".into()))?;
            let output = self.calls.reads.batch_get_item().request_items(&self.table, wanted).send().await;
            let output = output.map_err(|error| failure(&error))?;
            for item in output.responses.unwrap_or_default().into_values().flatten() {
                let reader = Reader(&item);
                let call = reader.text("sk")?.trim_start_matches("S#").to_owned();
                found.insert(call, reader.text("signature")?.to_owned());
            }
        }
        Ok(found)
    }
}
