//! The usage record of a request, and the rollup it is added to.

use std::borrow::Cow;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{Item, Reader, VERSION, iso_day, iso_millis, malformed, number, partition, primary_key, text};
use crate::chat::Usage;
use crate::ids::{KeyId, RequestId};
use crate::money::PicoUsd;
use crate::reason::Reason;
use crate::store::StoreError;

/// Rollups of one key, day and model are spread over this many items, so that a busy key does not write one item only.
const ROLLUP_SHARDS: u8 = 8;
const RECORD_DAYS: i64 = 100;
const ROLLUP_DAYS: i64 = 400;
const SECONDS_PER_DAY: i64 = 86_400;

/// Where a record's token counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The provider reported them.
    Upstream,
    /// It did not; they follow from the length of the texts.
    Estimated,
}

impl TokenSource {
    /// The attribute's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Estimated => "estimated",
        }
    }

    /// The source of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Upstream, Self::Estimated].into_iter().find(|source| source.as_str() == text)
    }
}

/// The immutable usage record of a request. Written once, never changed.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose request.
    pub key: KeyId,
    /// Which request; its start is in the id.
    pub request: RequestId,
    /// The client format's name; empty when nobody knows it any more.
    pub format: Cow<'static, str>,
    /// The public model id.
    pub model: String,
    /// The public id of the model that answered: the same, or its replacement; empty when nobody knows it any more.
    pub served_model: String,
    /// The name of that model at its provider; empty when nobody knows it any more.
    pub upstream_model: String,
    /// The provider that answered; empty when nobody knows it any more.
    pub provider: Cow<'static, str>,
    /// Upstream calls made.
    pub attempts: u32,
    /// The HTTP status of the outcome: 200, or what the failure stands for.
    pub status: u16,
    /// Why the model stopped; empty when it did not, `interrupted` when the process died.
    pub finish: Cow<'static, str>,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// The token counts.
    pub usage: Usage,
    /// Where they come from.
    pub source: TokenSource,
    /// By which prices it is charged: a label of the catalogue's.
    pub price_version: String,
    /// What was added to the price, in thousandths.
    pub markup_permille: u32,
    /// What it cost at the provider: reported, or computed from the prices.
    pub provider_cost: PicoUsd,
    /// What the key is charged.
    pub charged: PicoUsd,
    /// Milliseconds to the first event; `None` when none came.
    pub first_event_ms: Option<u64>,
    /// Milliseconds to the end.
    pub duration_ms: u64,
}

/// When a request started, by its id.
pub fn start_of(request: RequestId) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(request.started().as_millis()).unwrap_or(0)).unwrap_or_default()
}

impl Record {
    /// The keys of a request's record: everything in them is in its id.
    pub fn key_of(key: &KeyId, request: RequestId) -> Item {
        primary_key(&partition(key), &format!("E#{}#{request}", iso_millis(start_of(request))))
    }

    /// When the request started.
    pub fn started(&self) -> Timestamp {
        start_of(self.request)
    }

