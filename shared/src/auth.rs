//! API keys: their form, checksum and digests, and the headers of a request that can have them. No I/O.
//!
//! A key is `bk_`, a lookup part of 12 characters, a secret of 28, and a CRC-32 of everything before it in 6, all in base62.
//! The checksum refuses typing errors and scanners without a table call.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;
use secrecy::{ExposeSecret, SecretString};

use crate::error::GatewayError;
use crate::ids::{KeyDigest, KeyId};

const PREFIX: &str = "bk_";
const LOOKUP_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 28;
const CHECKSUM_LENGTH: usize = 6;
const LENGTH: usize = PREFIX.len() + LOOKUP_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Hints for a request without a credential, with a credential of another kind, and with a key that cannot be valid. The
/// form and the checksum are public, so the hints do not tell which keys exist.
const MISSING: &str = "No key was sent. Send yours in the header X-API-Key, or as Authorization: Bearer bk_...";
const FOREIGN: &str = "The credential is not a key of this gateway. Its keys begin with bk_.";
const MALFORMED: &str =
    "The key is mistyped or cut off: it must be bk_ and 46 letters and digits, exactly as it was given to you.";

/// A well-formed key from a request. Only the store can tell whether it exists.
#[derive(Clone, Debug)]
pub struct ApiKey {
    id: KeyId,
    digest: KeyDigest,
    last4: String,
}

impl ApiKey {
    /// Parses a key and checks its checksum. Every error has the same hint.
    pub fn parse(text: &str) -> Result<Self, GatewayError> {
        let malformed = || unusable(MALFORMED);
        let body = text.strip_prefix(PREFIX).ok_or_else(malformed)?;
        if text.len() != LENGTH || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(malformed());
        }
        let (signed, sum) = text.split_at_checked(LENGTH - CHECKSUM_LENGTH).ok_or_else(malformed)?;
        if checksum(signed) != sum {
            return Err(malformed());
        }
        let lookup = body.get(..LOOKUP_LENGTH).ok_or_else(malformed)?;
        let last4 = text.get(LENGTH - 4..).ok_or_else(malformed)?;
        Ok(Self {
            id: KeyId::of_lookup_digest(&sha256(lookup)),
            digest: KeyDigest::new(sha256(text)),
            last4: last4.to_owned(),
        })
    }

    /// The key of a request: `X-API-Key`, or `Authorization: Bearer`. A credential that does not begin with `bk_` is ignored
    /// if the other header has a `bk_` key. Two different keys are a 400, because it is unclear which key pays.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, GatewayError> {
        let direct = headers.get_all("x-api-key").iter().filter_map(|value| value.to_str().ok());
        let bearer = headers.get_all(AUTHORIZATION).iter().filter_map(|value| bearer(value.to_str().ok()?));
        let mut sent = false;
        let credentials = direct.chain(bearer).map(str::trim).inspect(|credential| sent |= !credential.is_empty());
        let mut keys = credentials.filter(|credential| credential.starts_with(PREFIX));
        let Some(key) = keys.next() else {
            return Err(unusable(if sent { FOREIGN } else { MISSING }));
        };
        if keys.any(|other| other != key) {
            let message = "Two different keys were sent, in x-api-key and in Authorization: send only one.";
            return Err(GatewayError::invalid("authorization", message).with_code("conflicting_keys"));
        }
        Self::parse(key)
    }

    /// The public id.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The digest of the whole key.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// The last four characters, by which people recognise a key.
    pub fn last4(&self) -> &str {
        &self.last4
    }
}

/// The error for a text that cannot be a key. The hint is a constant of the program, so it may be logged.
fn unusable(hint: &'static str) -> GatewayError {
    GatewayError::unauthorized().with_hint(hint).with_cause(hint)
}

/// Creates a key: the text to show once, and the parsed key to store. Returns `None` if the random source fails.
pub fn mint(random: &dyn SecureRandom) -> Option<(SecretString, ApiKey)> {
    with_secret(&random_base62(random, LOOKUP_LENGTH)?, random)
}

/// Creates a new secret for `old`, with the same lookup part and so the same id. The lookup part exists only in the key
/// itself. Returns `None` if `old` is not a key or the random source fails.
pub fn remint(old: &SecretString, random: &dyn SecureRandom) -> Option<(SecretString, ApiKey)> {
    let old = old.expose_secret();
    ApiKey::parse(old).ok()?;
    with_secret(old.strip_prefix(PREFIX)?.get(..LOOKUP_LENGTH)?, random)
}

fn with_secret(lookup: &str, random: &dyn SecureRandom) -> Option<(SecretString, ApiKey)> {
    let signed = format!("{PREFIX}{lookup}{}", random_base62(random, SECRET_LENGTH)?);
    let text = SecretString::from(format!("{signed}{}", checksum(&signed)));
    let key = ApiKey::parse(text.expose_secret()).ok()?;
    Some((text, key))
}

