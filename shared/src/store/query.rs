//! Reads one item, or all items of a query: rollups, records and what else has the same partition key.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::items::{Item, Record, Rollup, partition, primary_key, text};
use super::{Store, StoreError, failure};
use crate::ids::{KeyId, RequestId};

impl Store {
    /// The rollups of a key from day `first` to day `last` (`yyyy-mm-dd`, inclusive).
    pub async fn rollups(&self, key: &KeyId, first: &str, last: &str) -> Result<Vec<Rollup>, StoreError> {
        let query = self
            .calls
            .pages
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition(key)))
            .expression_attribute_values(":first", text(format!("D#{first}")))
            // `~` sorts after every character of a model id.
            .expression_attribute_values(":last", text(format!("D#{last}~")));
        // There may be thousands. The query returns only the needed attributes, and each page is dropped after it was read.
        let names = Rollup::names().map(|name| format!("#{name}")).collect::<Vec<_>>().join(", ");
        let query = Rollup::names().fold(query.projection_expression(names), |query, name| {
            query.expression_attribute_names(format!("#{name}"), name)
        });
        self.read_pages(query, |item| Rollup::read(&item)).await
    }

    /// All items of a query.
    pub(super) async fn pages(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
        self.read_pages(query, Ok).await
    }

    /// What is read from all items of a query.
    async fn read_pages<T>(
        &self,
        query: QueryFluentBuilder,
        read: impl Fn(Item) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let (mut all, mut start) = (Vec::new(), None);
        loop {
            let page = query.clone().set_exclusive_start_key(start);
            let page = page.send().await.map_err(|error| failure(&error))?;
            for item in page.items.unwrap_or_default() {
                all.push(read(item)?);
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(all);
            }
        }
    }

    /// The record of a request, if there is one.
    pub async fn record(&self, key: &KeyId, request: RequestId) -> Result<Option<Record>, StoreError> {
        self.current(Record::key_of(key, request)).await?.as_ref().map(Record::read).transpose()
    }

    /// One item, with a consistent read, if it exists.
    pub(super) async fn current(&self, keys: Item) -> Result<Option<Item>, StoreError> {
        let get = self.calls.reads.get_item().table_name(&self.table).set_key(Some(keys)).consistent_read(true);
        let output = get.send().await.map_err(|error| failure(&error))?;
        Ok(output.item)
    }

    /// One item, if it exists.
    pub(super) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let get = self.calls.reads.get_item().table_name(&self.table).set_key(Some(primary_key(pk, sk)));
        let output = get.send().await.map_err(|error| failure(&error))?;
        Ok(output.item)
    }
}
