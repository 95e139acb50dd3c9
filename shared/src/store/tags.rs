//! Decides under which tag a request's usage is counted: its own, until its key has used all tags of the day.
//!
//! One item per key and day lists the tags. Each process remembers what it read, so a tag costs a write only when a process
//! first sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::items::{DayTags, MOST_TAGS, Record, iso_day, number, text};
use super::{Store, StoreError, failure};
use crate::ids::{KeyId, Tag};

/// Number of keys whose tags a process remembers. After that it forgets all and reads them again.
const CAPACITY: usize = 1_000;

/// The tags that a process knows, by key and day.
#[derive(Clone, Debug, Default)]
pub(super) struct TagMemory(Arc<Mutex<HashMap<(KeyId, String), DayTags>>>);

impl TagMemory {
    /// The tag under which a request is counted, if it is known.
    fn counted(&self, place: &(KeyId, String), tag: &Tag) -> Option<Tag> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tags = known.get(place)?;
        if tags.has(tag) { Some(tag.clone()) } else { tags.is_full().then(Tag::other) }
    }

    fn remember(&self, place: (KeyId, String), tags: DayTags) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(place, tags);
    }
}

impl Store {
    /// The tag under which a record is added to its rollup. If the table does not answer, it is [`Tag::other`]: a settlement
    /// does not wait, and the number of tags stays limited.
    pub(super) async fn counted_tag(&self, record: &Record) -> Option<Tag> {
        let tag = record.tag.as_ref()?;
        let place = (record.key.clone(), iso_day(record.started()));
        if let Some(known) = self.tags.counted(&place, tag) {
            return Some(known);
        }
        match self.add_tag(record, &place.1, tag).await {
            Ok(tags) => self.tags.remember(place.clone(), tags),
            Err(error) => tracing::warn!(request = %record.request, cause = %error.reason(), "a tag was not noted"),
        }
        Some(self.tags.counted(&place, tag).unwrap_or_else(Tag::other))
    }

    /// Adds a tag to its day if there is room. Returns all tags of the day.
    async fn add_tag(&self, record: &Record, day: &str, tag: &Tag) -> Result<DayTags, StoreError> {
        let update = self
            .calls
            .admissions
            .update_item()
            .table_name(&self.table)
            .set_key(Some(DayTags::key(&record.key, day)))
            .update_expression("ADD #tags :new SET #ttl = :ttl, #v = :v")
            .condition_expression("attribute_not_exists(#tags) OR size(#tags) < :most OR contains(#tags, :tag)")
            .expression_attribute_names("#tags", DayTags::ATTRIBUTE)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#v", "v")
            .expression_attribute_values(":new", AttributeValue::Ss(vec![tag.as_str().to_owned()]))
            .expression_attribute_values(":tag", text(tag.as_str()))
            .expression_attribute_values(":most", number(MOST_TAGS))
            .expression_attribute_values(":v", number(1))
            .expression_attribute_values(":ttl", number(DayTags::ttl(record.started().as_second())))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(output) => Ok(DayTags::read(&output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(full)) => {
                    full.item.as_ref().map(DayTags::read).ok_or_else(|| failure(&error))
                }
                _ => Err(failure(&error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_day_counts_other_tags_together_and_a_day_with_room_is_asked_again() {
        let memory = TagMemory::default();
        let place = (KeyId::parse("0123456789abcdef").unwrap(), "2026-11-27".to_owned());
        let tag = |name: &str| Tag::parse(name).unwrap();
        let day = |count: usize| {
            let tags: Vec<String> = (0..count).map(|number| format!("t{number}")).collect();
            DayTags::read(&HashMap::from([(DayTags::ATTRIBUTE.to_owned(), AttributeValue::Ss(tags))]))
        };
        assert_eq!(memory.counted(&place, &tag("t0")), None);
        memory.remember(place.clone(), day(31));
        assert_eq!(memory.counted(&place, &tag("t30")), Some(tag("t30")));
        assert_eq!(memory.counted(&place, &tag("t31")), None);
        memory.remember(place.clone(), day(32));
        assert_eq!(memory.counted(&place, &tag("t31")), Some(tag("t31")));
        assert_eq!(memory.counted(&place, &tag("new")), Some(Tag::other()));
    }
}
