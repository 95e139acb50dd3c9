//! Grants of a prepaid key, and their corrections.

use jiff::Timestamp;

use super::{Item, Reader, VERSION, iso_millis, number, partition, primary_key, text};
use crate::ids::{GrantId, KeyId};
use crate::money::SignedPicoUsd;
use crate::store::StoreError;

/// One change of a balance. It is written together with the balance, never changed, and never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditGrant {
    /// The key.
    pub key: KeyId,
    /// The id of the change, which contains its time.
    pub id: GrantId,
    /// The amount. Negative for a correction.
    pub amount: SignedPicoUsd,
    /// The operator's note.
    pub note: String,
}

impl CreditGrant {
    /// Prefix of the sort key of every grant.
    pub const PREFIX: &str = "G#";

    /// When it was created.
    pub fn made(&self) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(self.id.made().as_millis()).unwrap_or(0)).unwrap_or_default()
    }

    /// The item's keys. They follow from the id.
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
            id: id.ok_or_else(|| StoreError::Malformed("not a grant's key".into()))?,
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