fn random_base62(random: &dyn SecureRandom, length: usize) -> Option<String> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        random.fill(&mut bytes).ok()?;
        // 248 = 4 * 62: larger bytes are skipped, because they would make the first letters more likely.
        let letters = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| BASE62.get(usize::from(byte % 62)));
        text.extend(letters.take(length - text.len()).copied().map(char::from));
    }
    Some(text)
}

fn checksum(signed: &str) -> String {
    let mut rest = crc32fast::hash(signed.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, credential) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential)
}

fn sha256(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::HeaderValue;
    use ring::rand::SystemRandom;

    use super::*;
    use crate::error::ErrorKind;

    fn minted() -> String {
        mint(&SystemRandom::new()).map(|(text, _)| text.expose_secret().to_owned()).unwrap_or_default()
    }

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn minted_keys_are_valid_and_unique() {
        let keys: HashSet<String> = (0..10_000).map(|_| minted()).collect();
        assert_eq!(keys.len(), 10_000);
        for key in &keys {
            assert_eq!(key.len(), 49);
            assert!(ApiKey::parse(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn any_changed_character_is_refused() {
        let key = minted();
        for position in 0..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
            let typo = String::from_utf8(bytes).unwrap();
            assert_eq!(ApiKey::parse(&typo).unwrap_err().kind(), ErrorKind::Unauthorized, "{position}");
        }
        for wrong in ["", "bk_", &key[..48], &format!("{key}0"), "bk_ä"] {
            assert!(ApiKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_id_is_made_from_the_lookup_part_alone() {
        let digest = sha256("ABCDEFGHIJKL");
        let signed = format!("bk_ABCDEFGHIJKL{}", "s".repeat(28));
        let key = ApiKey::parse(&format!("{signed}{}", checksum(&signed))).unwrap();
        assert_eq!(*key.id(), KeyId::of_lookup_digest(&digest));
    }

    #[test]
    fn a_key_in_the_place_of_another_keeps_its_id_and_nothing_else() {
        let old = minted();
        let (text, new) = remint(&old.clone().into(), &SystemRandom::new()).unwrap();
        let old = ApiKey::parse(&old).unwrap();
        assert_eq!(new.id(), old.id());
        assert_ne!(new.digest(), old.digest());
        assert_eq!(ApiKey::parse(text.expose_secret()).unwrap().digest(), new.digest());
        assert!(remint(&"bk_typo".to_owned().into(), &SystemRandom::new()).is_none());
    }

    #[test]
    fn both_headers_carry_a_key_and_foreign_credentials_next_to_it_are_ignored() {
        let key = minted();
        let id = ApiKey::parse(&key).unwrap().id().clone();
        let bearer = format!("Bearer {key}");
        for pairs in [
            vec![("x-api-key", key.clone())],
            vec![("authorization", bearer.clone())],
            vec![("authorization", format!("bearer {key}"))],
            vec![("x-api-key", key.clone()), ("authorization", bearer.clone())],
            vec![("x-api-key", "sk-foreign".to_owned()), ("authorization", bearer)],
            vec![("x-api-key", key.clone()), ("authorization", "Basic abc".to_owned())],
        ] {
            assert_eq!(*ApiKey::from_headers(&headers(&pairs)).unwrap().id(), id, "{pairs:?}");
        }
    }

    #[test]
    fn two_different_keys_are_a_400_and_none_is_a_401() {
        let two = headers(&[("x-api-key", minted()), ("authorization", format!("Bearer {}", minted()))]);
        assert_eq!(ApiKey::from_headers(&two).unwrap_err().kind(), ErrorKind::InvalidRequest);
        let foreign = headers(&[("authorization", "Bearer sk-foreign".to_owned())]);
        assert_eq!(ApiKey::from_headers(&foreign).unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(ApiKey::from_headers(&HeaderMap::new()).unwrap_err().kind(), ErrorKind::Unauthorized);
    }

    #[test]
    fn a_hint_tells_a_missing_key_from_a_foreign_and_a_malformed_one() {
        let key = minted();
        for (pairs, hint) in [
            (vec![], MISSING),
            (vec![("authorization", "bk_without_scheme".to_owned())], MISSING),
            (vec![("authorization", "Bearer sk-foreign".to_owned())], FOREIGN),
            (vec![("x-api-key", String::new())], MISSING),
            (vec![("x-api-key", key[..48].to_owned())], MALFORMED),
            (vec![("authorization", format!("Bearer {key}x"))], MALFORMED),
        ] {
            let error = ApiKey::from_headers(&headers(&pairs)).unwrap_err();
            assert_eq!((error.message(), error.hint()), ("Unauthorized", Some(hint)), "{pairs:?}");
        }
    }
}
