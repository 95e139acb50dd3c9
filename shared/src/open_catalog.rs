//! The open catalogue: models of OpenRouter's public list that the catalogue does not have. The scheduled function reads the
//! list into the table ([`read_list`]). The other functions read the table, for names that the catalogue does not know.

mod judge;
mod memory;
mod reading;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalog::Model;
use crate::catalog::listed::ListedModel;
use crate::ids::UpstreamModel;
use crate::store::items::{ListedItem, iso_day};
use crate::store::{Store, StoreError};

use memory::Memory;
pub use reading::{Reading, ReadingError, read_list};

/// Longer names are not model names.
const LONGEST_NAME: usize = 200;

/// A model of the open catalogue.
#[derive(Debug)]
pub struct OpenModel {
    /// The model.
    pub model: Arc<Model>,
    /// The list's version, as in records.
    pub version: String,
    /// The list's day, as `yyyy-mm-dd`.
    pub day: String,
}

impl OpenModel {
    /// The model of an item; `None` if the list removed it, or if it can no longer be served.
    fn of(item: &ListedItem) -> Option<Self> {
        let time = time(item.read);
        let listed: ListedModel = serde_json::from_str(item.facts.as_ref()?).ok()?;
        let model = listed.model(time.to_zoned(TimeZone::UTC).date()).ok()?;
        Some(Self { model: Arc::new(model), version: format!("openrouter-{time}"), day: iso_day(time) })
    }
}

/// Reads the open catalogue from the table, and remembers results for a minute.
#[derive(Debug)]
pub struct OpenCatalog {
    store: Store,
    memory: Memory,
}

impl OpenCatalog {
    /// The open catalogue in a table.
    pub fn new(store: Store) -> Self {
        Self { store, memory: Memory::default() }
    }

    /// Whether a name has the form of a listed model's id (`vendor/model`). Other names are not looked up.
    pub fn may_have(name: &str) -> bool {
        name.len() <= LONGEST_NAME && name.contains('/') && UpstreamModel::parse(name).is_some()
    }

    /// The model with exactly this id. If the table does not answer, an earlier result is used.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<OpenModel>>, StoreError> {
        if let Some(known) = self.memory.model(id) {
            return Ok(known);
        }
        match self.store.listed_model(id).await {
            Ok(item) => {
                let found = item.filter(is_current).as_ref().and_then(OpenModel::of).map(Arc::new);
                self.memory.remember(id, found.clone());
                Ok(found)
            }
            Err(error) => self.memory.stale(id).ok_or(error),
        }
    }

    /// All models, ordered by id.
    pub async fn all(&self) -> Result<Arc<[OpenModel]>, StoreError> {
        if let Some(known) = self.memory.list() {
            return Ok(known);
        }
        let items = self.store.listed_models().await?;
        let models: Arc<[OpenModel]> = items.iter().filter(|item| is_current(item)).filter_map(OpenModel::of).collect();
        self.memory.remember_list(&models);
        Ok(models)
    }
}

fn is_current(item: &ListedItem) -> bool {
    item.is_current(u64::try_from(Timestamp::now().as_second()).unwrap_or_default())
}

/// Converts seconds since the epoch.
fn time(seconds: u64) -> Timestamp {
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_listed_models_form_are_looked_up() {
        let long = format!("x/{}", "y".repeat(LONGEST_NAME));
        for (name, expected) in [
            ("acme/large-1", true),
            ("acme/../large-1", false),
            ("acme/large-1:free", false),
            ("large-1", false),
            ("", false),
            (long.as_str(), false),
        ] {
            assert_eq!(OpenCatalog::may_have(name), expected, "{name}");
        }
    }

    #[test]
    fn an_item_is_a_model_with_its_lists_version_and_day() {
        let facts = r#"{"id":"acme/large-1","context_length":9,"pricing":{"prompt":"0.1","completion":"0.2"},
            "architecture":{"output_modalities":["text"]}}"#;
        let item = ListedItem { id: "acme/large-1".to_owned(), read: 1_795_743_369, facts: Some(facts.to_owned()) };
        let open = OpenModel::of(&item).unwrap();
        let named = (open.model.id.as_str(), open.version.as_str(), open.day.as_str());
        assert_eq!(named, ("acme/large-1", "openrouter-2026-11-27T01:36:09Z", "2026-11-27"));
        assert!(OpenModel::of(&ListedItem { facts: None, ..item.clone() }).is_none());
        assert!(OpenModel::of(&ListedItem { facts: Some("{}".to_owned()), ..item }).is_none());
    }
}
