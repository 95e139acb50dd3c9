//! Edits a document in place; everything else stays byte for byte.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::{Kind, Spot, Value};

/// A set of edits. The first edit of a value counts. An edit inside a removed or replaced value has no effect.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// Edits by the offset at which the value begins.
    changes: BTreeMap<usize, Change>,
    /// New fields, by the offset at which their object begins.
    added: BTreeMap<usize, Vec<(String, Added)>>,
    /// Replacements of values by lists, by the offset at which the value begins.
    arranged: BTreeMap<usize, Vec<Written>>,
}

/// An entry of a rewritten list.
#[derive(Clone, Debug)]
pub enum Entry<'d> {
    /// A value of the document, with its own edits. It may come from elsewhere in the document.
    Own(Value<'d>),
    /// JSON that the gateway adds.
    New(String),
    /// Entries separated by commas, with text around them that makes them one value.
    Within {
        /// Text before the entries.
        before: String,
        /// The entries.
        entries: Vec<Entry<'d>>,
        /// Text after the entries.
        after: &'static str,
    },
}

/// An entry without the document's lifetime.
#[derive(Clone, Debug)]
enum Written {
    Own(Spot),
    New(String),
    Within { before: String, entries: Vec<Written>, after: &'static str },
}

impl From<Entry<'_>> for Written {
    fn from(entry: Entry<'_>) -> Self {
        match entry {
            Entry::Own(value) => Self::Own(value.spot()),
            Entry::New(json) => Self::New(json),
            Entry::Within { before, entries, after } => {
                Self::Within { before, entries: entries.into_iter().map(Self::from).collect(), after }
            }
        }
    }
}

/// The value of a new field.
#[derive(Clone, Debug)]
enum Added {
    Json(String),
    List(Vec<Written>),
}

#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(String),
}

