//! What a message tells the simulator to do: markers, `[[sim:NAME key=value key=value]]`, of which the first that applies decides.

use std::time::Duration;

use super::scenario::Scenario;
use super::settings::Settings;
use super::turns::Turns;
use super::wire::Wire;

/// What one request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) scenario: Scenario,
    /// Names the journal's rows.
    pub(super) label: Option<String>,
    /// The pause before each streamed word, where the simulator's own does not hold.
    pub(super) pace: Option<Duration>,
    /// How many of the input tokens are reported as read from a cache.
    pub(super) cached: u64,
    /// The status with which a flaky provider fails this very request.
    pub(super) failure: Option<u16>,
}

/// One marker as it is written.
#[derive(Clone, Debug)]
struct Marker<'a> {
    text: &'a str,
    scenario: Scenario,
    label: Option<&'a str>,
    pace: Option<Duration>,
    cached: u64,
    /// The only wire on which it applies.
    on: Option<Wire>,
    /// How many requests it applies to.
    times: Option<u64>,
}

impl Script {
    /// The script of a conversation: that of the question, or else the last one before it if it is a strict one, because a loop
    /// of tool calls must stay strict when the client puts texts of its own between the results. The error says what is wrong with
    /// a marker.
    pub(super) fn of(question: &str, marked: &str, wire: Wire, turns: &Turns) -> Result<Self, String> {
        if !has_marker(question) {
            let markers = markers(marked).unwrap_or_default();
            let strict = |marker: &&Marker<'_>| marker.is_for(wire) && matches!(marker.scenario, Scenario::Strict { .. });
            if let Some(marker) = markers.iter().find(strict) {
                return Ok(marker.script(label(&markers)));
            }
        }
        Self::select(question, wire, turns)
    }

    /// The script of a text: its first marker that applies; an echo if none does.
    fn select(text: &str, wire: Wire, turns: &Turns) -> Result<Self, String> {
        let markers = markers(text)?;
        let label = label(&markers);
        let name = label.clone().unwrap_or_default();
        let applies = |marker: &&Marker<'_>| {
            let left = |times: u64| turns.take(&name, marker.text, wire, times).is_some();
            marker.is_for(wire) && marker.times.is_none_or(left)
        };
        let Some(marker) = markers.iter().find(applies) else {
            return Ok(Self { scenario: Scenario::Echo, label, pace: None, cached: 0, failure: None });
        };
        let mut script = marker.script(label);
        if let Scenario::Flaky { percent, seed } = script.scenario {
            script.failure = turns.failure(&name, wire, percent, seed);
        }
        Ok(script)
    }
}

impl<'a> Marker<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (name, mut settings) = Settings::read(text)?;
        let marker = Self {
            text,
            scenario: Scenario::named(name)?.with(&mut settings)?,
            label: settings.text("label"),
            pace: settings.pause("pace")?,
            cached: settings.number("cached")?.unwrap_or(0),
            on: settings.wire("on")?,
            times: settings.number("times")?,
        };
        match settings.rest() {
            Some(unknown) => Err(format!("the simulator's scenario `{name}` has no setting `{unknown}`")),
            None => Ok(marker),
        }
    }

    fn is_for(&self, wire: Wire) -> bool {
        self.on.is_none_or(|on| on == wire)
    }

    fn script(&self, label: Option<String>) -> Script {
        Script { scenario: self.scenario, label, pace: self.pace, cached: self.cached, failure: None }
    }
}

/// True if this text holds a marker.
pub(super) fn has_marker(text: &str) -> bool {
    split(text).is_some()
}

/// The text around the markers.
pub(super) fn without_markers(text: &str) -> String {
    match split(text) {
        Some((before, _, after)) => without_markers(&format!("{}{}", before.trim_end(), after)),
        None => text.trim().to_owned(),
    }
}

/// The label in a raw body, for a request that is refused before its messages are read: the first one in the last text that has any.
pub(super) fn label_in(body: &str) -> Option<String> {
    // Markers hold no quotes, so that each text of a JSON body is whole between two of them. Quotes within a text are no border.
    let body = body.replace("\\\"", "");
    body.rsplit('"').find_map(written_label)
}

const OPEN: &str = "[[sim:";
const CLOSE: &str = "]]";

fn written_label(text: &str) -> Option<String> {
    let label =
        |marker: &str| marker.split_whitespace().find_map(|setting| setting.strip_prefix("label=").map(str::to_owned));
    written(text).into_iter().find_map(label)
}

fn label(markers: &[Marker<'_>]) -> Option<String> {
    markers.iter().find_map(|marker| marker.label).map(str::to_owned)
}

fn markers(text: &str) -> Result<Vec<Marker<'_>>, String> {
    written(text).into_iter().map(Marker::parse).collect()
}

/// The insides of all markers, in order.
fn written(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, marker, after)) = split(rest) {
        found.push(marker);
        rest = after;
    }
    found
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (marker, after) = rest.split_once(CLOSE)?;
    Some((before, marker, after))
}

#[cfg(test)]
mod tests;
