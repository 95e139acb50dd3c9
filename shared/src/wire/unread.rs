//! What a request says and no reader asks for. Readers of a format describe what they read beside themselves; one pass compares that
//! with what is there, so that whatever a vendor adds is named on the day that a client sends it.

use crate::chat::request::Place;
use crate::document::{Kind, Value};

/// What is read of a value.
#[derive(Debug)]
pub enum Reading {
    /// All of it, or nothing of it that could be lost.
    Whole,
    /// It says no more than its absence if it is that word.
    Default(&'static str),
    /// These members of an object. Anything else is read whole.
    Members(&'static [(&'static str, &'static Reading)]),
    /// The entries of a list. Anything else is read whole.
    Each(&'static Reading),
    /// What the `type` of an object stands for. Those of other types are left out, or refused, as a whole.
    ByType(&'static [(&'static str, &'static Reading)]),
}

/// [`Reading::Whole`], for tables.
pub(super) const WHOLE: &Reading = &Reading::Whole;

/// So many are found: as many as there may be messages. Those that the header has no room for are counted.
const MOST: usize = 2_000;

/// Where members stand, anywhere in these fields of a body, that nobody reads and that say something.
pub(super) fn places(body: Value<'_>, fields: &[(&'static str, &'static Reading)]) -> Vec<Place> {
    let mut found = Vec::new();
    for (name, reading) in fields {
        if let Some(value) = body.get(name) {
            walk(value, reading, &mut found);
        }
    }
    found.into_iter().map(Value::place).collect()
}

/// The members in a value that nobody reads and that say something.
pub(super) fn members<'d>(value: Value<'d>, reading: &Reading) -> Vec<Value<'d>> {
    let mut found = Vec::new();
    walk(value, reading, &mut found);
    found
}

/// Whether an object of that type may have a member of that name. Those of types that are not known may have any.
pub(super) fn has_member(reading: &Reading, kind: &str, name: &str) -> bool {
    match reading {
        Reading::ByType(known) => find(known, kind).is_none_or(|reading| has_member(reading, kind, name)),
        Reading::Members(known) => find(known, name).is_some(),
        Reading::Whole | Reading::Default(_) | Reading::Each(_) => true,
    }
}

/// The members in a value that a shape does not have, those that say nothing included.
pub(super) fn beyond<'d>(value: Value<'d>, shape: &Reading) -> Vec<Value<'d>> {
    let mut found = Vec::new();
    collect(value, shape, |_| true, &mut found);
    found
}

fn walk<'d>(value: Value<'d>, reading: &Reading, found: &mut Vec<Value<'d>>) {
    collect(value, reading, says_something, found);
}

fn collect<'d>(value: Value<'d>, reading: &Reading, counts: fn(Value<'d>) -> bool, found: &mut Vec<Value<'d>>) {
    if found.len() >= MOST {
        return;
    }
    match reading {
        Reading::Whole => {}
        Reading::Default(word) => found.extend(Some(value).filter(|value| counts(*value) && !value.is(word))),
        Reading::Members(known) => {
            for (name, member) in value.members() {
                match find(known, &name) {
                    Some(reading) => collect(member, reading, counts, found),
                    None => found.extend(Some(member).filter(|member| counts(*member))),
                }
            }
        }
        Reading::Each(reading) => value.elements().for_each(|entry| collect(entry, reading, counts, found)),
        Reading::ByType(known) => {
            let kind = value.get("type").and_then(Value::as_text);
            if let Some(reading) = kind.and_then(|kind| find(known, &kind)) {
                collect(value, reading, counts, found);
            }
        }
    }
}

fn find(known: &[(&'static str, &'static Reading)], name: &str) -> Option<&'static Reading> {
    known.iter().find(|(known, _)| *known == name).map(|(_, reading)| *reading)
}

/// Whether leaving a value out loses anything: nulls and what is empty are what clients write for nothing.
pub(super) fn says_something(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => false,
        Kind::Text => !value.is(""),
        Kind::List => value.elements().next().is_some(),
        Kind::Object => value.members().next().is_some(),
        Kind::Flag | Kind::Number => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    static PART: Reading = Reading::ByType(&[
        ("text", &Reading::Members(&[("type", WHOLE), ("text", WHOLE)])),
        ("nest", &Reading::Members(&[("type", WHOLE), ("content", &PARTS)])),
        ("image", &Reading::Members(&[("type", WHOLE), ("detail", &Reading::Default("auto"))])),
    ]);
    static PARTS: Reading = Reading::Each(&PART);

    #[test]
    fn members_that_nobody_reads_are_found_at_every_depth_unless_they_say_nothing() {
        for (content, unread) in [
            (r#"[{"type":"text","text":"a"}]"#, vec![]),
            (r#"[{"type":"text","text":"a","b":1,"c":null,"d":[],"e":{},"f":""}]"#, vec!["content[0].b"]),
            (r#"[{"type":"nest","content":[{"type":"text","b":{"c":1}}]}]"#, vec!["content[0].content[0].b"]),
            (r#"[{"type":"image","detail":"auto"},{"type":"image","detail":"low"}]"#, vec!["content[1].detail"]),
            (r#"[{"type":"other","b":1}]"#, vec![]),
            (r#""text""#, vec![]),
        ] {
            let document = Document::parse(format!("{{\"content\":{content}}}"), &[]).unwrap();
            let places = places(document.root(), &[("content", &PARTS)]);
            let paths: Vec<String> = places.into_iter().filter_map(|place| document.path_of(place)).collect();
            assert_eq!(paths, unread, "{content}");
        }
    }
}