impl Edits {
    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.added.is_empty() && self.arranged.is_empty()
    }

    /// Removes a field with its name, or an entry of a list.
    pub fn remove(&mut self, value: Value<'_>) {
        self.changes.entry(value.start()).or_insert(Change::Remove);
    }

    /// Removes a field. Returns true if it existed and was not null.
    pub fn remove_field(&mut self, object: Value<'_>, name: &str) -> bool {
        let Some((_, value)) = object.members().find(|(known, _)| known == name) else { return false };
        self.remove(value);
        !value.is_null()
    }

    /// Replaces a value.
    pub fn replace<T: Serialize + ?Sized>(&mut self, value: Value<'_>, with: &T) {
        self.changes.entry(value.start()).or_insert(Change::Replace(json(with)));
    }

    /// Sets a field: in place if it exists, at the end of the object otherwise.
    pub fn set<T: Serialize + ?Sized>(&mut self, object: Value<'_>, name: &str, value: &T) {
        self.set_json(object, name, &json(value));
    }

    /// Sets a field to raw JSON.
    pub fn set_json(&mut self, object: Value<'_>, name: &str, value: &str) {
        if let Some((_, old)) = object.members().find(|(known, _)| known == name) {
            self.changes.insert(old.start(), Change::Replace(value.to_owned()));
        } else {
            self.add(object, name, Added::Json(value.to_owned()));
        }
    }

    fn add(&mut self, object: Value<'_>, name: &str, value: Added) {
        let fields = self.added.entry(object.start()).or_default();
        fields.retain(|(known, _)| known != name);
        fields.push((name.to_owned(), value));
    }

    /// Sets a field to a list of these entries. If the field exists, replaces its value, whatever that is. Otherwise adds
    /// the field at the end of the object.
    pub fn arrange_field(&mut self, object: Value<'_>, name: &str, entries: Vec<Entry<'_>>) {
        if let Some((_, old)) = object.members().find(|(known, _)| known == name) {
            self.changes.remove(&old.start());
            self.arrange(old, entries);
        } else {
            self.add(object, name, Added::List(entries.into_iter().map(Written::from).collect()));
        }
    }

    /// Replaces a list, or a string, by a list of these entries. A string may be one of the entries itself. Removed entries
    /// are left out. If the value was already removed or replaced, this changes nothing.
    pub fn arrange(&mut self, value: Value<'_>, entries: Vec<Entry<'_>>) {
        self.arranged.entry(value.start()).or_insert_with(|| entries.into_iter().map(Written::from).collect());
    }

    /// Whether a value is removed.
    pub fn removes(&self, value: Value<'_>) -> bool {
        matches!(self.changes.get(&value.start()), Some(Change::Remove))
    }

    /// Whether a value is removed, replaced or rearranged.
    pub fn changes(&self, value: Value<'_>) -> bool {
        self.changes.contains_key(&value.start()) || self.arranged.contains_key(&value.start())
    }

    /// Applies the edits and returns the text.
    pub(super) fn apply(&self, root: Value<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(usize::try_from(root.bytes()).unwrap_or(0).saturating_add(256));
        self.write(root, &mut out);
        out
    }

    fn write(&self, value: Value<'_>, out: &mut Vec<u8>) {
        if let Some(Change::Replace(with)) = self.changes.get(&value.start()) {
            out.extend_from_slice(with.as_bytes());
        } else if let Some(entries) = self.arranged.get(&value.start()) {
            out.push(b'[');
            self.write_entries(value, entries, out);
            out.push(b']');
        } else if self.touches(value) {
            self.write_container(value, out);
        } else {
            out.extend_from_slice(value.raw().as_bytes());
        }
    }

    /// Writes the entries that replace `arranged`. If `arranged` is a string, it may be one of the entries.
    fn write_entries(&self, arranged: Value<'_>, entries: &[Written], out: &mut Vec<u8>) {
        let is_kept = |entry: &&Written| !matches!(entry, Written::Own(spot) if self.removes(arranged.elsewhere(*spot)));
        for (number, entry) in entries.iter().filter(is_kept).enumerate() {
            if number > 0 {
                out.push(b',');
            }
            match entry {
                Written::Own(spot) => {
                    let own = arranged.elsewhere(*spot);
                    if own.start() == arranged.start() {
                        out.extend_from_slice(own.raw().as_bytes());
                    } else {
                        self.write(own, out);
                    }
                }
                Written::New(json) => out.extend_from_slice(json.as_bytes()),
                Written::Within { before, entries, after } => {
                    out.extend_from_slice(before.as_bytes());
                    self.write_entries(arranged, entries, out);
                    out.extend_from_slice(after.as_bytes());
                }
            }
        }
    }

    fn touches(&self, value: Value<'_>) -> bool {
        let within = value.start()..value.end();
        self.changes.range(within.clone()).next().is_some()
            || self.added.range(within.clone()).next().is_some()
            || self.arranged.range(within).next().is_some()
    }

    /// Writes the remaining entries, each with the white space before it.
    fn write_container(&self, container: Value<'_>, out: &mut Vec<u8>) {
        let (open, close) = if container.kind() == Kind::List { (b'[', b']') } else { (b'{', b'}') };
        out.push(open);
        let (mut done, mut is_first) = (container.start().saturating_add(1), true);
        for (start, value) in entries(container) {
            if !self.removes(value) {
                // The first remaining entry has no comma before it.
                let between = container.slice(done, start).bytes();
                out.extend(between.filter(|byte| !(is_first && *byte == b',')));
                out.extend_from_slice(container.slice(start, value.start()).as_bytes());
                self.write(value, out);
                is_first = false;
            }
            done = value.end();
        }
        for (name, value) in self.added.get(&container.start()).into_iter().flatten() {
            if !is_first {
                out.push(b',');
            }
            match value {
                Added::Json(json) => write_member(name, json, out),
                Added::List(entries) => {
                    write_member(name, "[", out);
                    self.write_entries(container, entries, out);
                    out.push(b']');
                }
            }
            is_first = false;
        }
        out.extend_from_slice(container.slice(done, container.end().saturating_sub(1)).as_bytes());
        out.push(close);
    }
}

/// The entries of a container, with the offset at which each begins: for a field, the offset of its name.
fn entries(container: Value<'_>) -> Vec<(usize, Value<'_>)> {
    let mut members = container.members();
    let fields = std::iter::from_fn(|| {
        let start = members.next_start()?;
        members.next().map(|(_, value)| (start, value))
    });
    fields.chain(container.elements().map(|value| (value.start(), value))).collect()
}

fn write_member(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(json(name).as_bytes());
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
}

/// Serialising strings, numbers and the gateway's structs cannot fail.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Appends fields to an object that was just serialised.
pub fn append_members(object: &mut Vec<u8>, members: &[(&str, String)]) {
    if object.pop() != Some(b'}') {
        return;
    }
    for (name, value) in members {
        if object.last() != Some(&b'{') {
            object.push(b',');
        }
        write_member(name, value, object);
    }
    object.push(b'}');
}
