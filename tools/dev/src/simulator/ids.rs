//! Random ids in the alphabet of the providers.

use uuid::Uuid;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// This many random letters and digits.
pub(super) fn random(length: usize) -> String {
    let mut id = String::with_capacity(length);
    while id.len() < length {
        let mut rest = Uuid::new_v4().as_u128();
        // Twenty base 62 digits fit into the random bits of one UUID.
        for _ in 0..20.min(length - id.len()) {
            let digit = usize::try_from(rest % 62).unwrap_or(0);
            id.push(ALPHABET.get(digit).copied().map_or('0', char::from));
            rest /= 62;
        }
    }
    id
}
