//! What a message tells the simulator to do: one marker, `[[sim:NAME key=value key=value]]`, parsed once into a [`Scenario`].
//!
//! Adding a fault is adding a variant: the compiler then asks for its name here and for its behaviour where replies are staged.

use std::collections::BTreeMap;
use std::time::Duration;

/// One scripted behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// Answers with the question.
    Echo,
    /// Calls the first declared tool.
    Tool,
    /// Thinks before it answers.
    Thinking,
    /// Fails with `status` before any other byte.
    Error { status: u16, retry_after: Option<u64> },
    /// Breaks the connection after so many words.
    Cut { after: usize },
    /// Sends the wire's own error event after so many words.
    MidstreamError { after: usize },
    /// Says nothing, not even a response head, for a while.
    Silent { pause: Duration },
    /// Falls silent for a while after so many words.
    Stall { after: usize, pause: Duration },
    /// Never tells its usage.
    NoUsage,
    /// Answers 200 with a web page.
    Html,
    /// Answers 200 with nothing.
    Empty,
    /// Fails with a message that must not reach anybody.
    Secret,
    /// Answers with so many words.
    Long { words: usize },
    /// Stops in the middle for want of room.
    Truncated,
    /// Refuses what the real provider refuses, and else plays a loop of so many tool results, the first few at once.
    Strict { steps: usize, parallel: usize },
}

impl Scenario {
    /// One of each, with its default settings.
    pub(super) const ALL: [Self; 15] = [
        Self::Echo,
        Self::Tool,
        Self::Thinking,
        Self::Error { status: 500, retry_after: None },
        Self::Cut { after: 3 },
        Self::MidstreamError { after: 3 },
        Self::Silent { pause: Duration::from_secs(1) },
        Self::Stall { after: 3, pause: Duration::from_secs(1) },
        Self::NoUsage,
        Self::Html,
        Self::Empty,
        Self::Secret,
        Self::Long { words: 1_000 },
        Self::Truncated,
        Self::Strict { steps: 5, parallel: 1 },
    ];

    /// The NAME in the marker.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Tool => "tool",
            Self::Thinking => "thinking",
            Self::Error { .. } => "error",
            Self::Cut { .. } => "cut",
            Self::MidstreamError { .. } => "midstream-error",
            Self::Silent { .. } => "silent",
            Self::Stall { .. } => "stall",
            Self::NoUsage => "no-usage",
            Self::Html => "html",
            Self::Empty => "empty",
            Self::Secret => "secret",
            Self::Long { .. } => "long",
            Self::Truncated => "truncated",
            Self::Strict { .. } => "strict",
        }
    }

    fn named(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == name)
            .ok_or_else(|| format!("unknown simulator scenario `{name}`; known: {}", known()))
    }

    fn with(self, settings: &mut Settings<'_>) -> Result<Self, String> {
        Ok(match self {
            Self::Error { status, retry_after } => Self::Error {
                status: settings.status("status")?.unwrap_or(status),
                retry_after: settings.number("retry-after")?.or(retry_after),
            },
            Self::Cut { after } => Self::Cut { after: settings.count("after")?.unwrap_or(after) },
            Self::MidstreamError { after } => Self::MidstreamError { after: settings.count("after")?.unwrap_or(after) },
            Self::Silent { pause } => Self::Silent { pause: settings.pause("ms")?.unwrap_or(pause) },
            Self::Stall { after, pause } => Self::Stall {
                after: settings.count("after")?.unwrap_or(after),
                pause: settings.pause("ms")?.unwrap_or(pause),
            },
            Self::Long { words } => Self::Long { words: settings.count("words")?.unwrap_or(words) },
            Self::Strict { steps, parallel } => Self::Strict {
                steps: settings.count("steps")?.unwrap_or(steps),
                parallel: settings.count("parallel")?.unwrap_or(parallel).max(1),
            },
            Self::Echo
            | Self::Tool
            | Self::Thinking
            | Self::NoUsage
            | Self::Html
            | Self::Empty
            | Self::Secret
            | Self::Truncated => self,
        })
    }
}

/// A parsed marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) scenario: Scenario,
    /// Names the journal's rows.
    pub(super) label: Option<String>,
    /// The pause before each streamed word, where the simulator's own does not hold.
    pub(super) pace: Option<Duration>,
    /// How many of the input tokens are reported as read from a cache.
    pub(super) cached: u64,
}

impl Script {
    /// The script of a conversation: that of the question, or else the last one before it if it is a strict one, because a loop
    /// of tool calls must stay strict when the client puts texts of its own between the results.
    pub(super) fn of(question: &str, marked: &str) -> Result<Self, String> {
        match Self::parse(marked) {
            Ok(script) if !has_marker(question) && matches!(script.scenario, Scenario::Strict { .. }) => Ok(script),
            Ok(_) | Err(_) => Self::parse(question),
        }
    }

    /// The script in this text; a text without a marker asks for an echo. The error says what is wrong with the marker.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some((_, marker, _)) = split(text) else {
            return Ok(Self { scenario: Scenario::Echo, label: None, pace: None, cached: 0 });
        };
        let (name, mut settings) = Settings::read(marker)?;
        let scenario = Scenario::named(name)?.with(&mut settings)?;
        let label = settings.0.remove("label").map(str::to_owned);
        let pace = settings.pause("pace")?;
        let cached = settings.number("cached")?.unwrap_or(0);
        match settings.0.keys().next() {
            Some(unknown) => Err(format!("the simulator's scenario `{name}` has no setting `{unknown}`")),
            None => Ok(Self { scenario, label, pace, cached }),
        }
    }
}

