//! Lone surrogates: JSON can escape one half of a surrogate pair without the other, which is not valid text. Providers that
//! cut a reply between two code units send them, and JSON readers reject them.

use std::borrow::Cow;

/// Length of an escape of one code unit in bytes.
const ESCAPE: usize = r"\u0000".len();

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

/// Replaces every lone surrogate in JSON by U+FFFD.
pub(super) fn with_whole_characters(json: &str) -> Cow<'_, str> {
    let (mut whole, mut copied, mut at) = (String::new(), 0_usize, 0_usize);
    while let Some(found) = json.as_bytes().get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let start = at.saturating_add(found);
        let next = start.saturating_add(ESCAPE);
        at = match half(json, start) {
            None => start.saturating_add(2),
            Some(Half::First) if half(json, next) == Some(Half::Second) => next.saturating_add(ESCAPE),
            Some(_) => {
                whole.push_str(json.get(copied..start).unwrap_or_default());
                whole.push_str(r"\ufffd");
                copied = next;
                next
            }
        };
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    whole.push_str(json.get(copied..).unwrap_or_default());
    Cow::Owned(whole)
}

/// Which half the escape at this position is, if any.
fn half(json: &str, at: usize) -> Option<Half> {
    let digits = json.get(at..at.saturating_add(ESCAPE))?.strip_prefix(r"\u")?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::First),
        0xDC00..=0xDFFF => Some(Half::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_that_stand_alone_are_replaced() {
        for (json, whole) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00x""#, r#""\ufffdx""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""a\ud83d\n\u00e9""#, r#""a\ufffd\n\u00e9""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\u12é\""#, r#""\u12é\""#),
            ("{}", "{}"),
        ] {
            assert_eq!(with_whole_characters(json), whole, "{json}");
        }
    }
}
