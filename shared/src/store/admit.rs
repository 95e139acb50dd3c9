//! The single conditional write of an admission, and the release of its hold.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::items::{
    ACTIVE, ANY, AdmitWrite, Item, KEY, KeyStatus, Place, ReleaseWrite, StoredKey, TakeWrite, active_mark, number,
    packed_mark, partition, primary_key, text, text_mark,
};
use super::{Store, StoreError, failure};
use crate::ids::{KeyDigest, KeyId, RequestId};

/// Common facts of everything that is taken from a key: the caller and the model.
const MAY_USE: &str = "(digest = :digest OR (old_digest = :digest AND old_until > :now)) AND #status = :active \
                       AND expires > :now AND (contains(models, :model) OR contains(models, :any))";
/// Further facts of an admission.
const ADMITTED: &str = "balance >= :amount AND attribute_not_exists(holds.#r) AND attribute_not_exists(expired.#r)";

/// The result of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conditional {
    /// Done; the key after the write.
    Written(Box<StoredKey>),
    /// The condition failed; the key as it was, if it exists.
    Refused(Option<Box<StoredKey>>),
}

impl Store {
    /// Takes everything that a request needs from its key, or nothing. Makes one attempt; the caller decides about another.
    pub async fn admit(&self, write: &AdmitWrite) -> Result<Conditional, StoreError> {
        let (update, condition) = (admit_update(write), admit_condition(write));
        let (name, hold) = write.hold.entry(write.request);
        let user = User { digest: write.digest, model: &write.model, now: write.now };
        let mut builder = may_use(self.key_update(&self.calls.admissions, &write.key, update, condition), user)
            .expression_attribute_names("#r", name)
            .expression_attribute_names("#active", ACTIVE)
            .expression_attribute_values(":mark", number(active_mark(&write.key, write.now)))
            .expression_attribute_values(":amount", number(write.hold.amount.pico()))
            .expression_attribute_values(":hold", hold)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":tokens", number(write.hold.tokens))
            .expression_attribute_values(":w", number(write.hold.window));
        if let Some(eviction) = &write.eviction {
            builder = builder.expression_attribute_values(":slots", number(eviction.slots));
        }
        for (position, (request, hold)) in write.dead().iter().enumerate() {
            let (name, hold) = hold.entry(*request);
            builder = builder
                .expression_attribute_names(format!("#d{position}"), name)
                .expression_attribute_values(format!(":d{position}"), hold);
        }
        conditional(builder).await
    }

    /// Takes one request from a key's rate. Makes one attempt; the caller decides about another.
    pub async fn take_request(&self, write: &TakeWrite) -> Result<Conditional, StoreError> {
        let (update, rates) = if write.reset {
            ("SET #window = :w, requests_left = rpm - :one, tokens_left = tpm", "#window < :w AND rpm >= :one")
        } else {
            ("SET requests_left = requests_left - :one", "#window >= :w AND requests_left >= :one")
        };
        let update =
            self.key_update(&self.calls.admissions, &write.key, update.to_owned(), format!("{MAY_USE} AND {rates}"));
        let update = may_use(update, User { digest: write.digest, model: &write.model, now: write.now })
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":w", number(write.window));
        conditional(update).await
    }

    /// Ends a hold in the map that the write names (running or expired), and returns its refund. The condition fails if the
    /// hold is not there. Makes one attempt.
    pub async fn release(&self, write: &ReleaseWrite) -> Result<Conditional, StoreError> {
        let place = match write.place {
            Place::Holds => "holds",
            Place::Expired => "expired",
        };
        let (mut sets, mut condition) = ("SET balance = balance + :refund".to_owned(), format!("{place}.#r = :held"));
        if write.tokens.is_some() {
            sets.push_str(", tokens_left = tokens_left + :tokens");
            condition.push_str(" AND #window = :w");
        }
        let removes = match (write.mark, write.place) {
            (Some(_), Place::Holds) => ", expired.#r = :mark REMOVE holds.#r",
            (Some(_), Place::Expired) => ", expired.#r = :mark",
            (None, Place::Holds) => " REMOVE holds.#r",
            (None, Place::Expired) => " REMOVE expired.#r",
        };
        let (name, held) = write.hold.entry(write.request);
        let mut builder = self
            .key_update(&self.calls.settlements, &write.key, format!("{sets}{removes}"), condition)
            .expression_attribute_names("#r", name)
            .expression_attribute_values(":held", held)
            .expression_attribute_values(":refund", number(write.refund));
        if let Some((window, tokens)) = write.tokens {
            builder = builder
                .expression_attribute_names("#window", "window")
                .expression_attribute_values(":w", number(window))
                .expression_attribute_values(":tokens", number(tokens));
        }
        if let Some(until) = write.mark {
            builder = builder.expression_attribute_values(":mark", write.hold.mark(write.request, until).1);
        }
        conditional(builder).await
    }

    /// Removes the mark of a released hold after its time, in either format.
    pub async fn forget_mark(&self, key: &KeyId, request: RequestId, until: u64) -> Result<Conditional, StoreError> {
        let ((packed, mark), (shown, text)) = (packed_mark(request, until), text_mark(request, until));
        let update = "REMOVE expired.#packed, expired.#shown".to_owned();
        let builder = self
            .key_update(&self.calls.settlements, key, update, "expired.#packed = :mark OR expired.#shown = :text".to_owned())
            .expression_attribute_names("#packed", packed)
            .expression_attribute_names("#shown", shown)
            .expression_attribute_values(":mark", mark)
            .expression_attribute_values(":text", text);
        conditional(builder).await
    }

    fn key_update(&self, client: &Client, key: &KeyId, update: String, condition: String) -> UpdateItemFluentBuilder {
        client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(&partition(key), KEY)))
            .update_expression(update)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// Who takes something from a key, and for which model.
