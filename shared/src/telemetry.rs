//! Logs: one JSON object a line on standard output, which CloudWatch collects. Never prompts, keys or provider payloads.

use tracing::Level;

/// Starts logging. JSON where Lambda asks for it (`AWS_LAMBDA_LOG_FORMAT=JSON`), text for people otherwise.
pub fn start() {
    let crate::config::LogConfig { level, json } = crate::config::LogConfig::from_environment();
    let level = level.parse().unwrap_or(Level::INFO);
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_ansi(false);
    // A second start, as in tests, keeps the first subscriber.
    if json {
        let subscriber = subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false).finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
    } else {
        let _ = tracing::subscriber::set_global_default(subscriber.finish());
    }
}
