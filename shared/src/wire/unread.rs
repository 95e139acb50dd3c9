//! Finds members of a request that no reader uses. Each reader has a table of what it reads; one pass compares the tables
//! with the request. So a field that a vendor adds is named from the first day on which a client sends it.

use crate::chat::request::Place;
use crate::document::Value;

/// What a reader uses of a value.
#[derive(Debug)]
pub enum Reading {
    /// All of it, or nothing that could be lost.
    Whole,
    /// This text means the same as leaving the value out.
    Default(&'static str),
    /// These members of an object. Other values are used whole.
    Members(&'static [(&'static str, &'static Reading)]),
    /// The entries of a list. Other values are used whole.
    Each(&'static Reading),
    /// Members by the object's `type`. Objects of other types are dropped or refused as a whole.
    ByType(&'static [(&'static str, &'static Reading)]),
}

/// [`Reading::Whole`], for use in tables.
pub(super) const WHOLE: &Reading = &Reading::Whole;

/// Maximum number of findings: as many as there may be messages. The header lists what fits, and the number of the
/// rest.
const MOST: usize = 2_000;

/// Positions of unread members with an effect, anywhere in these fields of a body.
pub(super) fn places(body: Value<'_>, fields: &[(&'static str, &'static Reading)]) -> Vec<Place> {
    let mut found = Vec::new();
    for (name, reading) in fields {
        if let Some(value) = body.get(name) {
            walk(value, reading, &mut found);
        }
    }
    found.into_iter().map(Value::place).collect()
}

/// Unread members of a value that have an effect.
pub(super) fn members<'d>(value: Value<'d>, reading: &Reading) -> Vec<Value<'d>> {
    let mut found = Vec::new();
    walk(value, reading, &mut found);
    found
}

/// The shape of an object of this type; `None` for an unknown type.
pub(super) fn shape_of(reading: &Reading, kind: &str) -> Option<&'static Reading> {
    if let Reading::ByType(known) = reading { find(known, kind) } else { None }
}

/// Whether an object of this shape may have this member.
pub(super) fn has_member(shape: &Reading, name: &str) -> bool {
    if let Reading::Members(known) = shape { find(known, name).is_some() } else { true }
}

/// Members of a value that its shape does not have, including those without an effect.
pub(super) fn beyond<'d>(value: Value<'d>, shape: &Reading) -> Vec<Value<'d>> {
    let mut found = Vec::new();
    collect(value, shape, |_| true, &mut found);
    found
}

fn walk<'d>(value: Value<'d>, reading: &Reading, found: &mut Vec<Value<'d>>) {
    collect(value, reading, |value| !value.is_empty(), found);
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
    fn unread_members_are_found_at_every_depth_unless_they_say_nothing() {
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
