//! What the operator granted a prepaid key, or took back.

use jiff::Timestamp;

use super::{Item, Reader, VERSION, iso_millis, number, partition, primary_key, text};
use crate::ids::{GrantId, KeyId};
use crate::money::SignedPicoUsd;
use crate::store::StoreError;

/// One change of a balance. Written once together with the balance, never changed and never forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditGrant {
    /// Whose balance.
    pub key: KeyId,
    /// Which change; its time is in the id.
    pub id: GrantId,
    /// How much; below zero for a correction.
    pub amount: SignedPicoUsd,
    /// The operator's words for it.
    pub note: String,
}

impl CreditGrant {
    /// What begins the sort key of every grant.
    pub const PREFIX: &str = "G#";

    /// When it was made.
    pub fn made(&self) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(self.id.made().as_millis()).unwrap_or(0)).unwrap_or_default()
    }

    /// The item's keys: everything in them is in the id.
    pub fn primary_key(&self) -> Item {
        primary_key(&partition(&self.key), &format!("{}{}#{}", Self::PREFIX, iso_millis(self.made()), self.id))
    }

    /// The item.
    pub fn item(&self) -> Item {
        let mut item = self.primary_key();
        let attributes = [("v", number(VERSION)), ("amount", number(self.amount.pico())), ("note", text(&self.note))];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item
    }

    /// Reads a grant item of a key.
    pub fn read(key: &KeyId, item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let sk = reader.text("sk")?;
        let id = sk.rsplit('#').next().and_then(GrantId::parse);
        Ok(Self {
            key: key.clone(),
            id: id.ok_or_else(|| StoreError::Malformed("what is not a grant's key".into()))?,
            amount: SignedPicoUsd::new(reader.signed("amount")?),
            note: reader.text("note")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_survive_their_item_and_lie_in_the_order_of_time() {
        let key = KeyId::parse("0123456789abcdef").unwrap();
        let grant = |amount: i128| {
            let amount = SignedPicoUsd::new(amount);
            CreditGrant { key: key.clone(), id: GrantId::generate(), amount, note: "n".to_owned() }
        };
        let (first, second) = (grant(-7), grant(i128::from(u64::MAX) * 1_000));
        for grant in [&first, &second] {
            assert_eq!(CreditGrant::read(&key, &grant.item()).as_ref(), Ok(grant));
        }
        let sk = |grant: &CreditGrant| Reader(&grant.item()).text("sk").unwrap().to_owned();
        assert!(sk(&first) < sk(&second) && sk(&first).starts_with(CreditGrant::PREFIX));
    }
}
