//! The usage record of a request.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Attempt, Item, Reader, VERSION, iso_millis, number, partition, primary_key, text};
use crate::chat::Usage;
use crate::ids::{KeyId, RequestId, Tag};
use crate::money::PicoUsd;
use crate::reason::Reason;
use crate::store::StoreError;

const RECORD_DAYS: i64 = 100;
/// The status of a successful request.
pub const OK: u16 = 200;
pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// The source of a record's token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The provider reported them.
    Upstream,
    /// Estimated from the length of the texts, because the provider reported none.
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

    /// The source with that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Upstream, Self::Estimated].into_iter().find(|source| source.as_str() == text)
    }
}

/// The immutable usage record of a request. It is written once and never changed.
#[derive(Clone, Debug)]
pub struct Record {
    /// The key.
    pub key: KeyId,
    /// The request. Its id contains its start.
    pub request: RequestId,
    /// The client format's name; empty if it is no longer known.
    pub format: Cow<'static, str>,
    /// The public model id.
    pub model: String,
    /// The public id of the model that answered: the requested one, or its replacement. Empty if it is no longer known.
    pub served_model: String,
    /// The provider's name of that model; empty if it is no longer known.
    pub upstream_model: String,
    /// The provider that answered; empty if it is no longer known.
    pub provider: Cow<'static, str>,
    /// Number of upstream calls.
    pub attempts: u32,
    /// These calls in order. Empty in records of earlier versions and of interrupted requests, of which only the number is
    /// known.
    pub attempt_log: Vec<Attempt>,
    /// The client's own label for the request.
    pub tag: Option<Tag>,
    /// The HTTP status of the outcome: 200, or the status of the failure.
    pub status: u16,
    /// Why the model stopped. Empty if it did not; `interrupted` if the process died.
    pub finish: Cow<'static, str>,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// The token counts.
    pub usage: Usage,
    /// The source of the token counts.
    pub source: TokenSource,
    /// The version of the catalogue's prices.
    pub price_version: String,
    /// The markup, in thousandths.
    pub markup_permille: u32,
    /// The cost at the provider: reported, or computed from the prices.
    pub provider_cost: PicoUsd,
    /// The charge.
    pub charged: PicoUsd,
    /// Milliseconds to the first event; `None` if there was none.
    pub first_event_ms: Option<u64>,
    /// Milliseconds to the end.
    pub duration_ms: u64,
}

/// When a request started, from its id.
pub fn start_of(request: RequestId) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(request.started().as_millis()).unwrap_or(0)).unwrap_or_default()
}

impl Record {
    /// The keys of a request's record. They follow from its id.
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
        item.extend(self.tag.as_ref().map(|tag| ("tag".to_owned(), text(tag.as_str()))));
        if !self.attempt_log.is_empty() {
            item.insert("attempt_log".to_owned(), text(Attempt::list_to_text(&self.attempt_log)));
        }
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
            attempt_log: Attempt::list_from_text(&name("attempt_log")?),
            tag: Tag::parse(&name("tag")?),
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
}
