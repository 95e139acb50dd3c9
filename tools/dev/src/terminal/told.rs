//! What a line of a function's log tells about a request. `docs/logging.md` lists the fields.

use gateway::money::PicoUsd;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Fields that say when and where a line was written. They are not repeated on the terminal.
const FRAME: [&str; 6] = ["timestamp", "level", "message", "event", "span", "_aws"];
/// The cause of an error whose words may be a client's, so that the log has none.
const NO_CAUSE: &str = "no further reason";
/// The cause of a 401 for a key that has the right form. It does not say what is wrong with the key.
const UNKNOWN_KEY: &str = "Unauthorized";

/// What a line is for the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The end of a request that reached a provider.
    Record(Record),
    /// Why a request was refused or failed.
    Refusal(Refusal),
    /// A warning or an error.
    Fault(Level, String),
    /// Nothing that the terminal shows.
    Nothing,
}

/// The severity of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Something to look at.
    Warn,
    /// Something that did not work.
    Error,
}

/// The facts of a `ledger.final` line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) request: String,
    pub(super) model: String,
    pub(super) provider: String,
    pub(super) status: u16,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    charged_pico: String,
}

impl Record {
    /// What the key is charged.
    pub(super) fn charged(&self) -> PicoUsd {
        PicoUsd::new(self.charged_pico.parse().unwrap_or_default())
    }
}

/// The facts of a `request refused` or `request failed` line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) request: String,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    cause: Option<String>,
}

impl Refusal {
    /// The cause and the code, as far as there are any; without both, the field and the kind.
    pub(super) fn why(&self) -> Option<String> {
        let cause = match self.cause.as_deref() {
            None | Some(NO_CAUSE) => None,
            Some(UNKNOWN_KEY) => Some("the key is unknown, disabled or expired"),
            // A full stop, not dots.
            Some(cause) => Some(cause.strip_suffix('.').filter(|rest| !rest.ends_with('.')).unwrap_or(cause)),
        };
        match (cause, &self.code) {
            (Some(cause), Some(code)) => Some(format!("{cause} ({code})")),
            (Some(cause), None) => Some(cause.to_owned()),
            (None, Some(code)) => Some(code.clone()),
            (None, None) => {
                let kind = spaced(self.kind.as_deref()?);
                Some(self.param.as_ref().map_or_else(|| kind.clone(), |param| format!("{param}: {kind}")))
            }
        }
    }
}

/// A kind as words: `TooLarge` is `too large`.
fn spaced(kind: &str) -> String {
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// The lines of the terminal that come from one line of a log, the facts first.
pub(super) fn read(line: &str) -> Vec<Told> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return vec![Told::Nothing] };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let facts = match (text("event"), text("message")) {
        ("ledger.final", _) => read_as(&fields, Told::Record),
        (_, "request refused" | "request failed") => read_as(&fields, Told::Refusal),
        _ => Told::Nothing,
    };
    let fault = match text("level") {
        "WARN" => Told::Fault(Level::Warn, words(&fields)),
        "ERROR" => Told::Fault(Level::Error, words(&fields)),
        _ => Told::Nothing,
    };
    vec![facts, fault]
}

fn read_as<T: for<'a> Deserialize<'a>>(fields: &Map<String, Value>, told: impl Fn(T) -> Told) -> Told {
    serde_json::from_value(Value::Object(fields.clone())).map_or(Told::Nothing, told)
}

/// A line of a log as words: its message, then its fields as `name=value`. The request of the span is a field, too.
fn words(fields: &Map<String, Value>) -> String {
    let message =
        ["message", "event"].iter().find_map(|name| fields.get(*name)?.as_str()).unwrap_or("a line without a message");
    let of_span = fields.get("span").and_then(|span| span.get("request")).filter(|_| !fields.contains_key("request"));
    let own = fields.iter().filter(|(name, _)| !FRAME.contains(&name.as_str())).map(|(name, value)| (name.as_str(), value));
    let all = own.chain(of_span.map(|request| ("request", request)));
    let mut words = plain(message);
    for (name, value) in all {
        let value = match value.as_str() {
            Some(text) if text.contains(|c: char| c.is_whitespace() || c.is_control()) => format!("{text:?}"),
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        words.extend([" ", name, "=", &value]);
    }
    words
}

/// A text in one line, without characters that control a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_request_tells_its_facts() {
        let line = r#"{"_aws":{},"event":"ledger.final","request":"req_1","model":"gpt-5.2","status":200,"charged_pico":"455000000",
                      "provider":"openrouter","input_tokens":11,"output_tokens":16}"#;
        let [Told::Record(record), Told::Nothing] = &read(line)[..] else { panic!("{:?}", read(line)) };
        assert_eq!((record.request.as_str(), record.provider.as_str(), record.status), ("req_1", "openrouter", 200));
        assert_eq!(
            (record.input_tokens, record.output_tokens, record.charged().to_string()),
            (11, 16, "0.000455".to_owned())
        );
    }

    #[test]
    fn a_refusal_tells_its_cause_and_code_or_else_its_field_and_kind() {
        for (fields, why) in [
            (r#""code":"unknown_path","cause":"no further reason""#, Some("unknown_path")),
            (r#""cause":"the provider answered 400""#, Some("the provider answered 400")),
            (r#""code":"key_busy","cause":"Too many requests.""#, Some("Too many requests (key_busy)")),
            (r#""kind":"Unauthorized","cause":"Unauthorized""#, Some("the key is unknown, disabled or expired")),
            (r#""kind":"InvalidRequest","param":"days","cause":"no further reason""#, Some("days: invalid request")),
            (r#""kind":"UnsupportedMediaType","cause":"no further reason""#, Some("unsupported media type")),
            (r#""cause":"no further reason""#, None),
        ] {
            let line = format!(r#"{{"level":"INFO","message":"request refused","request":"req_1",{fields}}}"#);
            let [Told::Refusal(refusal), Told::Nothing] = &read(&line)[..] else { panic!("{line}") };
            assert_eq!(refusal.why().as_deref(), why);
        }
    }

    #[test]
    fn a_fault_is_one_line_of_its_message_and_fields() {
        let line = r#"{"timestamp":"t","level":"WARN","message":"attempt failed","cause":"refused\nwith 529","status":529,
                      "span":{"request":"req_1","name":"pump"}}"#;
        let said = r#"attempt failed cause="refused\nwith 529" status=529 request=req_1"#;
        assert_eq!(read(line)[1], Told::Fault(Level::Warn, said.to_owned()));
    }

    #[test]
    fn other_lines_tell_nothing() {
        for line in ["START", "", "{", r#"{"level":"INFO","event":"ledger.intent"}"#, r#"{"event":"ledger.final"}"#] {
            assert!(read(line).iter().all(|told| *told == Told::Nothing), "{line}");
        }
    }
}
