//! Models of the open catalogue, and the state of their list.

use super::{Item, Reader, VERSION, number, primary_key, text};
use crate::store::StoreError;

/// The partition of the models and of their list.
pub const MODELS: &str = "MODELS";
/// The sort key of the list's own item. It sorts before all ids.
pub const LIST: &str = "#LIST";
/// How long a model is kept if no newer list contains or removes it, in seconds.
const KEPT_SECONDS: u64 = 21 * 86_400;

/// A model as a list contained it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedItem {
    /// Its id.
    pub id: String,
    /// When the list was read, in seconds since the epoch. This is the list's version.
    pub read: u64,
    /// What the list says about it, as JSON. Empty if the list no longer contains it, or if it cannot be used.
    pub facts: Option<String>,
}

impl ListedItem {
    /// The item.
    pub fn item(&self) -> Item {
        let mut item = primary_key(MODELS, &self.id);
        let ttl = self.read.saturating_add(KEPT_SECONDS);
        let attributes = [("v", number(VERSION)), ("read", number(self.read)), ("ttl", number(ttl))];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item.extend(self.facts.as_ref().map(|facts| ("facts".to_owned(), text(facts))));
        item
    }

    /// Reads an item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let facts = item.contains_key("facts").then(|| reader.text("facts").map(str::to_owned)).transpose()?;
        Ok(Self { id: reader.text("sk")?.to_owned(), read: reader.count("read")?, facts })
    }

    /// Whether it is still valid at a time (seconds since the epoch). DynamoDB deletes expired items late.
    pub const fn is_current(&self, now: u64) -> bool {
        now < self.read.saturating_add(KEPT_SECONDS)
    }
}

/// The state of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListState {
    /// When the last read started, in seconds since the epoch; 0 for never.
    pub tried: u64,
    /// When the list of the stored models was read, in seconds since the epoch; 0 for never.
    pub read: u64,
    /// Number of usable models in the list.
    pub models: u64,
}

impl ListState {
    /// Reads the list's item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let count = |name: &'static str| if item.contains_key(name) { Reader(item).count(name) } else { Ok(0) };
        Ok(Self { tried: count("tried")?, read: count("read")?, models: count("models")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_read_as_it_was_written_and_forgotten_after_three_weeks() {
        for facts in [Some("{}".to_owned()), None] {
            let listed = ListedItem { id: "acme/large-1".to_owned(), read: 1_000, facts };
            assert_eq!(ListedItem::read(&listed.item()), Ok(listed.clone()));
            assert_eq!((listed.is_current(1_815_399), listed.is_current(1_815_400)), (true, false));
        }
    }
}
