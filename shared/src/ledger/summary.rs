//! A key's usage, from the rollups.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::chat::Usage;
use crate::error::GatewayError;
use crate::ids::{KeyId, Tag};
use crate::money::PicoUsd;
use crate::store::items::{OK, Rollup, Timing, iso_day};
use crate::store::{Store, StoreError};

const MOST_DAYS: u16 = 90;
const DEFAULT_DAYS: u16 = 30;

/// Number of days in a summary: 1 to 90.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(u16);

impl Days {
    /// Parses the `days` parameter; 30 if it is missing.
    pub fn parse(text: Option<&str>) -> Result<Self, GatewayError> {
        let days = text.map_or(Some(DEFAULT_DAYS), |text| text.parse().ok());
        days.filter(|days| (1..=MOST_DAYS).contains(days))
            .map(Self)
            .ok_or_else(|| GatewayError::invalid("days", format!("days: must be a whole number from 1 to {MOST_DAYS}.")))
    }

    /// The number of days.
    pub fn get(self) -> u16 {
        self.0
    }

    /// Start and end of the period whose last day (UTC) contains `now`.
    pub fn period(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let today = now.to_zoned(TimeZone::UTC).with().time(Time::midnight()).build();
        let today = today.map_or(now, |midnight| midnight.timestamp());
        let day = |count: u16| SignedDuration::from_hours(24 * i64::from(count));
        let end = today.saturating_add(day(1)).unwrap_or(today);
        (end.saturating_sub(day(self.0)).unwrap_or(today), end)
    }
}

/// The start of a day, `yyyy-mm-dd` in UTC.
pub fn day(text: &str) -> Option<Timestamp> {
    let date: Date = (text.len() == "yyyy-mm-dd".len()).then(|| text.parse().ok())??;
    date.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

/// Requests, tokens and money of a model, of a day, or of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelUsage {
    /// Number of requests, including failed ones.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// The sums of the token counts.
    pub usage: Usage,
    /// The sum of the charges.
    pub charged: PicoUsd,
    /// Durations of the successful requests.
    pub timing: Timing,
}

impl ModelUsage {
    fn add(&mut self, rollup: &Rollup) {
        self.requests = self.requests.saturating_add(rollup.requests);
        self.errors = self.errors.saturating_add(rollup.errors);
        self.charged += rollup.charged;
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, provider_cost, .. } = rollup.usage;
        let sum = &mut self.usage;
        sum.input = sum.input.saturating_add(input);
        sum.cache_read = sum.cache_read.saturating_add(cache_read);
        sum.cache_write_5m = sum.cache_write_5m.saturating_add(cache_write_5m);
        sum.cache_write_1h = sum.cache_write_1h.saturating_add(cache_write_1h);
        sum.output = sum.output.saturating_add(output);
        sum.reasoning = sum.reasoning.saturating_add(reasoning);
        let Timing { requests, duration_ms, first_event_ms } = rollup.timing;
        self.timing.requests = self.timing.requests.saturating_add(requests);
        self.timing.duration_ms = self.timing.duration_ms.saturating_add(duration_ms);
        self.timing.first_event_ms = self.timing.first_event_ms.saturating_add(first_event_ms);
        sum.provider_cost = Some(sum.provider_cost.unwrap_or_default() + provider_cost.unwrap_or_default());
    }
}

/// Groups of usage, the most expensive first.
pub fn dearest_first<K>(groups: &BTreeMap<K, ModelUsage>) -> Vec<(&K, &ModelUsage)> {
    let mut groups: Vec<(&K, &ModelUsage)> = groups.iter().collect();
    groups.sort_by_key(|(_, usage)| (Reverse(usage.charged), Reverse(usage.requests)));
    groups
}

/// A key's usage over some days.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Start of the period, inclusive.
    pub start: Timestamp,
    /// End of the period, exclusive.
    pub end: Timestamp,
    /// The total.
    pub total: ModelUsage,
    /// By public model id.
    pub by_model: BTreeMap<String, ModelUsage>,
    /// By day, `yyyy-mm-dd`.
    pub by_day: BTreeMap<String, ModelUsage>,
    /// By the tag under which usage is counted; `None` without a tag.
    pub by_tag: BTreeMap<Option<Tag>, ModelUsage>,
    /// By HTTP status; `None` for failures that earlier versions recorded without a status.
    pub by_status: BTreeMap<Option<u16>, ModelUsage>,
}

impl Summary {
    /// Reads the usage of a key for some days. The last one (UTC) contains `last`.
    pub async fn read(store: &Store, key: &KeyId, days: Days, last: Timestamp) -> Result<Self, StoreError> {
        let (start, end) = days.period(last);
        let rollups = store.rollups(key, &iso_day(start), &iso_day(last)).await?;
        Ok(Self::of(start, end, &rollups))
    }

