//! Keys: read one, list all, create, change, rotate, revoke.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, Update};

use super::items::{
    CreditGrant, DIRECTORY, Item, KEY, KeyChange, KeyStatus, ListedKey, Reader, StoredKey, number, partition, primary_key,
    text,
};
use super::transaction::part;
use super::{Store, StoreError, failure};
use crate::ids::{KeyDigest, KeyId};

/// A key's new secret.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// The digest that the key must still have.
    pub old: KeyDigest,
    /// The new digest.
    pub new: KeyDigest,
    /// The new key's last four characters.
    pub last4: String,
    /// Until when the old key is valid, in seconds since the epoch.
    pub old_until: u64,
}

impl Store {
    /// The key with this id, if it exists.
    pub async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, StoreError> {
        self.get(&partition(id), KEY).await?.as_ref().map(StoredKey::read).transpose()
    }

    /// The key with this id, with a consistent read.
    pub async fn current_key(&self, id: &KeyId) -> Result<Option<StoredKey>, StoreError> {
        self.current_item(id).await?.as_ref().map(StoredKey::read).transpose()
    }

    /// The schema version that a key's item was written with.
    pub async fn key_version(&self, id: &KeyId) -> Result<Option<u64>, StoreError> {
        self.current_item(id).await?.map(|item| Reader(&item).count("v")).transpose()
    }

    async fn current_item(&self, id: &KeyId) -> Result<Option<Item>, StoreError> {
        self.current(primary_key(&partition(id), KEY)).await
    }

    /// All keys, ordered by id. One query of the directory, never a scan.
    pub async fn list_keys(&self) -> Result<Vec<ListedKey>, StoreError> {
        let query = self.calls.pages.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let items = self.pages(query.expression_attribute_values(":pk", text(DIRECTORY))).await?;
        items.iter().map(ListedKey::read).collect()
    }

    /// Stores a new key, its directory entry, and the grant for its first balance. All or nothing.
    pub async fn create_key(&self, id: &KeyId, key: &StoredKey, opening: Option<&CreditGrant>) -> Result<(), StoreError> {
        let mut items = vec![self.put_new(key.item(id))?, self.put_new(key.directory_entry(id))?];
        if let Some(grant) = opening {
            items.push(self.put_new(grant.item())?);
        }
        self.transact(items).await
    }

    /// Changes a key and returns the changed key. `Condition` if it does not exist.
    pub async fn change_key(&self, id: &KeyId, change: &KeyChange) -> Result<StoredKey, StoreError> {
        let attributes = change.attributes();
        let sets: Vec<String> = attributes.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let mut update = self
            .calls
            .writes
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(&partition(id), KEY)))
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression("attribute_exists(pk)")
            .return_values(ReturnValue::AllNew);
        for (name, value) in attributes {
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let output = update.send().await.map_err(|error| failure(&error))?;
        StoredKey::read(&output.attributes.unwrap_or_default())
    }

    /// Gives a key a new secret and sets the end of the old one. `Condition` if the key is revoked or its secret has
    /// changed.
    pub async fn rotate_key(&self, id: &KeyId, rotation: &KeyRotation) -> Result<(), StoreError> {
        let KeyRotation { old, new, last4, old_until } = rotation;
        let digest = |digest: &KeyDigest| AttributeValue::B(Blob::new(*digest.as_bytes()));
        let key = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(&partition(id), KEY)))
            .update_expression("SET digest = :new, old_digest = :old, old_until = :until, last4 = :last4")
            .condition_expression("digest = :old AND #status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", text(KeyStatus::Active.as_str()))
            .expression_attribute_values(":new", digest(new))
            .expression_attribute_values(":old", digest(old))
            .expression_attribute_values(":until", number(old_until))
            .expression_attribute_values(":last4", text(last4));
        let listed = self.listed(id).update_expression("SET last4 = :last4");
        let listed = listed.expression_attribute_values(":last4", text(last4));
        self.transact(vec![part(key)?, part(listed)?]).await
    }

    /// Revokes a key permanently, in its item and in the directory. `Condition` if it does not exist.
    pub async fn disable_key(&self, id: &KeyId) -> Result<(), StoreError> {
        let off = |update: UpdateBuilder| {
            part(
                update
                    .update_expression("SET #status = :off")
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":off", text(KeyStatus::Disabled.as_str())),
            )
        };
        let key = Update::builder().table_name(&self.table).set_key(Some(primary_key(&partition(id), KEY)));
        let items = vec![off(key.condition_expression("attribute_exists(pk)"))?, off(self.listed(id))?];
        self.transact(items).await
    }

    /// An update of a key's entry in the directory.
    fn listed(&self, id: &KeyId) -> UpdateBuilder {
        let update = Update::builder().table_name(&self.table).set_key(Some(primary_key(DIRECTORY, id.as_str())));
        update.condition_expression("attribute_exists(pk)")
    }
}
