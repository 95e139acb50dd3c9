//! Balances: grants, their list, and what a key was charged.

use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::items::{CreditGrant, Expired, KEY, StoredKey, number, partition, primary_key};
use super::transaction::part;
use super::{Store, StoreError};
use crate::ids::KeyId;
use crate::money::{PicoUsd, SignedPicoUsd};

/// The result of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// This call wrote it.
    New,
    /// This or an earlier call had already written it.
    Already,
}

impl Store {
    /// Writes a grant and adds it to the balance of its prepaid key. Both happen or neither, and only once if it is called
    /// again. `Condition` if the key does not exist or is not prepaid, or if the id belongs to another grant.
    pub async fn grant(&self, grant: &CreditGrant) -> Result<Granted, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(&partition(&grant.key), KEY)))
            .update_expression("SET balance = balance + :amount")
            .condition_expression("prepaid = :true")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":amount", number(grant.amount.pico()));
        let items = vec![self.put_new(grant.item())?, part(update)?];
        match self.transact(items).await {
            Ok(()) => Ok(Granted::New),
            Err(StoreError::Condition(cause)) => match self.stored_grant(grant).await? {
                Some(stored) if stored.amount == grant.amount => Ok(Granted::Already),
                Some(_) | None => Err(StoreError::Condition(cause)),
            },
            Err(error) => Err(error),
        }
    }

    /// Makes a key prepaid with a balance of zero. `opening` is what it was charged until now, so that grants and charges
    /// add up. `Condition` if the key is prepaid, has requests that are not settled, or has changed since it was read.
    pub async fn make_prepaid(&self, key: &StoredKey, opening: &CreditGrant) -> Result<(), StoreError> {
        if !key.holds.is_empty() || key.expired.values().any(|expired| matches!(expired, Expired::Dead(_))) {
            return Err(StoreError::Condition("the key has holds".into()));
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(&partition(&opening.key), KEY)))
            .update_expression("SET prepaid = :true, balance = :zero")
            .condition_expression("prepaid = :false AND balance = :seen AND size(holds) = :zero")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":seen", number(key.balance));
        let mut items = vec![part(update)?];
        if opening.amount != SignedPicoUsd::default() {
            items.push(self.put_new(opening.item())?);
        }
        self.transact(items).await
    }

    /// All grants of a key, oldest first.
    pub async fn grants(&self, key: &KeyId) -> Result<Vec<CreditGrant>, StoreError> {
        let items = self.under(key, CreditGrant::PREFIX).await?;
        items.iter().map(|item| CreditGrant::read(key, item)).collect()
    }

    /// What a key was charged, as far back as its rollups go.
    pub async fn charged(&self, key: &KeyId) -> Result<PicoUsd, StoreError> {
        Ok(self.current_rollups(key).await?.iter().map(|rollup| rollup.charged).sum())
    }

    async fn stored_grant(&self, grant: &CreditGrant) -> Result<Option<CreditGrant>, StoreError> {
        let item = self.current(grant.primary_key()).await?;
        item.map(|item| CreditGrant::read(&grant.key, &item)).transpose()
    }
}
