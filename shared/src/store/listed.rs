//! The open catalogue in the table. One query reads all of it, one read returns one model.

use super::items::{LIST, ListState, ListedItem, MODELS, VERSION, number, primary_key, text};
use super::{Store, StoreError, failure};

impl Store {
    /// A model of the open catalogue, if a list contained it.
    pub async fn listed_model(&self, id: &str) -> Result<Option<ListedItem>, StoreError> {
        self.get(MODELS, id).await?.as_ref().map(ListedItem::read).transpose()
    }

    /// All models of the open catalogue, ordered by id.
    pub async fn listed_models(&self) -> Result<Vec<ListedItem>, StoreError> {
        let query = self
            .calls
            .pages
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk > :list")
            .expression_attribute_values(":pk", text(MODELS))
            .expression_attribute_values(":list", text(LIST));
        self.pages(query).await?.iter().map(ListedItem::read).collect()
    }

    /// The state of the list.
    pub async fn list_state(&self) -> Result<ListState, StoreError> {
        let item = self.current(primary_key(MODELS, LIST)).await?;
        item.as_ref().map_or(Ok(ListState::default()), ListState::read)
    }

    /// Records that the list is being read since this time (seconds since the epoch), unless another process did so since
    /// the state was read. Returns false if another process did.
    pub async fn claim_list(&self, seen: ListState, now: u64) -> Result<bool, StoreError> {
        let unchanged = if seen.tried == 0 { "attribute_not_exists(tried)" } else { "tried = :seen" };
        let mut update = self
            .calls
            .reads
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(MODELS, LIST)))
            .update_expression("SET tried = :now, #v = :v")
            .condition_expression(unchanged)
            .expression_attribute_names("#v", "v")
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":now", number(now));
        if seen.tried > 0 {
            update = update.expression_attribute_values(":seen", number(seen.tried));
        }
        match update.send().await.map_err(|error| failure(&error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Condition(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the models of a list, then that it was read. If this fails in between, the table contains models of two lists,
    /// each with its own version.
    pub async fn put_list(&self, items: &[ListedItem], state: ListState) -> Result<(), StoreError> {
        self.put_all(items.iter().map(ListedItem::item)).await?;
        let update = self
            .calls
            .reads
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(MODELS, LIST)))
            .update_expression("SET #read = :read, models = :models")
            .expression_attribute_names("#read", "read")
            .expression_attribute_values(":read", number(state.read))
            .expression_attribute_values(":models", number(state.models));
        update.send().await.map(drop).map_err(|error| failure(&error))
    }
}
