//! What a check says, and the checks that several wires share.

use serde_json::{Map, Value};

/// Nothing, or what the provider says about the first fault.
pub(super) type Verdict = Result<(), String>;

/// Refuses with this message unless the condition holds.
pub(super) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(message()) }
}

/// True if the text is made of ASCII letters, digits and these other characters only, and of so many at most.
pub(super) fn is_name(text: &str, others: &str, longest: usize) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
    !text.is_empty() && text.len() <= longest && text.chars().all(fits)
}

/// Refuses fields of an object that are not among the known ones.
pub(super) fn extra(object: Option<&Value>, path: &str, known: &[&str]) -> Verdict {
    let mut fields = object.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    match fields.find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(format!("{path}.{field}: Extra inputs are not permitted")),
        None => Ok(()),
    }
}
