//! The client's own label for a request (`metadata.tag`), by which the gateway groups usage.

use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::ids::Tag;

/// The member of `metadata` with the tag.
pub(super) const MEMBER: &str = "tag";

/// The tag in a body; `None` if it is missing, null or empty. An invalid one is a 400.
pub(super) fn of(body: Value<'_>) -> Result<Option<Tag>, GatewayError> {
    let Some(tag) = body.at(&["metadata", MEMBER]) else { return Ok(None) };
    let text = tag.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    Tag::parse(&text).map(Some).ok_or_else(|| tag.wrong(Tag::RULE))
}

/// Whether a field is a `metadata` with only a tag. The gateway keeps the tag itself, so a format without `metadata` loses
/// nothing.
pub fn is_all_of(field: &str, value: Value<'_>) -> bool {
    let mut members = value.members();
    field == "metadata"
        && value.kind() == Kind::Object
        && members.next().is_some_and(|(name, _)| name == MEMBER)
        && members.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn a_tag_is_read_from_metadata_and_a_wrong_one_is_named() {
        let read = |body: &str| {
            let document = Document::parse(body.to_owned(), &[&["metadata"]]).unwrap();
            of(document.root())
                .map(|tag| tag.map(|tag| tag.as_str().to_owned()))
                .map_err(|error| (error.param().map(str::to_owned), error.message().to_owned()))
        };
        assert_eq!(read(r#"{"metadata":{"tag":"team-a","x":1}}"#), Ok(Some("team-a".to_owned())));
        for none in ["{}", r#"{"metadata":null}"#, r#"{"metadata":{"tag":null}}"#, r#"{"metadata":{"tag":""}}"#] {
            assert_eq!(read(none), Ok(None), "{none}");
        }
        let refused = |words: &str| Err((Some("metadata.tag".to_owned()), format!("metadata.tag: {words}.")));
        assert_eq!(read(r#"{"metadata":{"tag":"a b"}}"#), refused(Tag::RULE));
        assert_eq!(read(r#"{"metadata":{"tag":5}}"#), refused("expected a string, got a number"));
    }

    #[test]
    fn metadata_of_a_tag_alone_is_told_from_others() {
        for (metadata, alone) in [
            (r#"{"tag":"a"}"#, true),
            (r#"{"tag":"a","b":"c"}"#, false),
            (r#"{"b":"c"}"#, false),
            ("{}", false),
            (r#""tag""#, false),
        ] {
            let document = Document::parse(format!(r#"{{"metadata":{metadata}}}"#), &[]).unwrap();
            assert_eq!(is_all_of("metadata", document.root().get("metadata").unwrap()), alone, "{metadata}");
        }
    }
}