    /// The item, keyed by the request's start.
    pub fn item(&self) -> Item {
        let started = self.started();
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read, output, reasoning, .. } =
            self.usage;
        let mut item = Self::key_of(&self.key, self.request);
        let attributes = [
            ("v", number(VERSION)),
            ("format", text(self.format.as_ref())),
            ("model", text(&self.model)),
            ("provider", text(self.provider.as_ref())),
            ("attempts", number(self.attempts)),
            ("status", number(self.status)),
            ("finish", text(self.finish.as_ref())),
            ("upstream_id", text(&self.upstream_id)),
            ("input", number(input)),
            ("cache_read", number(cache_read)),
            ("cache_write_5m", number(cache_write_5m)),
            ("cache_write_1h", number(cache_write_1h)),
            ("output", number(output)),
            ("reasoning", number(reasoning)),
            ("source", text(self.source.as_str())),
            ("price_version", text(&self.price_version)),
            ("markup", number(self.markup_permille)),
            ("provider_cost", number(self.provider_cost.pico())),
            ("charged", number(self.charged.pico())),
            ("duration_ms", number(self.duration_ms)),
            ("ttl", number(started.as_second().saturating_add(RECORD_DAYS * SECONDS_PER_DAY))),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        let names = [("served_model", &self.served_model), ("upstream_model", &self.upstream_model)];
        item.extend(
            names.into_iter().filter(|(_, name)| !name.is_empty()).map(|(field, name)| (field.to_owned(), text(name))),
        );
        let sound = [("audio", audio), ("audio_cache_read", audio_cache_read)];
        item.extend(sound.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), number(count))));
        item.extend(self.first_event_ms.map(|ms| ("first_event_ms".to_owned(), number(ms))));
        item
    }

    /// Reads a record's item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let malformed = |name: &'static str| StoreError::Malformed(Reason::words(&["a record's attribute", name]));
        let (pk, sk) = (reader.text("pk")?, reader.text("sk")?);
        let small = |name: &'static str| u32::try_from(reader.count(name)?).map_err(|_| malformed(name));
        let sound = |name: &'static str| if item.contains_key(name) { reader.count(name) } else { Ok(0) };
        let name = |field: &'static str| {
            if item.contains_key(field) { reader.text(field).map(str::to_owned) } else { Ok(String::new()) }
        };
        let first_event_ms = item.contains_key("first_event_ms").then(|| reader.count("first_event_ms")).transpose()?;
        let provider_cost = PicoUsd::new(reader.number("provider_cost")?);
        Ok(Self {
            key: pk.strip_prefix("K#").and_then(KeyId::parse).ok_or_else(|| malformed("pk"))?,
            request: sk.rsplit('#').next().and_then(RequestId::parse).ok_or_else(|| malformed("sk"))?,
            format: reader.text("format")?.to_owned().into(),
            model: reader.text("model")?.to_owned(),
            served_model: name("served_model")?,
            upstream_model: name("upstream_model")?,
            provider: reader.text("provider")?.to_owned().into(),
            attempts: small("attempts")?,
            status: u16::try_from(reader.count("status")?).map_err(|_| malformed("status"))?,
            finish: reader.text("finish")?.to_owned().into(),
            upstream_id: reader.text("upstream_id")?.to_owned(),
            usage: Usage {
                input: reader.count("input")?,
                cache_read: reader.count("cache_read")?,
                cache_write_5m: reader.count("cache_write_5m")?,
                cache_write_1h: reader.count("cache_write_1h")?,
                audio: sound("audio")?,
                audio_cache_read: sound("audio_cache_read")?,
                output: reader.count("output")?,
                reasoning: reader.count("reasoning")?,
                provider_cost: Some(provider_cost),
            },
            source: TokenSource::parse(reader.text("source")?).ok_or_else(|| malformed("source"))?,
            price_version: reader.text("price_version")?.to_owned(),
            markup_permille: small("markup")?,
            provider_cost,
            charged: PicoUsd::new(reader.number("charged")?),
            first_event_ms,
            duration_ms: reader.count("duration_ms")?,
        })
    }

    /// The rollup's key: day of the request's start, model, shard.
    pub fn rollup_key(&self) -> Item {
        let shard = self.request.shard(ROLLUP_SHARDS);
        let day = iso_day(self.started());
        primary_key(&partition(&self.key), &format!("D#{day}#{}#{shard}", self.model))
    }

    /// What the rollup adds up, by attribute. Zeros are left out: an attribute that is not there is zero.
    pub fn rollup_additions(&self) -> Vec<(&'static str, AttributeValue)> {
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, .. } = self.usage;
        let additions = [
            (rollup::REQUESTS, 1),
            (rollup::ERRORS, u128::from(self.status != 200)),
            (rollup::INPUT, u128::from(input)),
            (rollup::CACHE_READ, u128::from(cache_read)),
            (rollup::CACHE_WRITE_5M, u128::from(cache_write_5m)),
            (rollup::CACHE_WRITE_1H, u128::from(cache_write_1h)),
            (rollup::OUTPUT, u128::from(output)),
            (rollup::REASONING, u128::from(reasoning)),
            (rollup::PROVIDER_COST, self.provider_cost.pico()),
            (rollup::CHARGED, self.charged.pico()),
        ];
        additions.into_iter().filter(|(_, value)| *value > 0).map(|((name, _), value)| (name, number(value))).collect()
    }

    /// When the rollup may be forgotten, in seconds since the epoch.
    pub fn rollup_ttl(&self) -> i64 {
        self.started().as_second().saturating_add(ROLLUP_DAYS * SECONDS_PER_DAY)
    }
}

