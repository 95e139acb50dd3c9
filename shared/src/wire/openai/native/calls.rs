//! Checks whether the tool calls of a forwarded stream are as OpenAI's clients expect: numbered from 0, each with its own id
//! and a name in its first piece, arguments as text. From the first piece that is not, calls are encoded from the events
//! instead of being forwarded.

use serde::Deserialize;

use crate::wire::shape::Text;

#[derive(Deserialize)]
struct Piece<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

/// The calls that were forwarded so far.
#[derive(Debug, Default)]
pub(super) struct ForwardedCalls {
    ids: Vec<String>,
}

impl ForwardedCalls {
    /// Their number.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Checks a frame's `tool_calls`. Returns false if a piece is not as clients expect.
    pub(super) fn are_regular(&mut self, tool_calls: &str) -> bool {
        let Ok(pieces) = serde_json::from_str::<Vec<Piece<'_>>>(tool_calls) else { return false };
        pieces.iter().all(|piece| self.is_regular(piece))
    }

    fn is_regular(&mut self, piece: &Piece<'_>) -> bool {
        let Some(index) = piece.index.and_then(|index| usize::try_from(index).ok()) else { return false };
        let id = piece.id.as_ref().map(|id| id.0.as_ref());
        let function = piece.function.as_ref();
        let name = function.and_then(|function| function.name.as_ref()).map(|name| name.0.as_ref());
        let arguments =
            function.and_then(|function| function.arguments.as_ref()).map_or("", |arguments| arguments.0.as_ref());
        if arguments.trim() == "null" {
            return false;
        }
        match (self.ids.get(index), id) {
            (Some(known), Some(id)) => known == id,
            (Some(_), None) => true,
            (None, Some(id)) => {
                let is_new = index == self.ids.len() && !id.is_empty() && self.ids.iter().all(|known| known != id);
                self.ids.push(id.to_owned());
                is_new && !matches!(name, None | Some("" | "null"))
            }
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]"#;

    #[test]
    fn calls_as_openai_sends_them_are_regular() {
        let mut calls = ForwardedCalls::default();
        for pieces in [
            FIRST,
            r#"[{"index":0,"function":{"arguments":"{}"}}]"#,
            r#"[{"index":1,"id":"b","function":{"name":"f","arguments":"{"}},{"index":1,"id":"b","function":{"arguments":"}"}}]"#,
            r#"[{"index":0,"function":{"name":null,"arguments":""}}]"#,
        ] {
            assert!(calls.are_regular(pieces), "{pieces}");
        }
        assert_eq!(calls.count(), 2);
    }

    #[test]
    fn every_other_shape_is_not() {
        for pieces in [
            r#"[{"id":"b","function":{"name":"f"}}]"#,
            r#"[{"index":2,"id":"b","function":{"name":"f"}}]"#,
            r#"[{"index":1,"id":"","function":{"name":"f"}}]"#,
            r#"[{"index":1,"function":{"name":"f"}}]"#,
            r#"[{"index":1,"id":"a","function":{"name":"f"}}]"#,
            r#"[{"index":0,"id":"","function":{"arguments":"{}"}}]"#,
            r#"[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]"#,
            r#"[{"index":1,"id":"b","function":{"name":"null"}}]"#,
            r#"[{"index":1,"id":"b","function":{"arguments":"{}"}}]"#,
            r#"[{"index":0,"function":{"arguments":{"a":1}}}]"#,
            r#"[{"index":0,"function":{"arguments":"null"}}]"#,
        ] {
            let mut calls = ForwardedCalls::default();
            assert!(calls.are_regular(FIRST));
            assert!(!calls.are_regular(pieces), "{pieces}");
        }
    }
}
