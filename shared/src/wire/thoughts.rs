//! Thoughts that a client keeps for its session: what a model thought, and what its provider signed that with, in a text that the
//! client sends back as it got it. Nothing in it is secret from the client; a MAC proves that this deployment wrote it, and for this
//! key. Otherwise anybody could put words into a model's mouth, or send one key's signatures with another.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::chat::Part;
use crate::chat::request::{Origin, Place, Signature};
use crate::ids::KeyId;

/// What every such text begins with: whose it is, and its version.
const MARK: &str = "gwr1.";

/// What writes and reads the thoughts that clients of one key keep.
#[derive(Clone, Debug)]
pub struct ThoughtKeys {
    /// The first writes, all read.
    keys: Arc<[hmac::Key]>,
    owner: KeyId,
}

/// What is in such a text.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// In words; missing for thoughts that only their provider can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The provider's signature, or its opaque bytes, after the letter of whose they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

impl ThoughtKeys {
    /// For the clients of a key, under the deployment's secret and the one that it had before.
    pub fn new(current: &SecretString, previous: Option<&SecretString>, owner: KeyId) -> Self {
        let key = |secret: &SecretString| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self { keys: std::iter::once(current).chain(previous).map(key).collect(), owner }
    }

    /// A thought as the client keeps it; `None` for a part that is none, or says nothing.
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
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&payload).ok()?);
        let mac = hmac::sign(self.keys.first()?, &self.authenticated(&payload));
        Some(format!("{MARK}{payload}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref())))
    }

    /// The thought that a client sends back from that place; `None` for a text that this deployment did not write for this key.
    pub fn read(&self, text: &str, place: Place) -> Option<Part> {
        let (payload, mac) = text.strip_prefix(MARK)?.split_once('.')?;
        let (told, mac) = (self.authenticated(payload), URL_SAFE_NO_PAD.decode(mac).ok()?);
        if !self.keys.iter().any(|key| hmac::verify(key, &told, &mac).is_ok()) {
            return None;
        }
        let Payload { text, signature } = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let signature = signature.as_deref().and_then(signature_of);
        match text {
            Some(text) => Some(Part::Reasoning { text, signature, place }),
            None => signature.map(|data| Part::RedactedReasoning { data, place }),
        }
    }

    /// What the MAC is about: the version, the key's id, which has no dot, and the payload.
    fn authenticated(&self, payload: &str) -> Vec<u8> {
        format!("{MARK}{}.{payload}", self.owner.as_str()).into_bytes()
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
    fn a_text_altered_by_one_byte_is_nobodys() {
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
