//! Tool calls without arguments on forwarded routes: some upstreams send `""` for them, which is no JSON, and clients that parse it
//! fail. The one change a native reply gets beyond its names and usage.

use std::borrow::Cow;

use serde::Deserialize;

use crate::wire::shape::{First, Text};

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Piece<'a>>>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

/// The calls of a stream that have no arguments yet.
#[derive(Debug, Default)]
pub(super) struct EmptyCalls {
    /// Each call's number, and whether arguments came.
    calls: Vec<(u64, bool)>,
}

impl EmptyCalls {
    /// Notes the pieces of a chunk, given its `choices`.
    pub(super) fn note(&mut self, choices: &str) {
        // Most chunks are text.
        if memchr::memmem::find(choices.as_bytes(), b"\"tool_calls\"").is_none() {
            return;
        }
        let First(choice) = serde_json::from_str::<First<Choice<'_>>>(choices).unwrap_or_default();
        let pieces = choice.and_then(|choice| choice.delta?.tool_calls).unwrap_or_default();
        for Piece { index, function } in pieces {
            let index = index.unwrap_or_default();
            let came = function.and_then(|function| function.arguments).is_some_and(|arguments| !arguments.0.is_empty());
            match self.calls.iter_mut().find(|(known, _)| *known == index) {
                Some((_, arguments)) => *arguments |= came,
                None => self.calls.push((index, came)),
            }
        }
    }

    /// The numbers of the calls that got none, once.
    pub(super) fn take(&mut self) -> Vec<u64> {
        let empty = self.calls.iter().filter(|(_, came)| !came).map(|(index, _)| *index).collect();
        self.calls.clear();
        empty
    }
}

/// A whole reply with `{}` for empty arguments. Inside a JSON text the quotes would be escaped, so the pattern is always a field.
pub(in crate::wire::openai) fn with_arguments(body: &str) -> Cow<'_, str> {
    let spellings = [(r#""arguments":"""#, r#""arguments":"{}""#), (r#""arguments": """#, r#""arguments": "{}""#)];
    let mut body = Cow::Borrowed(body);
    for (empty, object) in spellings {
        // A text that begins with an escaped quote looks the same up to there.
        if body.contains(empty) {
            body = Cow::Owned(body.replace(empty, object));
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_arguments_of_a_whole_reply_are_filled() {
        for (body, expected) in [
            (r#"{"arguments":"","x":"\"arguments\":\"\""}"#, r#"{"arguments":"{}","x":"\"arguments\":\"\""}"#),
            (r#"{"arguments": ""}"#, r#"{"arguments": "{}"}"#),
            (r#"{"arguments":"{\"a\":\"\"}"}"#, r#"{"arguments":"{\"a\":\"\"}"}"#),
        ] {
            assert_eq!(with_arguments(body), expected);
        }
    }

    #[test]
    fn calls_that_stay_empty_are_told_once() {
        let mut calls = EmptyCalls::default();
        calls.note(r#"[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}},{"index":1,"function":{"arguments":"{}"}}]}}]"#);
        calls.note(r#"[{"delta":{"content":"x"}}]"#);
        assert_eq!((calls.take(), calls.take()), (vec![0], vec![]));
    }
}
