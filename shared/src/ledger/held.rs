//! Finds the model of a hold, which only has a tag of the model's id.

use tokio::sync::OnceCell;

use crate::catalog::Catalog;
use crate::store::items::HeldModel;
use crate::store::{Store, StoreError};

/// The models that holds may be for: those of the catalogue, and otherwise those of the open catalogue.
#[derive(Debug)]
pub(super) struct HeldModels<'a> {
    catalog: &'a Catalog,
    /// The table, which also contains the open catalogue.
    pub(super) store: &'a Store,
    /// The ids of the open catalogue, read when needed.
    listed: OnceCell<Vec<String>>,
}

impl<'a> HeldModels<'a> {
    /// The models of this catalogue and table.
    pub(super) const fn new(catalog: &'a Catalog, store: &'a Store) -> Self {
        Self { catalog, store, listed: OnceCell::const_new() }
    }

    /// The public id of a hold's model. An unknown one is called `unknown-model-<tag>`. If the table does not answer, this
    /// fails, because the name would stay in the record.
    pub(super) async fn id(&self, model: &HeldModel) -> Result<String, StoreError> {
        let tag = match model {
            HeldModel::Name(name) => return Ok(name.clone()),
            HeldModel::Tag(tag) => tag,
        };
        if let Some(known) = self.catalog.models().find(|known| model.is(known.id.as_str())) {
            return Ok(known.id.to_string());
        }
        let listed = self.listed.get_or_try_init(|| async {
            let items = self.store.listed_models().await?;
            Ok::<_, StoreError>(items.into_iter().map(|item| item.id).collect())
        });
        let known = listed.await?.iter().find(|id| model.is(id));
        Ok(known.map_or_else(|| format!("unknown-model-{:08x}", u32::from_be_bytes(*tag)), String::clone))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::tests::silent;

    #[tokio::test]
    async fn no_two_models_of_the_catalogue_have_the_same_tag() {
        let ((_table, store), catalog) = (silent(), Catalog::embedded().unwrap());
        let models = HeldModels::new(&catalog, &store);
        let mut tags = BTreeSet::new();
        for model in catalog.models() {
            let held = HeldModel::of(model.id.as_str());
            assert_eq!(models.id(&held).await.as_deref(), Ok(model.id.as_str()));
            assert!(tags.insert(format!("{held:?}")), "{}", model.id);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_needs_no_table_and_a_tag_is_not_unknown_because_the_table_is_silent() {
        let ((_table, store), catalog) = (silent(), Catalog::embedded().unwrap());
        let models = HeldModels::new(&catalog, &store);
        assert_eq!(models.id(&HeldModel::Name("gone".to_owned())).await, Ok("gone".to_owned()));
        assert!(matches!(models.id(&HeldModel::of("gone")).await, Err(StoreError::Unavailable(_))));
    }
}
