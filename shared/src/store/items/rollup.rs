//! The rollups to which records are added: sums per key, UTC day, model, outcome and tag.

use aws_sdk_dynamodb::types::AttributeValue;

use super::record::{OK, SECONDS_PER_DAY};
use super::{Item, Reader, Record, iso_day, malformed, number, partition, primary_key};
use crate::chat::Usage;
use crate::ids::Tag;
use crate::money::PicoUsd;
use crate::store::StoreError;

/// Number of items over which the rollups of one key, day and model are spread, so that a busy key writes more than one
/// item.
const SHARDS: u8 = 8;
/// Separates the parts of the last segment of a sort key. Earlier versions read the segment as a whole, and correctly add
/// such a rollup to its day and model.
const SEPARATOR: char = ';';

/// The names of a rollup's attributes. They are short, so that three months of every model fit two pages of a query. Earlier
/// versions wrote long names. A rollup may have both, which are added up.
mod names {
    /// Short and long name.
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
    pub(super) const TIMED: Name = ("m", "m");
    pub(super) const DURATION: Name = ("d", "d");
    pub(super) const FIRST_EVENT: Name = ("f", "f");
    pub(super) const ALL: [Name; 13] = [
        REQUESTS,
        ERRORS,
        INPUT,
        CACHE_READ,
        CACHE_WRITE_5M,
        CACHE_WRITE_1H,
        OUTPUT,
        REASONING,
        PROVIDER_COST,
        CHARGED,
        TIMED,
        DURATION,
        FIRST_EVENT,
    ];
}

impl Record {
    /// The rollup's key: day of the request's start, model, shard. Failed requests and requests with a tag have items of
    /// their own: `D#<day>#<model>#<shard>;<status>;<tag>`.
    pub fn rollup_key(&self, tag: Option<&Tag>) -> Item {
        let shard = self.request.shard(SHARDS);
        let day = iso_day(self.started());
        let place = match tag {
            None if self.status == OK => shard.to_string(),
            None => format!("{shard}{SEPARATOR}{}", self.status),
            Some(tag) => format!("{shard}{SEPARATOR}{}{SEPARATOR}{tag}", self.status),
        };
        primary_key(&partition(&self.key), &format!("D#{day}#{}#{place}", self.model))
    }

    /// What to add to the rollup, by attribute. Zeros are left out: a missing attribute is zero.
    pub fn rollup_additions(&self) -> Vec<(&'static str, AttributeValue)> {
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, .. } = self.usage;
        let timing = self.timing();
        let additions = [
            (names::REQUESTS, 1),
            (names::ERRORS, u128::from(self.status != OK)),
            (names::INPUT, u128::from(input)),
            (names::CACHE_READ, u128::from(cache_read)),
            (names::CACHE_WRITE_5M, u128::from(cache_write_5m)),
            (names::CACHE_WRITE_1H, u128::from(cache_write_1h)),
            (names::OUTPUT, u128::from(output)),
            (names::REASONING, u128::from(reasoning)),
            (names::PROVIDER_COST, self.provider_cost.pico()),
            (names::CHARGED, self.charged.pico()),
            (names::TIMED, u128::from(timing.requests)),
            (names::DURATION, u128::from(timing.duration_ms)),
            (names::FIRST_EVENT, u128::from(timing.first_event_ms)),
        ];
        additions.into_iter().filter(|(_, value)| *value > 0).map(|((name, _), value)| (name, number(value))).collect()
    }

    /// The duration of a successful request. Failures would distort the average.
    fn timing(&self) -> Timing {
        match self.first_event_ms {
            Some(first_event_ms) if self.status == OK => {
                Timing { requests: 1, duration_ms: self.duration_ms, first_event_ms }
            }
            Some(_) | None => Timing::default(),
        }
    }

    /// When the rollup expires, in seconds since the epoch.
    pub fn rollup_ttl(&self) -> i64 {
        self.started().as_second().saturating_add(Rollup::DAYS * SECONDS_PER_DAY)
    }
}

/// Durations of the successful requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Number of timed requests. Zero in rollups of earlier versions.
    pub requests: u64,
    /// Sum of the milliseconds to their ends.
    pub duration_ms: u64,
    /// Sum of the milliseconds to their first events.
    pub first_event_ms: u64,
}

impl Timing {
    /// The average milliseconds to the end and to the first event; `None` if no request was timed.
    pub fn averages(self) -> [Option<u64>; 2] {
        [self.duration_ms, self.first_event_ms].map(|sum| sum.checked_div(self.requests))
    }
}

/// One shard of a key's usage of a model on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// `yyyy-mm-dd`, UTC.
    pub day: String,
    /// The public model id.
    pub model: String,
    /// The HTTP status of all its requests. `None` if the errors in it have no known status, because earlier versions did
    /// not record it.
    pub status: Option<u16>,
    /// The tag under which its requests are counted.
    pub tag: Option<Tag>,
    /// Requests.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Token counts.
    pub usage: Usage,
    /// The charges.
    pub charged: PicoUsd,
    /// Durations of requests.
    pub timing: Timing,
}

impl Rollup {
    /// Days after the start of a request until the rollups that count it expire.
    pub const DAYS: i64 = 400;

    /// The attributes that [`Self::read`] looks at.
    pub(in crate::store) fn names() -> impl Iterator<Item = &'static str> {
        let names =
            names::ALL.into_iter().flat_map(|(short, long)| [short, long].into_iter().take(1 + usize::from(short != long)));
        std::iter::once("sk").chain(names)
    }

    /// Reads a rollup item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let sk = reader.text("sk")?;
        let parts: Vec<&str> = sk.split('#').collect();
        let [_, day, model, place] = parts.as_slice() else {
            return Err(StoreError::Malformed("not a rollup's key".into()));
        };
        let mut place = place.split(SEPARATOR).skip(1);
        let number = |name: &'static str| if item.contains_key(name) { reader.number(name) } else { Ok(0) };
        let sum = |(short, long): names::Name| {
            let of_long = if short == long { 0 } else { number(long)? };
            Ok::<_, StoreError>(number(short)?.saturating_add(of_long))
        };
        let count = |name: names::Name| u64::try_from(sum(name)?).map_err(|_| malformed(name.0, "is too large"));
        Ok(Self {
            day: (*day).to_owned(),
            model: (*model).to_owned(),
            status: place.next().and_then(|status| status.parse().ok()),
            tag: place.next().and_then(Tag::parse),
            requests: count(names::REQUESTS)?,
            errors: count(names::ERRORS)?,
            usage: Usage {
                input: count(names::INPUT)?,
                cache_read: count(names::CACHE_READ)?,
                cache_write_5m: count(names::CACHE_WRITE_5M)?,
                cache_write_1h: count(names::CACHE_WRITE_1H)?,
                output: count(names::OUTPUT)?,
                reasoning: count(names::REASONING)?,
                audio: 0,
                audio_cache_read: 0,
                provider_cost: Some(PicoUsd::new(sum(names::PROVIDER_COST)?)),
            },
            charged: PicoUsd::new(sum(names::CHARGED)?),
            timing: Timing {
                requests: count(names::TIMED)?,
                duration_ms: count(names::DURATION)?,
                first_event_ms: count(names::FIRST_EVENT)?,
            },
        })
    }
}
