//! Types of optional members. A member of the wrong type is a 400 with its path on every route, because no route may pass on
//! what another one rejects.

use crate::document::{Kind, Value};
use crate::error::GatewayError;

/// The type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberType {
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// An object.
    Object,
    /// A list.
    List,
    /// A string or a list of content parts.
    Content,
}

/// Members of an object and their types. Missing members and nulls are accepted.
pub type MemberTypes = &'static [(&'static str, MemberType)];

/// Checks these members of an object. Fails with a 400 for the first one with another type.
pub fn check(object: Value<'_>, known: MemberTypes) -> Result<(), GatewayError> {
    for (name, member) in object.members().filter(|(_, member)| !member.is_null()) {
        if let Some((_, wanted)) = known.iter().find(|(known, _)| *known == name) {
            check_type(member, *wanted)?;
        }
    }
    Ok(())
}

fn check_type(member: Value<'_>, wanted: MemberType) -> Result<(), GatewayError> {
    let (fits, expected) = match (wanted, member.kind()) {
        (MemberType::Text, kind) => (kind == Kind::Text, "a string"),
        (MemberType::Flag, kind) => (kind == Kind::Flag, "true or false"),
        (MemberType::Object, kind) => (kind == Kind::Object, "an object"),
        (MemberType::List, kind) => (kind == Kind::List, "a list"),
        (MemberType::Content, kind) => (matches!(kind, Kind::Text | Kind::List), "text or a list of content parts"),
    };
    if fits { Ok(()) } else { Err(member.expected(expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn a_member_of_another_type_is_named_and_nulls_pass() {
        const KNOWN: MemberTypes = &[
            ("text", MemberType::Text),
            ("flag", MemberType::Flag),
            ("object", MemberType::Object),
            ("list", MemberType::List),
            ("content", MemberType::Content),
        ];
        for (object, expected) in [
            (r#"{"text":"a","flag":true,"object":{},"list":[],"content":"a","other":1}"#, None),
            (r#"{"text":null,"content":[]}"#, None),
            (r#"{"text":1}"#, Some("text: expected a string, got a number.")),
            (r#"{"flag":"yes"}"#, Some("flag: expected true or false, got a string.")),
            (r#"{"object":[]}"#, Some("object: expected an object, got a list.")),
            (r#"{"list":{}}"#, Some("list: expected a list, got an object.")),
            (r#"{"content":5}"#, Some("content: expected text or a list of content parts, got a number.")),
        ] {
            let document = Document::parse(object.to_owned(), &[]).unwrap();
            let fault = check(document.root(), KNOWN).err().map(|fault| fault.message().to_owned());
            assert_eq!(fault.as_deref(), expected, "{object}");
        }
    }
}
