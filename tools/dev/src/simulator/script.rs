//! What a message tells the simulator to do: markers `[[sim:NAME key=value key=value]]`. The first one that applies is used.

use std::time::Duration;

use super::marker::{has_marker, written};
use super::scenario::Scenario;
use super::settings::Settings;
use super::turns::Turns;
use super::wire::Wire;

/// The instructions for one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) scenario: Scenario,
    /// Names the journal's rows.
    pub(super) label: Option<String>,
    /// The pause before each streamed word, if it differs from the simulator's own.
    pub(super) pace: Option<Duration>,
    /// The number of input tokens that are reported as read from a cache.
    pub(super) cached: u64,
    /// The number of sources that OpenRouter's reply cites.
    pub(super) sources: u64,
    /// The status with which a flaky provider fails this request.
    pub(super) failure: Option<u16>,
    /// The session that a strict loop plays.
    pub(super) session: Option<String>,
}

/// One marker as written.
#[derive(Clone, Debug)]
struct Marker<'a> {
    text: &'a str,
    scenario: Scenario,
    label: Option<&'a str>,
    pace: Option<Duration>,
    cached: u64,
    sources: u64,
    session: Option<&'a str>,
    /// The only wire to which it applies.
    on: Option<Wire>,
    /// The number of requests to which it applies.
    times: Option<u64>,
}

impl Script {
    /// The script of a conversation: that of the last user text. If that has none and an earlier script is strict, the
    /// strict one stays active, because clients add texts of their own between the results of a tool loop. The error says
    /// what is wrong with a marker.
    pub(super) fn of(text: &str, marked: &str, wire: Wire, turns: &Turns) -> Result<Self, String> {
        if !has_marker(text) {
            let markers = markers(marked).unwrap_or_default();
            let strict = |marker: &&Marker<'_>| marker.is_for(wire) && matches!(marker.scenario, Scenario::Strict { .. });
            if let Some(marker) = markers.iter().find(strict) {
                return Ok(marker.script(label(&markers)));
            }
        }
        Self::select(text, wire, turns)
    }

    /// The script of a text: its first marker that applies. If none applies, an echo.
    fn select(text: &str, wire: Wire, turns: &Turns) -> Result<Self, String> {
        let markers = markers(text)?;
        let label = label(&markers);
        let name = label.clone().unwrap_or_default();
        let applies = |marker: &&Marker<'_>| {
            let left = |times: u64| turns.take(&name, marker.text, wire, times).is_some();
            marker.is_for(wire) && marker.times.is_none_or(left)
        };
        let Some(marker) = markers.iter().find(applies) else {
            let scenario = Scenario::Echo;
            return Ok(Self { scenario, label, pace: None, cached: 0, sources: 0, failure: None, session: None });
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
        let scenario = Scenario::named(name)?.with(&mut settings)?;
        let session = matches!(scenario, Scenario::Strict { .. }).then(|| settings.text("session")).flatten();
        let marker = Self {
            text,
            scenario,
            session,
            label: settings.text("label"),
            pace: settings.pause("pace")?,
            cached: settings.number("cached")?.unwrap_or(0),
            sources: settings.number("sources")?.unwrap_or(0),
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
        Script {
            scenario: self.scenario,
            label,
            pace: self.pace,
            cached: self.cached,
            sources: self.sources,
            failure: None,
            session: self.session.map(str::to_owned),
        }
    }
}

fn label(markers: &[Marker<'_>]) -> Option<String> {
    markers.iter().find_map(|marker| marker.label).map(str::to_owned)
}

fn markers(text: &str) -> Result<Vec<Marker<'_>>, String> {
    written(text).into_iter().map(Marker::parse).collect()
}

#[cfg(test)]
mod tests;
