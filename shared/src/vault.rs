//! The signature vault. Gemini refuses a history whose calls lost their thought signatures, and clients of the chat format keep
//! nothing but a call's id, name and arguments: so the signatures stay here, under our own short ids.

use std::collections::{HashMap, HashSet};

use crate::ids::KeyId;
use crate::store::Store;

/// Longest list of calls that is looked up; older ones get Google's documented bypass instead.
const MOST_CALLS: usize = 500;
/// What our call ids begin with, and how many hex digits follow.
const PREFIX: &str = "call_";
const HEX_DIGITS: usize = 32;

/// Keeps the signatures of a reply. Called before the body ends; a failure costs quality, not the reply.
pub async fn remember(store: &Store, key: &KeyId, signatures: &[(String, String)]) {
    if signatures.is_empty() {
        return;
    }
    if let Err(error) = store.put_signatures(key, signatures).await {
        tracing::warn!(%key, cause = %error, "signatures were not kept");
    }
}

/// The signatures of these calls. Reads nothing when none of the ids is ours.
pub async fn recall(store: &Store, key: &KeyId, calls: &[String]) -> HashMap<String, String> {
    let calls = latest(calls);
    if calls.is_empty() {
        return HashMap::new();
    }
    store.signatures(key, &calls).await.unwrap_or_else(|error| {
        tracing::warn!(%key, cause = %error, "signatures were not read");
        HashMap::new()
    })
}

/// Whether an id is of our own making.
pub fn is_ours(id: &str) -> bool {
    let digits = id.strip_prefix(PREFIX).unwrap_or_default();
    let fits = digits.len() > HEX_DIGITS && digits.len() <= HEX_DIGITS + 3;
    fits && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Ids of our own making, each once: the latest ones, in the order of the request.
fn latest(calls: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let ours = calls.iter().filter(|id| is_ours(id) && seen.insert(id.as_str()));
    let mut ours: Vec<String> = ours.cloned().collect();
    ours.drain(..ours.len().saturating_sub(MOST_CALLS));
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_our_own_form_are_looked_up_and_each_once() {
        let ours = format!("call_{}12", "0a".repeat(16));
        let others = ["call_abc".to_owned(), format!("call_{}", "f".repeat(50)), format!("{ours}x"), "toolu_1".to_owned()];
        let calls: Vec<String> = [ours.clone(), ours.clone()].into_iter().chain(others).collect();
        assert_eq!(latest(&calls), [ours]);
        assert!(latest(&[]).is_empty());
    }
}
