//! A key's records for its owner: newest first, page by page.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::items::{Item, OK, Reader, Record, number, partition, text};
use super::{Store, StoreError, failure};
use crate::ids::{KeyId, RequestId};

/// Number of records that one call reads if there is a filter.
const LOOKED_AT: usize = 500;
/// Maximum number of calls for one page. Rare records are found over several pages, and no page takes seconds.
const MOST_CALLS: usize = 4;

/// A filter by outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// All.
    Any,
    /// Successful requests.
    Succeeded,
    /// All failed requests.
    Failed,
    /// Requests with this HTTP status.
    Status(u16),
}

/// A filter for records.
#[derive(Clone, Debug)]
pub struct RecordsWanted {
    /// Maximum number, at least one.
    pub limit: usize,
    /// Only requests that started before this one.
    pub before: Option<RequestId>,
    /// Only this public model id.
    pub model: Option<String>,
    /// Only these outcomes.
    pub outcome: OutcomeFilter,
}

/// A page of records.
#[derive(Clone, Debug)]
pub struct RecordPage {
    /// Newest first.
    pub records: Vec<Record>,
    /// The next page starts before this request. `None` at the end. With a filter, a page may be short or empty although
    /// more pages follow.
    pub next: Option<RequestId>,
}

impl Store {
    /// A page of a key's records.
    pub async fn record_page(&self, key: &KeyId, wanted: &RecordsWanted) -> Result<RecordPage, StoreError> {
        let filter = Filter::of(wanted);
        // One more record than the page shows whether another page follows.
        let looked_at = if filter.is_empty() { wanted.limit.saturating_add(1) } else { LOOKED_AT };
        let (mut items, mut start) = (Vec::new(), wanted.before.map(|request| Record::key_of(key, request)));
        for _ in 0..MOST_CALLS {
            let page = self.page_of_records(key, start.take(), &filter, looked_at).await?;
            items.extend(page.items);
            start = page.last;
            if start.is_none() || items.len() > wanted.limit {
                break;
            }
        }
        let is_cut = items.len() > wanted.limit;
        items.truncate(wanted.limit);
        let records = items.iter().map(Record::read).collect::<Result<Vec<_>, _>>()?;
        let next =
            if is_cut { records.last().map(|record| record.request) } else { start.as_ref().map(request_of).transpose()? };
        Ok(RecordPage { records, next })
    }

    async fn page_of_records(
        &self,
        key: &KeyId,
        start: Option<Item>,
        filter: &Filter,
        looked_at: usize,
    ) -> Result<Page, StoreError> {
        let mut query = self
            .calls
            .pages
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .limit(i32::try_from(looked_at).unwrap_or(i32::MAX))
            .key_condition_expression("pk = :pk AND begins_with(sk, :records)")
            .expression_attribute_values(":pk", text(partition(key)))
            .expression_attribute_values(":records", text("E#"))
            .set_exclusive_start_key(start);
        if !filter.is_empty() {
            query = query.filter_expression(filter.conditions.join(" AND "));
            for (name, value) in &filter.values {
                query = query.expression_attribute_names(format!("#{name}"), *name);
                query = query.expression_attribute_values(format!(":{name}"), value.clone());
            }
        }
        let output = query.send().await.map_err(|error| failure(&error))?;
        let last = output.last_evaluated_key.filter(|last| !last.is_empty());
        Ok(Page { items: output.items.unwrap_or_default(), last })
    }
}

/// The result of one call.
struct Page {
    items: Vec<Item>,
    /// The last item that was read, if there are more.
    last: Option<Item>,
}

/// The conditions of a filter expression, and their attributes.
struct Filter {
    conditions: Vec<&'static str>,
    values: HashMap<&'static str, AttributeValue>,
}

impl Filter {
    fn of(wanted: &RecordsWanted) -> Self {
        let mut filter = Self { conditions: Vec::new(), values: HashMap::new() };
        if let Some(model) = &wanted.model {
            filter.add("#model = :model", "model", text(model));
        }
        match wanted.outcome {
            OutcomeFilter::Any => {}
            OutcomeFilter::Succeeded => filter.add("#status = :status", "status", number(OK)),
            OutcomeFilter::Failed => filter.add("#status <> :status", "status", number(OK)),
            OutcomeFilter::Status(status) => filter.add("#status = :status", "status", number(status)),
        }
        filter
    }

    fn add(&mut self, condition: &'static str, name: &'static str, value: AttributeValue) {
        self.conditions.push(condition);
        self.values.insert(name, value);
    }

    fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }
}

/// The request in a record's key.
fn request_of(keys: &Item) -> Result<RequestId, StoreError> {
    let reader = Reader(keys);
    let id = reader.text("sk")?.rsplit('#').next();
    id.and_then(RequestId::parse).ok_or_else(|| StoreError::Malformed("not a record's key".into()))
}
