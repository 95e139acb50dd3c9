//! Writes logs: one JSON object per line on standard output, which CloudWatch collects, and one line of metrics per request.
//! Never prompts, keys or provider payloads: only the gateway's own lines are written, and their causes are [`Reason`]s.
//! Lines of other crates may quote a request. `docs/logging.md` lists the fields.
//!
//! [`Reason`]: crate::reason::Reason

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::LogConfig;

/// The CloudWatch namespace of the metrics.
const NAMESPACE: &str = "LlmGateway";
/// Every dimension value is billed, so models and keys are fields of the line for queries, and never dimensions.
const DIMENSIONS: [&[&str]; 1] = [&["function", "provider"]];
/// Dimensions of metrics for alarms, over all providers.
const ALARM_DIMENSIONS: [&[&str]; 1] = [&["function"]];

/// Prefix of this crate's log targets.
const OWN_TARGET: &str = "gateway";

/// The function's name, if logs are JSON. Metrics are written only then.
static FUNCTION: OnceLock<String> = OnceLock::new();

/// Starts logging: as JSON if Lambda asks for it (`AWS_LAMBDA_LOG_FORMAT=JSON`), otherwise as text.
pub fn start() {
    let LogConfig { level, json, function } = LogConfig::from_environment();
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let own = Targets::new().with_target(OWN_TARGET, level);
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_ansi(false);
    // A second start, as in tests, keeps the first subscriber.
    if json {
        let subscriber =
            subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().with(own);
        let _ = tracing::subscriber::set_global_default(subscriber);
        let _ = FUNCTION.set(function);
    } else {
        let _ = tracing::subscriber::set_global_default(subscriber.finish().with(own));
    }
    std::panic::set_hook(Box::new(log_panic));
}

/// Logs a panic's position, and its message if it is a constant. A formatted message may quote text: the default hook would
/// print a prompt in which a string slice was out of bounds.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
    let panic_message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    tracing::error!(file, line, panic_message, "panic");
}

/// The metrics of a request, in its last line. Zero counts are omitted, because a metric that is reported within an hour is
/// billed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RequestMetrics<'a> {
    /// The provider of the last attempt.
    pub provider: &'a str,
    /// Always 1.
    pub requests: u32,
    /// 1 if the request failed.
    #[serde(skip_serializing_if = "is_none")]
    pub errors: u32,
    /// Prompt tokens, including cached ones.
    pub input_tokens: u64,
    /// Generated tokens, reasoning included.
    pub output_tokens: u64,
    /// 1 if the provider's reported cost differs from the catalogue's price.
    #[serde(skip_serializing_if = "is_none")]
    pub price_drifts: u32,
    /// Milliseconds to the first content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_event_ms: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

/// The names of all published metrics. Each published name and provider is billed; other values are only fields of a line.
pub const PUBLISHED: [&str; 8] = [
    "requests",
    "errors",
    "input_tokens",
    "output_tokens",
    "price_drifts",
    "settlement_failures",
    "first_event_ms",
    "refused_lists",
];

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
}

/// A count: a metric without a unit.
const fn count_of(name: &'static str) -> Metric {
    Metric { name, unit: None }
}

/// A log line with metrics, in CloudWatch's embedded metric format if logs are JSON.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    aws: Option<Directive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    #[serde(flatten)]
    values: T,
}

/// A line's fields and metrics.
#[derive(Serialize)]
struct Counted<'a, T> {
    #[serde(flatten)]
    said: T,
    #[serde(flatten)]
    metrics: RequestMetrics<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    timestamp: u64,
    cloud_watch_metrics: Vec<MetricSet>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricSet {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 1],
    metrics: Vec<Metric>,
}

/// Writes a line that is complete JSON, without what `tracing` adds, which is a third of a short line. In text logs it is
/// shown as a message. A failed write is ignored.
pub fn write(line: &impl Serialize) {
    let Ok(mut json) = serde_json::to_vec(line) else { return };
    if FUNCTION.get().is_some() {
        json.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&json);
    } else {
        tracing::info!("{}", String::from_utf8_lossy(&json));
    }
}

/// Writes a line with metrics.
pub fn count(said: impl Serialize, metrics: RequestMetrics<'_>) {
    write(&line(FUNCTION.get().map(String::as_str), now(), said, metrics));
}

/// Counts a failed settlement.
pub fn count_settlement_failure() {
    count_one("settlement_failures");
}

/// Counts a refused list of models.
pub fn count_refused_list() {
    count_one("refused_lists");
}

fn count_one(name: &'static str) {
    if let Some(function) = FUNCTION.get() {
        write(&one(function, now(), name));
    }
}

/// Milliseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or_default()
}

fn one<'a>(function: &'a str, timestamp: u64, name: &'static str) -> Line<'a, BTreeMap<&'static str, u32>> {
    let metrics = vec![MetricSet { namespace: NAMESPACE, dimensions: ALARM_DIMENSIONS, metrics: vec![count_of(name)] }];
    let aws = Some(Directive { timestamp, cloud_watch_metrics: metrics });
    Line { aws, function: Some(function), values: BTreeMap::from([(name, 1)]) }
}

