//! Identifiers that must not be confused. Values are checked where they enter the program; after that, their type guarantees
//! that they are valid.

mod tag;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

pub use tag::Tag;

/// The public id of an API key: the first 16 hex digits of the SHA-256 of the key's lookup part. It can be logged and shown,
/// because the key cannot be derived from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// Parses 16 lower-case hex digits; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 16 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The id of the key whose lookup part has this SHA-256.
    pub fn of_lookup_digest(digest: &[u8; 32]) -> Self {
        use fmt::Write as _;
        let mut id = String::with_capacity(16);
        for byte in digest.iter().take(8) {
            // Writing to a String cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        Self(id)
    }

    /// The 16 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a whole key: the only form in which a key is stored or cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Wraps a SHA-256.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A model's public id, as listed by `GET /v1/models`. Only the catalogue creates it, so it always names a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(Arc<str>);

impl ModelId {
    /// Wraps the id of a catalogue entry.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as clients write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider's name for a model. It becomes part of a URL path, so its characters are restricted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamModel(Arc<str>);

impl UpstreamModel {
    /// Accepts letters, digits and `-._@`, with single slashes between parts (`vendor/model`). Returns `None` for anything
    /// that could change the path of an upstream URL.
    pub fn parse(text: &str) -> Option<Self> {
        let safe = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@".contains(&byte);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed)
        };
        text.split('/').all(safe).then(|| Self(text.into()))
    }

    /// The name as the provider writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UpstreamModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An upstream that serves models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProviderId {
    /// Google's Gemini models on Vertex AI.
    VertexGemini,
    /// Anthropic's Claude models on Vertex AI.
    VertexClaude,
    /// OpenRouter, for everything else and as a second route.
    OpenRouter,
}

impl ProviderId {
    /// Every provider, in the order of `GET /health`.
    pub const ALL: [Self; 3] = [Self::VertexGemini, Self::VertexClaude, Self::OpenRouter];

    /// The name in the catalogue, in headers, records and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VertexGemini => "vertex-gemini",
            Self::VertexClaude => "vertex-claude",
            Self::OpenRouter => "openrouter",
        }
    }

    /// The name in `GET /health` (`docs/api.md`).
    pub const fn health_name(self) -> &'static str {
        match self {
            Self::VertexGemini => "vertexGemini",
            Self::VertexClaude => "vertexClaude",
            Self::OpenRouter => "openrouter",
        }
    }

    /// Parses a provider's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One HTTP call: a UUID v7 that contains the time of its start. Shown as `req_` and 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new id, started now.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses an id as shown: `req_` and 32 hex digits of a version 7 UUID.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text.strip_prefix("req_")?).ok()?;
        (id.get_version_num() == 7).then_some(Self(id))
    }

    /// Parses a request id, or the id of the request's reply (`chatcmpl-`, `msg_`, `resp_`), which ends with the same
    /// digits.
    pub fn of_reply(text: &str) -> Option<Self> {
        let digits = text.rsplit(['_', '-']).next()?;
        (digits.len() == 32).then(|| Self::parse(&format!("req_{digits}")))?
    }

    /// When the request started, as time since the Unix epoch, in whole milliseconds.
    pub fn started(self) -> Duration {
        let (seconds, nanos) = self.0.get_timestamp().map_or((0, 0), |time| time.to_unix());
        Duration::new(seconds, nanos)
    }

    /// The 32 hex digits alone, for ids that are derived from this one (`chatcmpl-`, `msg_`).
    pub fn hex(self) -> String {
        self.0.simple().to_string()
    }

    /// The shortest form: the UUID in base64url without padding, 22 characters.
    pub fn packed(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }

    /// Parses the shortest form.
    pub fn unpacked(text: &str) -> Option<Self> {
        let id = Uuid::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        (id.get_version_num() == 7).then_some(Self(id))
    }

    /// A number in `0..shards` that is the same for every use of this id.
    pub fn shard(self, shards: u8) -> u8 {
        // The last byte of a version 7 UUID is random.
        let random = self.0.as_bytes().last().copied().unwrap_or(0);
        random.checked_rem(shards).unwrap_or(0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{}", self.0.simple())
    }
}

/// One change of a balance by the operator: a UUID v7 that contains its time. Shown as `grant_` and 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(Uuid);

impl GrantId {
    /// A new id with the current time.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses an id as shown.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text.strip_prefix("grant_")?).ok()?;
        (id.get_version_num() == 7).then_some(Self(id))
    }

    /// When it was created, as time since the Unix epoch, in whole milliseconds.
    pub fn made(self) -> Duration {
        RequestId(self.0).started()
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grant_{}", self.0.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_model_refuses_whatever_could_change_a_path() {
        for name in ["", "a//b", "../b", "a/..", "a:b", "a?b", "a%2fb", "a b", "/a", "a#b"] {
            assert_eq!(UpstreamModel::parse(name), None, "{name}");
        }
        assert!(UpstreamModel::parse("anthropic/claude-opus-4.6").is_some());
        assert!(UpstreamModel::parse("claude-opus-4-5@20251101").is_some());
    }

    #[test]
    fn request_id_carries_its_start_and_shows_as_req_and_hex() {
        let id = RequestId::generate();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        assert!(now.saturating_sub(id.started()) < Duration::from_secs(5));
        assert_eq!(id.to_string(), format!("req_{}", id.hex()));
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        for prefix in ["req_", "chatcmpl-", "msg_", "resp_"] {
            assert_eq!(RequestId::of_reply(&format!("{prefix}{}", id.hex())), Some(id));
        }
        assert_eq!((RequestId::of_reply("req_1"), RequestId::of_reply(&format!("req_{}0", id.hex()))), (None, None));
        assert_eq!(id.hex().len(), 32);
        assert_eq!((id.packed().len(), RequestId::unpacked(&id.packed())), (22, Some(id)));
        assert_eq!((RequestId::unpacked(&id.to_string()), RequestId::parse(&id.packed())), (None, None));
        assert!(id.shard(8) < 8);
    }

    #[test]
    fn key_id_is_the_first_eight_bytes_in_hex() {
        let mut digest = [0_u8; 32];
        digest[0] = 0xab;
        digest[7] = 0x01;
        assert_eq!(KeyId::of_lookup_digest(&digest).as_str(), "ab00000000000001");
        assert_eq!(KeyId::parse("AB00000000000001"), None);
        assert!(KeyId::parse("ab00000000000001").is_some());
    }
}
