//! User ids as Claude accepts them.

use std::borrow::Cow;

use crate::wire::names;

/// Longest user id (API reference, `metadata.user_id`).
const LONGEST: usize = 256;

/// An id that only needs to be unique. Claude rejects ids that are too long and ids that are mail addresses or telephone
/// numbers (BerriAI/litellm#10102, #11432). They are converted and get a checksum, so nothing is lost.
pub fn user_id(name: &str) -> Cow<'_, str> {
    let is_taken = name.chars().count() <= LONGEST && !is_mail_address(name) && !is_telephone_number(name);
    if is_taken { Cow::Borrowed(name) } else { Cow::Owned(names::with_checksum(name)) }
}

fn is_mail_address(name: &str) -> bool {
    name.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')) && !name.contains(' ')
}

/// Seven to fifteen digits with at least one separator, so that plain numbers stay as they are.
fn is_telephone_number(name: &str) -> bool {
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let is_mark = |letter: char| matches!(letter, '+' | '-' | '(' | ')' | ' ' | '.');
    (7..=15).contains(&digits)
        && name.chars().any(is_mark)
        && name.chars().all(|letter| letter.is_ascii_digit() || is_mark(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_does_not_identify_its_key() {
        for name in ["u", "user_a1b2_account__session_c3", "5551234567", "2026-11-27-job-4", "a@b", &"x".repeat(256)] {
            assert_eq!(user_id(name), name);
        }
        for name in ["bob@example.com", "+1 415 555 0100", "555-123-4567", &"x".repeat(257)] {
            let sent = user_id(name);
            assert!(sent.chars().count() <= LONGEST && !sent.contains(['@', '+', ' ']), "{name}: {sent}");
            assert_eq!(user_id(&sent), sent);
        }
        assert_ne!(user_id("bob@example.com"), user_id("bob@example.org"));
    }
}
