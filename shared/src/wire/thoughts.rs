//! Reasoning that a client keeps during its session: the text and the provider's signature, in one string that the client
//! sends back unchanged. It is not secret from the client. A MAC proves that this deployment wrote it for this key. Without
//! the MAC, a client could invent reasoning of a model, or use one key's signatures with another key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::chat::Part;
use crate::chat::request::{Origin, Place, Signature};
use crate::ids::KeyId;

/// Beginning of every such string: its owner and version.
const MARK: &str = "gwr1.";
/// Beginning of a summary that replaces a conversation.
const SUMMARY: &str = "gws1.";

/// Writes and reads the reasoning of one key's clients.
#[derive(Clone, Debug)]
pub struct ThoughtKeys {
    /// Derived from the secrets. The first one signs; all of them verify.
    keys: Arc<[hmac::Key]>,
    owner: KeyId,
}

/// The payload of such a string.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// The text; missing for reasoning that only its provider can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The provider's signature or opaque bytes, after a letter that names the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

impl ThoughtKeys {
    /// For one key's clients, with the deployment's current and previous secret.
    pub fn new(current: &SecretString, previous: Option<&SecretString>, owner: KeyId) -> Self {
        let key = |secret: &SecretString| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self { keys: std::iter::once(current).chain(previous).map(key).collect(), owner }
    }

    /// Writes reasoning for the client; `None` if the part is not reasoning or is empty.
    pub fn write(&self, thought: &Part) -> Option<String> {
        let payload = match thought {
            Part::Reasoning { text, signature, .. } if !text.is_empty() || signature.is_some() => {
                Payload { text: Some(text.clone()), signature: signature.as_ref().map(signature_text) }
            }
            Part::RedactedReasoning { data, .. } => Payload { text: None, signature: Some(signature_text(data)) },
            Part::Reasoning { .. }
            | Part::Text { .. }
            | Part::Image { .. }
            | Part::Document { .. }
            | Part::Audio { .. }
            | Part::ToolCall(_)
            | Part::ToolResult(_) => return None,
        };
        self.seal(MARK, &serde_json::to_vec(&payload).ok()?)
    }

    /// Writes a summary for the client; `None` if it is empty.
    pub fn write_summary(&self, summary: &str) -> Option<String> {
        if summary.is_empty() { None } else { self.seal(SUMMARY, summary.as_bytes()) }
    }

    /// Reads a summary that the client returned; `None` if this deployment did not write it for this key.
    pub fn read_summary(&self, text: &str) -> Option<String> {
        String::from_utf8(self.open(SUMMARY, text)?).ok()
    }

