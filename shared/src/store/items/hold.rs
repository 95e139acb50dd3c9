//! The reserved worst-case cost and the concurrency slot of a running request.

use crate::ids::RequestId;
use crate::money::PicoUsd;
use crate::store::StoreError;

/// A hold, packed into one text: a key item with many of them is rewritten with every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When it is dead, in seconds since the epoch: its process cannot be alive any more.
    pub expires: u64,
    /// The minute it took its tokens from, as seconds since the epoch.
    pub window: u64,
    /// What it took from the balance.
    pub amount: PicoUsd,
    /// What it took from the window's tokens.
    pub tokens: u64,
    /// The model, for the record of a request that nobody finished.
    pub model: String,
}

/// What stands for a hold that was released after an admission of uncertain outcome: a late duplicate of that admission finds its
/// place taken.
const RELEASED: &str = "released";

/// An entry among a key's expired holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Dead, and not yet resolved.
    Dead(Hold),
    /// Resolved; kept until that second since the epoch.
    Released(u64),
}

impl Hold {
    /// The attribute's text.
    pub fn pack(&self) -> String {
        let Self { expires, window, amount, tokens, model } = self;
        format!("{expires};{window};{};{tokens};{model}", amount.pico())
    }

    /// Reads the attribute's text.
    pub fn unpack(text: &str) -> Result<Self, StoreError> {
        let mut fields = text.splitn(5, ';');
        let hold = (|| {
            Some(Self {
                expires: fields.next()?.parse().ok()?,
                window: fields.next()?.parse().ok()?,
                amount: PicoUsd::new(fields.next()?.parse().ok()?),
                tokens: fields.next()?.parse().ok()?,
                model: fields.next()?.to_owned(),
            })
        })();
        hold.ok_or_else(|| StoreError::Malformed("what is not a hold".into()))
    }
}

impl Expired {
    /// The attribute's text.
    pub fn pack(&self) -> String {
        match self {
            Self::Dead(hold) => hold.pack(),
            Self::Released(until) => format!("{until};{RELEASED}"),
        }
    }

    /// Reads the attribute's text.
    pub fn unpack(text: &str) -> Result<Self, StoreError> {
        match text.split_once(';') {
            Some((until, RELEASED)) => {
                let until = until.parse().map_err(|_| StoreError::Malformed("what is not a hold".into()))?;
                Ok(Self::Released(until))
            }
            Some(_) | None => Hold::unpack(text).map(Self::Dead),
        }
    }
}

/// Reads a request's id as an item's map has it.
pub(super) fn request(text: &str) -> Result<RequestId, StoreError> {
    RequestId::parse(text).ok_or_else(|| StoreError::Malformed("what is not a request's id".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_survive_their_packing() {
        let hold = Hold { expires: 90, window: 60, amount: PicoUsd::new(7), tokens: 3, model: "gpt-5.2".to_owned() };
        assert_eq!(hold.pack(), "90;60;7;3;gpt-5.2");
        assert_eq!(Hold::unpack(&hold.pack()), Ok(hold.clone()));
        for expired in [Expired::Dead(hold), Expired::Released(5)] {
            assert_eq!(Expired::unpack(&expired.pack()), Ok(expired));
        }
        assert!(Hold::unpack("1;2;x;4;m").is_err() && Hold::unpack("1;2").is_err());
    }
}
