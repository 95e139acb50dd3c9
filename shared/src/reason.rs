//! Why something failed, in a text that may be logged.
//!
//! A log is kept for weeks, and people read it who should not see what clients wrote. So the log accepts only this type,
//! which cannot hold a client's text. It holds constants of the program, numbers, and the few external texts listed below,
//! whose authors never saw a client's request.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Maximum length of an external text, in characters.
const LONGEST: usize = 300;
/// Longest word of an external text. Tokens, signatures and keys are longer.
const LONGEST_WORD: usize = 32;
/// AWS errors whose messages name roles, actions and tables, and no value of a call.
const NAMES_NO_VALUE: [&str; 3] = ["AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException"];

/// Reasons for a cancelled part of a transaction (API reference, `CancellationReason`).
const CANCELLATIONS: [&str; 7] = [
    "None",
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ItemCollectionSizeLimitExceeded",
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "ValidationError",
];

/// Why something failed, without any text of a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Cow<'static, str>);

impl From<&'static str> for Reason {
    fn from(words: &'static str) -> Self {
        Self(Cow::Borrowed(words))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reason {
    /// Constant words followed by a number.
    pub fn number(words: &'static str, number: impl Into<u64>) -> Self {
        Self(Cow::Owned(format!("{words} {}", number.into())))
    }

    /// Constant words, joined.
    pub fn words(words: &[&'static str]) -> Self {
        Self(Cow::Owned(words.join(" ")))
    }

    /// Adds where it happened.
    #[must_use]
    pub fn at(self, place: &'static str) -> Self {
        Self(Cow::Owned(format!("{place}: {}", self.0)))
    }

    /// An error in reading or writing JSON: its kind and position. Serde's own message may quote a value.
    pub fn json(error: &serde_json::Error) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Io => "JSON could not be written",
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Data => "JSON has an unexpected shape",
            serde_json::error::Category::Eof => "JSON ends too early",
        };
        Self(Cow::Owned(format!("{kind} at line {} column {}", error.line(), error.column())))
    }

    /// A failed connection. The transport has addresses and protocols, and no content of a request.
    pub fn transport(error: &dyn Error) -> Self {
        let mut words = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            words = format!("{words}: {inner}");
            source = inner.source();
        }
        Self(Cow::Owned(words.chars().take(LONGEST).collect()))
    }

    /// An error of an AWS service: its code, its message if that cannot contain a value of the call, and the reasons for
    /// each cancelled part of a transaction.
    pub fn service(code: &str, message: Option<&str>) -> Self {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_WORD * 2).collect();
        let parts = message.and_then(cancellations).filter(|_| code == "TransactionCanceledException");
        let message = message.filter(|_| NAMES_NO_VALUE.contains(&code.as_str())).map(str::to_owned);
        let words = format!("{code} {}", parts.or(message).unwrap_or_default());
        Self(Cow::Owned(words.trim_end().chars().take(LONGEST).collect()))
    }

    /// An error of an issuer of credentials or secrets, which receives nothing of a client's. Words that look like secrets
    /// are removed.
    pub fn of_issuer(words: &str) -> Self {
        let clean = |word: &str| {
            let mut pieces = word.split(|part: char| !part.is_ascii_alphanumeric() && !matches!(part, '-' | '_'));
            let is_secret = pieces.any(|piece| piece.len() > LONGEST_WORD || piece.starts_with("sk-or-"));
            if is_secret { "[removed]".to_owned() } else { word.to_owned() }
        };
        let words: Vec<String> = words.split_whitespace().map(clean).collect();
        Self(Cow::Owned(words.join(" ").chars().take(LONGEST).collect()))
    }
}

/// The known reasons that a message lists in brackets.
fn cancellations(message: &str) -> Option<String> {
    let (_, list) = message.split_once('[')?;
    let (list, _) = list.split_once(']')?;
    let known = |part: &str| CANCELLATIONS.iter().find(|known| **known == part.trim()).copied().unwrap_or("*");
    Some(format!("[{}]", list.split(',').map(known).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_json_is_named_without_the_value_that_serde_quotes() {
        let error = serde_json::from_str::<Vec<u8>>("\"words of the client\"").unwrap_err();
        assert!(error.to_string().contains("words of the client"));
        assert_eq!(Reason::json(&error).to_string(), "JSON has an unexpected shape at line 1 column 21");
    }

    #[test]
    fn the_message_of_a_service_stays_out_unless_it_can_hold_no_value() {
        let message = "no rights for table/keys";
        for (code, message, words) in [
            ("AccessDeniedException", message, "AccessDeniedException no rights for table/keys"),
            ("ValidationException", message, "ValidationException"),
            ("Odd \"code\"\n", message, "Oddcode"),
            (
                "TransactionCanceledException",
                "cancelled: [ConditionalCheckFailed, None, a value] and more",
                "TransactionCanceledException [ConditionalCheckFailed, None, *]",
            ),
        ] {
            assert_eq!(Reason::service(code, Some(message)).to_string(), words);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_removed_from_an_issuers_words() {
        let token = "e".repeat(33);
        for (words, kept) in [
            ("invalid_grant: Bad pool.", "invalid_grant: Bad pool."),
            (
                "gateway@my-project-1.iam.gserviceaccount.com is unknown",
                "gateway@my-project-1.iam.gserviceaccount.com is unknown",
            ),
            (&format!("bad assertion x.{token}.y"), "bad assertion [removed]"),
            ("key sk-or-v1-1 is off", "key [removed] is off"),
        ] {
            assert_eq!(Reason::of_issuer(words).to_string(), kept);
        }
    }
}
