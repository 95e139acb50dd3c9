//! The result of a check, and the checks that several wires share.

use serde_json::{Map, Value};

/// Nothing, or the provider's message about the first error.
pub(super) type Verdict = Result<(), String>;

/// Rejects with this message unless the condition is true.
pub(super) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(message()) }
}

/// Whether the text consists only of ASCII letters, digits and these other characters, and has at most this length.
pub(super) fn is_name(text: &str, others: &str, longest: usize) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
    !text.is_empty() && text.len() <= longest && text.chars().all(fits)
}

/// Rejects unknown fields of an object.
pub(super) fn extra(object: Option<&Value>, path: &str, known: &[&str]) -> Verdict {
    let mut fields = object.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    match fields.find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(format!("{path}.{field}: Extra inputs are not permitted")),
        None => Ok(()),
    }
}