/// True if this text holds a marker.
pub(super) fn has_marker(text: &str) -> bool {
    split(text).is_some()
}

/// The text around the marker.
pub(super) fn without_marker(text: &str) -> String {
    match split(text) {
        Some((before, _, after)) => format!("{}{}", before.trim_end(), after).trim().to_owned(),
        None => text.trim().to_owned(),
    }
}

/// The label of the last marker in a raw body: a request that is refused before its messages are read gets its label by this.
pub(super) fn label_in(body: &str) -> Option<String> {
    let (_, marker) = body.rsplit_once(OPEN)?;
    let (marker, _) = marker.split_once(CLOSE)?;
    let label = marker.split_whitespace().find_map(|setting| setting.strip_prefix("label="))?;
    Some(label.to_owned())
}

const OPEN: &str = "[[sim:";
const CLOSE: &str = "]]";

fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (marker, after) = rest.split_once(CLOSE)?;
    Some((before, marker, after))
}

/// The `key=value` pairs that nobody has asked for yet.
struct Settings<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Settings<'a> {
    fn read(marker: &'a str) -> Result<(&'a str, Self), String> {
        let mut words = marker.split_whitespace();
        let name = words.next().unwrap_or_default();
        let pairs = words
            .map(|word| word.split_once('=').ok_or_else(|| format!("simulator setting `{word}` is not key=value")))
            .collect::<Result<_, _>>()?;
        Ok((name, Self(pairs)))
    }

    fn number(&mut self, key: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("simulator setting `{key}` is not a whole number: `{value}`")),
        }
    }

    fn count(&mut self, key: &str) -> Result<Option<usize>, String> {
        // A million words is far more than any test needs and still fits into memory.
        match self.number(key)? {
            Some(number) => match usize::try_from(number) {
                Ok(count) if count <= 1_000_000 => Ok(Some(count)),
                Ok(_) | Err(_) => Err(format!("simulator setting `{key}` is over 1000000: `{number}`")),
            },
            None => Ok(None),
        }
    }

    fn pause(&mut self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_millis))
    }

    fn status(&mut self, key: &str) -> Result<Option<u16>, String> {
        match self.number(key)? {
            Some(number) => match u16::try_from(number) {
                Ok(status) if (400..=599).contains(&status) => Ok(Some(status)),
                Ok(_) | Err(_) => Err(format!("simulator setting `{key}` is not an error status: `{number}`")),
            },
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_marker_is_an_echo() {
        assert_eq!(
            Script::parse("hello [[not a marker]]"),
            Ok(Script { scenario: Scenario::Echo, label: None, pace: None, cached: 0 })
        );
    }

    #[test]
    fn marker_gives_scenario_label_and_pace() {
        let script = Script::parse("before [[sim:error status=529 retry-after=7 label=a-1 pace=20]] after").unwrap();
        assert_eq!(script.scenario, Scenario::Error { status: 529, retry_after: Some(7) });
        assert_eq!(script.label.as_deref(), Some("a-1"));
        assert_eq!(script.pace, Some(Duration::from_millis(20)));
    }

    #[test]
    fn every_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            let script = Script::parse(&format!("[[sim:{} label=x]]", scenario.name())).unwrap();
            assert_eq!(script.scenario, scenario);
        }
    }

    #[test]
    fn unknown_scenario_is_refused_with_the_known_names() {
        let refused = Script::parse("[[sim:eco]]").unwrap_err();
        assert!(refused.contains("`eco`") && refused.contains("echo, tool, thinking"), "{refused}");
    }

    #[test]
    fn only_a_strict_script_outlives_its_question() {
        let scenario = |question: &str, marked: &str| Script::of(question, marked).unwrap().scenario;
        let strict = Scenario::Strict { steps: 2, parallel: 3 };
        assert_eq!(scenario("and now?", "[[sim:strict steps=2 parallel=3]]"), strict);
        assert_eq!(scenario("[[sim:echo]]", "[[sim:strict]]"), Scenario::Echo);
        assert_eq!(scenario("and now?", "[[sim:tool]]"), Scenario::Echo);
        assert_eq!(Script::of("", "[[sim:long words=2 cached=7]]").unwrap().cached, 0);
        assert_eq!(Script::parse("[[sim:long words=2 cached=7]]").unwrap().cached, 7);
    }

    #[test]
    fn wrong_settings_are_refused() {
        for marker in ["[[sim:cut after=x]]", "[[sim:echo after=1]]", "[[sim:error status=200]]", "[[sim:echo label]]"] {
            assert!(Script::parse(marker).is_err(), "{marker}");
        }
    }

    #[test]
    fn echo_leaves_the_marker_out() {
        assert_eq!(without_marker("What is it? [[sim:echo label=x]]"), "What is it?");
        assert_eq!(without_marker("[[sim:echo]] What is it?"), "What is it?");
    }

    #[test]
    fn refused_body_still_gives_its_label() {
        assert_eq!(label_in(r#"{"a":"[[sim:echo label=old]]","b":"[[sim:tool label=new]]"}"#).as_deref(), Some("new"));
        assert_eq!(label_in("nothing"), None);
    }
}
