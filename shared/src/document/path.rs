//! Paths into a document.

use std::fmt::{self, Write as _};

use super::string;
use super::value::{Kind, Value};

/// The path of a value: field names, and `*` for any entry of a list; empty for the body itself.
pub type Pattern = &'static [&'static str];

/// Any entry of a list in a [`Pattern`].
pub(super) const ANY: &str = "*";

/// The path from `root` to the value at `offset`, as clients read it: `messages[1].content[0].type`.
pub(super) fn to(root: Value<'_>, offset: usize) -> String {
    to_all(root, vec![offset]).pop().unwrap_or_default()
}

/// The paths from `root` to the values at these offsets, ordered by offset. Reads the text once, however many there are.
pub(super) fn to_all(root: Value<'_>, mut offsets: Vec<usize>) -> Vec<String> {
    offsets.sort_unstable();
    let mut walk = Walk { path: String::new(), left: &offsets, paths: Vec::with_capacity(offsets.len()) };
    walk.visit(root);
    walk.paths
}

/// A walk through a document that visits only values with an offset inside.
struct Walk<'o> {
    /// The path of the current value.
    path: String,
    /// The offsets that are not found yet.
    left: &'o [usize],
    paths: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, value: Value<'_>) {
        self.find_until(value.start().saturating_add(1));
        let length = self.path.len();
        match value.kind() {
            Kind::Object => {
                let mut members = value.members();
                while let Some((name, member)) = members.next().filter(|_| self.is_inside(value)) {
                    let separator = if length == 0 { "" } else { "." };
                    self.enter(member, format_args!("{separator}{}", shown(&name)));
                }
            }
            Kind::List => {
                let mut elements = value.elements().enumerate();
                while let Some((number, element)) = elements.next().filter(|_| self.is_inside(value)) {
                    self.enter(element, format_args!("[{number}]"));
                }
            }
            Kind::Null | Kind::Flag | Kind::Number | Kind::Text => {}
        }
        self.find_until(value.end());
    }

    /// Visits a child that has an offset inside.
    fn enter(&mut self, child: Value<'_>, step: fmt::Arguments<'_>) {
        self.find_until(child.start());
        if self.is_inside(child) {
            let length = self.path.len();
            // Writing to a String cannot fail.
            let _ = self.path.write_fmt(step);
            self.visit(child);
            self.path.truncate(length);
        }
    }

    fn is_inside(&self, value: Value<'_>) -> bool {
        self.left.first().is_some_and(|offset| *offset < value.end())
    }

    /// Gives the current path to the offsets before this one.
    fn find_until(&mut self, end: usize) {
        let found = self.left.iter().take_while(|offset| **offset < end).count();
        self.paths.extend(std::iter::repeat_n(&self.path, found).cloned());
        self.left = self.left.get(found..).unwrap_or_default();
    }
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
