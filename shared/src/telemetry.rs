//! Logs: one JSON object a line on standard output, which CloudWatch collects, and one line of metrics per request. Never prompts,
//! keys or provider payloads: only the gateway's own lines are written, whose causes are [`Reason`]s. What other crates say at any level
//! may quote a request.
//!
//! [`Reason`]: crate::reason::Reason

use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::LogConfig;

/// Where CloudWatch files the metrics.
const NAMESPACE: &str = "LlmGateway";
/// Every dimension costs per value: models and keys are properties of the log line, for queries, and never dimensions.
const DIMENSIONS: [&[&str]; 1] = [&["function", "provider"]];
/// What alarms watch, over all providers.
const ALARM_DIMENSIONS: [&[&str]; 1] = [&["function"]];

/// The targets of this crate's lines begin so.
const OWN_TARGET: &str = "gateway";

/// The function's name, where logs are for machines: only there metrics are written.
static FUNCTION: OnceLock<String> = OnceLock::new();

/// Starts logging. JSON where Lambda asks for it (`AWS_LAMBDA_LOG_FORMAT=JSON`), text for people otherwise.
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

/// Says where a panic was and, where they stand in the program, its words. Those that are made at the time quote texts: the default hook
/// would print the prompt in which a byte was no boundary of a character.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
    let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    tracing::error!(file, line, words, "panic");
}

/// What a settled request adds to the metrics.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RequestMetrics<'a> {
    /// Who answered last.
    pub provider: &'a str,
    /// The public model id: a property.
    pub model: &'a str,
    /// One.
    pub requests: u32,
    /// One, if it failed.
    pub errors: u32,
    /// Milliseconds to the first content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_event_ms: Option<u64>,
    /// Milliseconds to the end.
    pub duration_ms: u64,
    /// Prompt tokens, cached ones included.
    pub input_tokens: u64,
    /// Generated tokens, reasoning included.
    pub output_tokens: u64,
    /// Upstream calls.
    pub attempts: u32,
    /// One, if the table did not take the record.
    pub settlement_failures: u32,
    /// One, if the provider reported a cost more than a tenth away from that by the catalogue's prices.
    pub price_drifts: u32,
}

/// The values above that the dashboard reads by provider. The others are properties of the line, for queries of the log: each name
/// and provider that is published is billed.
const METRICS: [Metric; 5] = [
    Metric { name: "requests", unit: "Count" },
    Metric { name: "errors", unit: "Count" },
    Metric { name: "input_tokens", unit: "Count" },
    Metric { name: "output_tokens", unit: "Count" },
    Metric { name: "price_drifts", unit: "Count" },
];

/// Those that alarms and the dashboard read by function. The one that may be missing stands last.
const ALARM_METRICS: [Metric; 2] =
    [Metric { name: "settlement_failures", unit: "Count" }, Metric { name: "first_event_ms", unit: "Milliseconds" }];

/// The names of all metrics that are published.
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
    unit: &'static str,
}

/// A line in CloudWatch's embedded metric format.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Directive<'a>,
    function: &'a str,
    #[serde(flatten)]
    values: RequestMetrics<'a>,
}

/// The line of a list of models that was refused.
#[derive(Serialize)]
struct RefusedList<'a> {
    #[serde(rename = "_aws")]
    aws: Directive<'a>,
    function: &'a str,
    refused_lists: u32,
}

const REFUSED_LISTS: [Metric; 1] = [Metric { name: "refused_lists", unit: "Count" }];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    timestamp: u64,
    cloud_watch_metrics: Vec<MetricSet<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricSet<'a> {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 1],
    metrics: &'a [Metric],
}

/// Writes a request's metrics, where logs are for machines. A log that cannot be written is no reason to fail.
pub fn count(values: RequestMetrics<'_>) {
    write(|function, timestamp| line(function, timestamp, values));
}

/// Counts a list of models that was refused.
pub fn count_refused_list() {
    write(refused_list);
}

/// Writes the line of that function at that time, in milliseconds since the epoch.
fn write<T: Serialize>(line: impl FnOnce(&'static str, u64) -> T) {
    let Some(function) = FUNCTION.get() else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if let Ok(mut line) = serde_json::to_vec(&line(function, u64::try_from(now.as_millis()).unwrap_or_default())) {
        line.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&line);
    }
}

fn refused_list(function: &str, timestamp: u64) -> RefusedList<'_> {
    let metrics = vec![MetricSet { namespace: NAMESPACE, dimensions: ALARM_DIMENSIONS, metrics: &REFUSED_LISTS }];
    RefusedList { aws: Directive { timestamp, cloud_watch_metrics: metrics }, function, refused_lists: 1 }
}

fn line<'a>(function: &'a str, timestamp: u64, values: RequestMetrics<'a>) -> Line<'a> {
    let metrics = vec![
        MetricSet { namespace: NAMESPACE, dimensions: DIMENSIONS, metrics: &METRICS },
        MetricSet { namespace: NAMESPACE, dimensions: ALARM_DIMENSIONS, metrics: reported(&ALARM_METRICS, &values) },
    ];
    Line { aws: Directive { timestamp, cloud_watch_metrics: metrics }, function, values }
}

/// The metrics that have a value: the format wants every one that a line names to be in it.
fn reported(metrics: &'static [Metric], values: &RequestMetrics<'_>) -> &'static [Metric] {
    match metrics.split_last() {
        Some((_, others)) if values.first_event_ms.is_none() => others,
        Some(_) | None => metrics,
    }
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
        model: "gpt-5.2",
        requests: 1,
        errors: 0,
        first_event_ms: Some(3),
        duration_ms: 9,
        input_tokens: 4,
        output_tokens: 5,
        attempts: 1,
        settlement_failures: 0,
        price_drifts: 0,
    };

    #[test]
    fn a_refused_list_counts_one_for_its_function() {
        let line = serde_json::to_value(refused_list("reconcile", 17)).unwrap();
        let set = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&set["Dimensions"][0][0], &set["Metrics"][0]["Name"]), (&"function".into(), &"refused_lists".into()));
        assert_eq!((&line["function"], &line["refused_lists"]), (&"reconcile".into(), &1.into()));
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

    #[test]
    fn the_list_of_what_is_published_is_complete() {
        let sets = [&METRICS[..], &ALARM_METRICS, &REFUSED_LISTS];
        assert_eq!(sets.concat().iter().map(|metric| metric.name).collect::<Vec<_>>(), PUBLISHED);
    }

    #[test]
    fn every_declared_metric_and_dimension_has_a_value() {
        for (first_event_ms, declared) in [(Some(3), [5, 2]), (None, [5, 1])] {
            let line = serde_json::to_value(line("messages", 17, RequestMetrics { first_event_ms, ..VALUES })).unwrap();
            assert_eq!((&line["_aws"]["Timestamp"], &line["model"]), (&17.into(), &"gpt-5.2".into()));
            let sets = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
            assert_eq!(sets.iter().map(|set| set["Metrics"].as_array().unwrap().len()).collect::<Vec<_>>(), declared);
            for set in sets {
                assert_eq!(set["Namespace"], "LlmGateway");
                for metric in set["Metrics"].as_array().unwrap() {
                    assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
                }
                for dimension in set["Dimensions"][0].as_array().unwrap() {
                    assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
                }
            }
        }
    }
}