    fn seal(&self, mark: &str, payload: &[u8]) -> Option<String> {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let mac = hmac::sign(self.keys.first()?, &self.authenticated(mark, &payload));
        Some(format!("{mark}{payload}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref())))
    }

    fn open(&self, mark: &str, text: &str) -> Option<Vec<u8>> {
        let (payload, mac) = text.strip_prefix(mark)?.split_once('.')?;
        let (told, mac) = (self.authenticated(mark, payload), URL_SAFE_NO_PAD.decode(mac).ok()?);
        let is_ours = self.keys.iter().any(|key| hmac::verify(key, &told, &mac).is_ok());
        if is_ours { URL_SAFE_NO_PAD.decode(payload).ok() } else { None }
    }

    /// Reads reasoning that the client returned from that position; `None` if this deployment did not write it for this key.
    pub fn read(&self, text: &str, place: Place) -> Option<Part> {
        let Payload { text, signature } = serde_json::from_slice(&self.open(MARK, text)?).ok()?;
        let signature = signature.as_deref().and_then(signature_of);
        match text {
            Some(text) => Some(Part::Reasoning { text, signature, place }),
            None => signature.map(|data| Part::RedactedReasoning { data, place }),
        }
    }

    /// What the MAC covers: the mark with its version, the key's id (which has no dot), and the payload.
    fn authenticated(&self, mark: &str, payload: &str) -> Vec<u8> {
        format!("{mark}{}.{payload}", self.owner.as_str()).into_bytes()
    }
}

fn signature_text(signature: &Signature) -> String {
    let origin = match signature.origin {
        Origin::Anthropic => 'a',
        Origin::Gemini => 'g',
        Origin::OpenRouter => 'o',
    };
    format!("{origin}{}", signature.value)
}

fn signature_of(text: &str) -> Option<Signature> {
    let mut rest = text.chars();
    let origin = match rest.next()? {
        'a' => Origin::Anthropic,
        'g' => Origin::Gemini,
        'o' => Origin::OpenRouter,
        _ => return None,
    };
    Some(Signature { origin, value: rest.as_str().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const EARLIER: &str = "fedcba9876543210fedcba9876543210";

    fn keys(current: &str, previous: Option<&str>, owner: u8) -> ThoughtKeys {
        let owner = KeyId::of_lookup_digest(&[owner; 32]);
        ThoughtKeys::new(&current.into(), previous.map(SecretString::from).as_ref(), owner)
    }

    fn thought() -> Part {
        let signature = Some(Signature { origin: Origin::Anthropic, value: "EqoB+/=ü".to_owned() });
        Part::Reasoning { text: "two and \"two\"".to_owned(), signature, place: Place::NOWHERE }
    }

    #[test]
    fn every_thought_comes_back_as_it_was() {
        let keys = keys(SECRET, None, 1);
        let signature = |origin| Signature { origin, value: "{\"data\":\"x\"}".to_owned() };
        let unsigned = Part::Reasoning { text: "hm".to_owned(), signature: None, place: Place::NOWHERE };
        let redacted = |origin| Part::RedactedReasoning { data: signature(origin), place: Place::NOWHERE };
        for part in [thought(), unsigned, redacted(Origin::Gemini), redacted(Origin::OpenRouter)] {
            let text = keys.write(&part).unwrap();
            assert_eq!(keys.read(&text, Place::NOWHERE), Some(part), "{text}");
        }
    }

    #[test]
    fn a_text_altered_by_one_byte_fails_the_check() {
        let keys = keys(SECRET, None, 1);
        let text = keys.write(&thought()).unwrap();
        for at in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(keys.read(&altered, Place::NOWHERE), None, "{at}: {altered}");
        }
        for other in ["", "gwr1.", "gAAAAABo", &text[..text.len() - 1], &format!("{text}A")] {
            assert_eq!(keys.read(other, Place::NOWHERE), None, "{other}");
        }
    }

    #[test]
    fn a_summary_comes_back_to_its_key_and_is_no_thought() {
        let keys = keys(SECRET, None, 1);
        let text = keys.write_summary("Häl\"f done").unwrap();
        assert_eq!(keys.read_summary(&text).as_deref(), Some("Häl\"f done"));
        assert_eq!(keys.read(&text, Place::NOWHERE), None);
        assert_eq!(keys.read(&text.replace(SUMMARY, MARK), Place::NOWHERE), None);
        assert_eq!(keys.read_summary(&keys.write(&thought()).unwrap()), None);
        assert_eq!(self::keys(SECRET, None, 2).read_summary(&text), None);
        assert_eq!(keys.write_summary(""), None);
    }

    #[test]
    fn another_key_reads_nothing_and_a_secret_is_read_while_it_is_being_replaced() {
        let text = keys(EARLIER, None, 1).write(&thought()).unwrap();
        for (reader, reads) in [
            (keys(EARLIER, None, 2), false),
            (keys(SECRET, None, 1), false),
            (keys(SECRET, Some(EARLIER), 1), true),
            (keys(EARLIER, Some(SECRET), 1), true),
        ] {
            assert_eq!(reader.read(&text, Place::NOWHERE).is_some(), reads, "{reader:?}");
        }
    }

    #[test]
    fn what_says_nothing_is_not_kept() {
        let empty = Part::Reasoning { text: String::new(), signature: None, place: Place::NOWHERE };
        for part in [empty, Part::Text { text: "a".to_owned(), cache: None }] {
            assert_eq!(keys(SECRET, None, 1).write(&part), None);
        }
    }
}