fn line<'a, T>(function: Option<&'a str>, timestamp: u64, said: T, metrics: RequestMetrics<'a>) -> Line<'a, Counted<'a, T>> {
    let aws = function.map(|_| Directive { timestamp, cloud_watch_metrics: sets(&metrics) });
    Line { aws, function, values: Counted { said, metrics } }
}

/// The metrics with a value. The format requires that every named metric is in the line.
fn sets(values: &RequestMetrics<'_>) -> Vec<MetricSet> {
    let by_provider = [
        ("requests", true),
        ("errors", !is_none(&values.errors)),
        ("input_tokens", true),
        ("output_tokens", true),
        ("price_drifts", !is_none(&values.price_drifts)),
    ];
    let metrics = by_provider.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| count_of(name)).collect();
    let mut sets = vec![MetricSet { namespace: NAMESPACE, dimensions: DIMENSIONS, metrics }];
    if values.first_event_ms.is_some() {
        let metrics = vec![Metric { name: "first_event_ms", unit: Some("Milliseconds") }];
        sets.push(MetricSet { namespace: NAMESPACE, dimensions: ALARM_DIMENSIONS, metrics });
    }
    sets
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const VALUES: RequestMetrics<'static> = RequestMetrics {
        provider: "openrouter",
        requests: 1,
        errors: 0,
        input_tokens: 4,
        output_tokens: 5,
        price_drifts: 0,
        first_event_ms: Some(3),
    };

    #[test]
    fn what_happens_seldom_is_a_line_of_its_own_that_counts_one_for_its_function() {
        for name in ["refused_lists", "settlement_failures"] {
            let line = serde_json::to_value(one("reconcile", 17, name)).unwrap();
            let set = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!((&set["Dimensions"][0][0], &set["Metrics"][0]["Name"]), (&"function".into(), &name.into()));
            assert_eq!((&line["function"], &line[name]), (&"reconcile".into(), &1.into()));
            assert!(PUBLISHED.contains(&name));
        }
    }

    #[test]
    fn a_panic_is_logged_with_its_place_and_without_words_that_were_made_of_a_text() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || Sink(Arc::clone(&sink))).finish();
        std::panic::set_hook(Box::new(log_panic));
        tracing::subscriber::with_default(subscriber, || {
            let prompt = "prompt";
            drop(std::panic::catch_unwind(|| panic!("{prompt} of the client")));
            drop(std::panic::catch_unwind(|| panic!("words of the program")));
        });
        let lines = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(!lines.contains("prompt") && lines.contains("words of the program"), "{lines}");
        assert_eq!(lines.matches("telemetry.rs").count(), 2, "{lines}");
    }

    /// The names in a line of a request, by dimensions: each is in the line, and none counts zero.
    fn named(metrics: RequestMetrics<'_>) -> Vec<(usize, Vec<String>)> {
        let line =
            serde_json::to_value(line(Some("messages"), 17, BTreeMap::from([("model", "gpt-5.2")]), metrics)).unwrap();
        assert_eq!((&line["_aws"]["Timestamp"], &line["model"]), (&17.into(), &"gpt-5.2".into()));
        let sets = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().iter().map(|set| {
            assert_eq!(set["Namespace"], "LlmGateway");
            let dimensions = set["Dimensions"][0].as_array().unwrap();
            assert!(dimensions.iter().all(|dimension| line[dimension.as_str().unwrap()].is_string()), "{line}");
            let names = set["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap().to_owned());
            let names: Vec<String> = names.collect();
            assert!(names.iter().all(|name| line[name].is_number() && PUBLISHED.contains(&name.as_str())), "{line}");
            (dimensions.len(), names)
        });
        sets.collect()
    }

    #[test]
    fn every_named_metric_and_dimension_has_a_value_and_what_has_none_is_not_named() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let first = (1, list(&["first_event_ms"]));
        assert_eq!(named(VALUES), [(2, list(&["requests", "input_tokens", "output_tokens"])), first.clone()]);
        let all = RequestMetrics { errors: 1, price_drifts: 1, ..VALUES };
        let by_provider = list(&["requests", "errors", "input_tokens", "output_tokens", "price_drifts"]);
        assert_eq!(named(all), [(2, by_provider.clone()), first]);
        assert_eq!(named(RequestMetrics { first_event_ms: None, ..all }), [(2, by_provider)]);
    }

    #[test]
    fn a_line_for_people_has_no_metrics() {
        let line = serde_json::to_string(&line(None, 17, BTreeMap::from([("event", "x")]), VALUES)).unwrap();
        let expected =
            r#"{"event":"x","provider":"openrouter","requests":1,"input_tokens":4,"output_tokens":5,"first_event_ms":3}"#;
        assert_eq!(line, expected);
    }
}