    fn of(start: Timestamp, end: Timestamp, rollups: &[Rollup]) -> Self {
        let mut summary = Self {
            start,
            end,
            total: ModelUsage::default(),
            by_model: BTreeMap::new(),
            by_day: BTreeMap::new(),
            by_tag: BTreeMap::new(),
            by_status: BTreeMap::new(),
        };
        for rollup in rollups {
            summary.total.add(rollup);
            summary.by_model.entry(rollup.model.clone()).or_default().add(rollup);
            summary.by_day.entry(rollup.day.clone()).or_default().add(rollup);
            summary.by_tag.entry(rollup.tag.clone()).or_default().add(rollup);
            summary.add_by_status(rollup);
        }
        summary
    }

    /// Earlier versions added failures to the successful requests. Their number can be subtracted, their usage cannot.
    fn add_by_status(&mut self, rollup: &Rollup) {
        let failed = rollup.errors.min(rollup.requests);
        match rollup.status {
            Some(_) => self.by_status.entry(rollup.status).or_default().add(rollup),
            None if failed == 0 => self.by_status.entry(Some(OK)).or_default().add(rollup),
            None if failed == rollup.requests => self.by_status.entry(None).or_default().add(rollup),
            None => {
                let unknown = self.by_status.entry(None).or_default();
                unknown.requests = unknown.requests.saturating_add(failed);
                unknown.errors = unknown.errors.saturating_add(failed);
                let succeeded = Rollup { requests: rollup.requests.saturating_sub(failed), errors: 0, ..rollup.clone() };
                self.by_status.entry(Some(OK)).or_default().add(&succeeded);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_between_one_and_ninety() {
        for (text, days) in [(None, Some(30)), (Some("1"), Some(1)), (Some("90"), Some(90))] {
            assert_eq!(Days::parse(text).ok().map(Days::get), days);
        }
        for text in ["0", "91", "-1", "1.5", "", "x", "99999999999"] {
            assert_eq!(Days::parse(Some(text)).unwrap_err().param(), Some("days"), "{text}");
        }
    }

    /// Some requests of a model on a day.
    fn rollup(status: Option<u16>, tag: Option<&str>, requests: u64, errors: u64) -> Rollup {
        Rollup {
            day: "2026-02-05".to_owned(),
            model: "gpt-5.2".to_owned(),
            status,
            tag: tag.and_then(Tag::parse),
            requests,
            errors,
            usage: Usage { input: 10 * requests, ..Usage::default() },
            charged: PicoUsd::new(u128::from(requests)),
            timing: Timing { requests: requests - errors, duration_ms: 100 * requests, first_event_ms: 7 },
        }
    }

    #[test]
    fn usage_adds_up_by_tag_and_by_status_and_errors_of_earlier_versions_have_none() {
        let now: Timestamp = "2026-02-05T12:00:00Z".parse().unwrap();
        let rollups = [
            rollup(None, None, 5, 2),
            rollup(None, None, 1, 1),
            rollup(None, None, 4, 0),
            rollup(Some(200), Some("a"), 3, 0),
            rollup(Some(502), Some("a"), 2, 2),
            rollup(Some(529), None, 1, 1),
        ];
        let summary = Summary::of(now, now, &rollups);
        let sums = |usage: &ModelUsage| (usage.requests, usage.errors, usage.usage.input, usage.timing.requests);
        assert_eq!(sums(&summary.total), (16, 6, 160, 10));
        let by_tag: Vec<_> =
            summary.by_tag.iter().map(|(tag, usage)| (tag.as_ref().map(Tag::as_str), sums(usage))).collect();
        assert_eq!(by_tag, [(None, (11, 4, 110, 7)), (Some("a"), (5, 2, 50, 3))]);
        let by_status: Vec<_> = summary.by_status.iter().map(|(status, usage)| (*status, sums(usage))).collect();
        // What two failures among five requests used is not known: it stays with those that succeeded.
        assert_eq!(
            by_status,
            [(None, (3, 3, 10, 0)), (Some(200), (10, 0, 120, 10)), (Some(502), (2, 2, 20, 0)), (Some(529), (1, 1, 10, 0)),]
        );
    }

    #[test]
    fn a_day_is_read_as_its_start_in_utc() {
        assert_eq!(day("2026-02-05").unwrap().to_string(), "2026-02-05T00:00:00Z");
        for text in ["", "2026-02-30", "2026-2-5", "2026-02-05T00", "20260205", "yesterday", "+002026-02"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_period_ends_at_the_next_utc_midnight() {
        let now: Timestamp = "2026-02-05T23:59:59.999Z".parse().unwrap();
        let (start, end) = Days(30).period(now);
        assert_eq!((start.to_string(), end.to_string()), ("2026-01-07T00:00:00Z".into(), "2026-02-06T00:00:00Z".into()));
        let (start, end) = Days(1).period("2026-03-01T00:00:00Z".parse().unwrap());
        assert_eq!((start.to_string(), end.to_string()), ("2026-03-01T00:00:00Z".into(), "2026-03-02T00:00:00Z".into()));
    }
}