#[derive(Clone, Copy)]
struct User<'a> {
    digest: KeyDigest,
    model: &'a str,
    now: u64,
}

/// The names in [`MAY_USE`], and the window, which every such write checks.
fn may_use(update: UpdateItemFluentBuilder, user: User<'_>) -> UpdateItemFluentBuilder {
    update
        .expression_attribute_names("#status", "status")
        .expression_attribute_names("#window", "window")
        .expression_attribute_values(":digest", AttributeValue::B(Blob::new(*user.digest.as_bytes())))
        .expression_attribute_values(":now", number(user.now))
        .expression_attribute_values(":active", text(KeyStatus::Active.as_str()))
        .expression_attribute_values(":model", text(user.model))
        .expression_attribute_values(":any", text(ANY))
}

fn admit_update(write: &AdmitWrite) -> String {
    let rates = if write.reset {
        "#window = :w, requests_left = rpm - :one, tokens_left = tpm - :tokens"
    } else {
        "requests_left = requests_left - :one, tokens_left = tokens_left - :tokens"
    };
    let mut update = format!("SET holds.#r = :hold, #active = :mark, balance = balance - :amount, {rates}");
    let dead = |template: &str| -> Vec<String> {
        (0..write.dead().len()).map(|position| template.replace('?', &position.to_string())).collect()
    };
    if write.eviction.is_some() {
        update = format!("{update}, {} REMOVE {}", dead("expired.#d? = :d?").join(", "), dead("holds.#d?").join(", "));
    }
    update
}

fn admit_condition(write: &AdmitWrite) -> String {
    let slots = if write.eviction.is_some() { ":slots" } else { "max_concurrent" };
    let rates = if write.reset {
        "#window < :w AND rpm >= :one AND tpm >= :tokens"
    } else {
        "#window >= :w AND requests_left >= :one AND tokens_left >= :tokens"
    };
    let mut condition = format!("{MAY_USE} AND {ADMITTED} AND size(holds) < {slots} AND {rates}");
    for position in 0..write.dead().len() {
        condition =
            format!("{condition} AND holds.#d{position} = :d{position} AND attribute_not_exists(expired.#d{position})");
    }
    condition
}

/// Sends a conditional update with a client that sends it once, because only the protocol knows whether it may be sent
/// again.
async fn conditional(update: UpdateItemFluentBuilder) -> Result<Conditional, StoreError> {
    match update.send().await {
        Ok(output) => read(output.attributes).map(|key| key.map_or(Conditional::Refused(None), Conditional::Written)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                read(refused.item().cloned()).map(Conditional::Refused)
            }
            Some(_) | None => Err(failure(&error)),
        },
    }
}

fn read(item: Option<Item>) -> Result<Option<Box<StoredKey>>, StoreError> {
    item.filter(|item| !item.is_empty()).map(|item| StoredKey::read(&item).map(Box::new)).transpose()
}