/// What a rollup's attributes are called: short, so that three months of every model fit two pages of a query. Versions before wrote
/// the long names; a rollup may have both, which are added up.
mod rollup {
    /// Short and long.
    pub(super) type Name = (&'static str, &'static str);

    pub(super) const REQUESTS: Name = ("n", "n");
    pub(super) const ERRORS: Name = ("e", "errors");
    pub(super) const INPUT: Name = ("i", "input");
    pub(super) const CACHE_READ: Name = ("r", "cache_read");
    pub(super) const CACHE_WRITE_5M: Name = ("w", "cache_write_5m");
    pub(super) const CACHE_WRITE_1H: Name = ("h", "cache_write_1h");
    pub(super) const OUTPUT: Name = ("o", "output");
    pub(super) const REASONING: Name = ("t", "reasoning");
    pub(super) const PROVIDER_COST: Name = ("p", "provider_cost");
    pub(super) const CHARGED: Name = ("c", "charged");
    pub(super) const ALL: [Name; 10] =
        [REQUESTS, ERRORS, INPUT, CACHE_READ, CACHE_WRITE_5M, CACHE_WRITE_1H, OUTPUT, REASONING, PROVIDER_COST, CHARGED];
}

/// One shard of a key's usage of a model on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// `yyyy-mm-dd`, UTC.
    pub day: String,
    /// The public model id.
    pub model: String,
    /// Requests.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Token counts.
    pub usage: Usage,
    /// What was charged.
    pub charged: PicoUsd,
}

impl Rollup {
    /// The attributes that [`Self::read`] looks at.
    pub(in crate::store) fn names() -> impl Iterator<Item = &'static str> {
        let names =
            rollup::ALL.into_iter().flat_map(|(short, long)| [short, long].into_iter().take(1 + usize::from(short != long)));
        std::iter::once("sk").chain(names)
    }

    /// Reads a rollup item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let sk = reader.text("sk")?;
        let parts: Vec<&str> = sk.split('#').collect();
        let [_, day, model, _] = parts.as_slice() else {
            return Err(StoreError::Malformed("what is not a rollup's key".into()));
        };
        let number = |name: &'static str| if item.contains_key(name) { reader.number(name) } else { Ok(0) };
        let sum = |(short, long): rollup::Name| {
            let of_long = if short == long { 0 } else { number(long)? };
            Ok::<_, StoreError>(number(short)?.saturating_add(of_long))
        };
        let count = |name: rollup::Name| u64::try_from(sum(name)?).map_err(|_| malformed(name.0, "is too large"));
        Ok(Self {
            day: (*day).to_owned(),
            model: (*model).to_owned(),
            requests: count(rollup::REQUESTS)?,
            errors: count(rollup::ERRORS)?,
            usage: Usage {
                input: count(rollup::INPUT)?,
                cache_read: count(rollup::CACHE_READ)?,
                cache_write_5m: count(rollup::CACHE_WRITE_5M)?,
                cache_write_1h: count(rollup::CACHE_WRITE_1H)?,
                output: count(rollup::OUTPUT)?,
                reasoning: count(rollup::REASONING)?,
                audio: 0,
                audio_cache_read: 0,
                provider_cost: Some(PicoUsd::new(sum(rollup::PROVIDER_COST)?)),
            },
            charged: PicoUsd::new(sum(rollup::CHARGED)?),
        })
    }
}
