//! Paths into a document.

use std::fmt::Write as _;

use super::string;
use super::value::{Kind, Value};

/// The path of a value: field names, and `*` for any entry of a list; empty for the body itself.
pub type Pattern = &'static [&'static str];

/// Any entry of a list in a [`Pattern`].
pub(super) const ANY: &str = "*";

/// The path from `root` to the value at `offset`, as clients read it: `messages[1].content[0].type`.
pub(super) fn to(root: Value<'_>, offset: usize) -> String {
    let mut path = String::new();
    let mut here = root;
    while here.start() != offset {
        let next = match here.kind() {
            Kind::Object => here.members().find(|(_, value)| value.covers(offset)).map(|(name, value)| {
                let separator = if path.is_empty() { "" } else { "." };
                // Writing to a String cannot fail.
                let _ = write!(path, "{separator}{}", shown(&name));
                value
            }),
            Kind::List => here.elements().enumerate().find(|(_, value)| value.covers(offset)).map(|(position, value)| {
                let _ = write!(path, "[{position}]");
                value
            }),
            Kind::Null | Kind::Flag | Kind::Number | Kind::Text => None,
        };
        match next {
            Some(value) => here = value,
            None => break,
        }
    }
    path
}

/// A field's name for messages, cut to a length that headers and logs can hold.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 80;
    name.chars().take(LONGEST).collect()
}

/// The path of the container that begins at the end of a valid text.
pub(super) fn of_container(text: &str) -> String {
    /// An open container at the end of the text: its current field, or the number of its current entry.
    enum Step<'a> {
        Field(&'a str),
        Entry(usize),
    }
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut at = 0_usize;
    while let Some(byte) = text.as_bytes().get(at) {
        let mut next = at.saturating_add(1);
        match (byte, steps.last_mut()) {
            (b'"', inside) => {
                next = string::end(text.as_bytes(), next, text.len()).unwrap_or(text.len());
                let is_name = text.get(next..).is_some_and(|rest| rest.trim_ascii_start().starts_with(':'));
                if let (Some(Step::Field(name)), true) = (inside, is_name) {
                    *name = text.get(at.saturating_add(1)..next.saturating_sub(1)).unwrap_or_default();
                }
            }
            (b'{', _) => steps.push(Step::Field("")),
            (b'[', _) => steps.push(Step::Entry(0)),
            (b'}' | b']', _) => drop(steps.pop()),
            (b',', Some(Step::Entry(number))) => *number = number.saturating_add(1),
            _ => {}
        }
        at = next;
    }
    let mut path = String::new();
    for step in steps {
        let separator = if path.is_empty() { "" } else { "." };
        // Writing to a String cannot fail.
        let _ = match step {
            Step::Field(name) => write!(path, "{separator}{}", shown(&string::decoded(name))),
            Step::Entry(number) => write!(path, "[{number}]"),
        };
    }
    path
}
