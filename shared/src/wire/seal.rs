//! Signatures in thinking blocks. Messages clients return thinking blocks unchanged, so another provider's signature can
//! travel in one, marked with its provider. Claude's own signatures are not marked. Clients of other formats send such
//! blocks too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::chat::request::{Origin, Signature};

const GEMINI: &str = "gw1.g.";
const OPENROUTER: &str = "gw1.o.";

/// Writes a signature for a thinking block.
pub fn seal(signature: &Signature) -> String {
    match signature.origin {
        Origin::Anthropic => signature.value.clone(),
        Origin::Gemini => format!("{GEMINI}{}", signature.value),
        Origin::OpenRouter => format!("{OPENROUTER}{}", URL_SAFE_NO_PAD.encode(&signature.value)),
    }
}

/// Whether a signature is Claude's own.
pub fn is_own(seal: &str) -> bool {
    !(seal.starts_with(GEMINI) || seal.starts_with(OPENROUTER))
}

/// Reads the signature of a returned thinking block.
pub fn open(text: String) -> Signature {
    if let Some(value) = text.strip_prefix(GEMINI) {
        return Signature { origin: Origin::Gemini, value: value.to_owned() };
    }
    let details = text.strip_prefix(OPENROUTER).and_then(|value| URL_SAFE_NO_PAD.decode(value).ok());
    match details.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(value) => Signature { origin: Origin::OpenRouter, value },
        None => Signature { origin: Origin::Anthropic, value: text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_origin_survives_the_round_trip() {
        for origin in [Origin::Anthropic, Origin::Gemini, Origin::OpenRouter] {
            let signature = Signature { origin, value: "EqoB+/=ü".to_owned() };
            assert_eq!(open(seal(&signature)), signature);
        }
    }
}
