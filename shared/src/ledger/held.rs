//! What the model of a hold is called: holds have room for a tag of its id only.

use tokio::sync::OnceCell;

use crate::catalog::Catalog;
use crate::store::items::HeldModel;
use crate::store::{Store, StoreError};

/// The models that a hold may be for: those of the catalogue, and where none of them is meant, those of the open one.
#[derive(Debug)]
pub(super) struct HeldModels<'a> {
    catalog: &'a Catalog,
    /// The table that the holds are in, too.
    pub(super) store: &'a Store,
    /// The ids of the open catalogue, once they were needed.
    listed: OnceCell<Vec<String>>,
}

impl<'a> HeldModels<'a> {
    /// The models of that catalogue and that table.
    pub(super) const fn new(catalog: &'a Catalog, store: &'a Store) -> Self {
        Self { catalog, store, listed: OnceCell::const_new() }
    }

    /// The public id of a hold's model. One that nobody knows any more is called `unknown-model-<tag>`. A table without an answer is
    /// an error, and not such a name: it would stand in the record for ever.
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
