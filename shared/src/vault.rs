//! The signature vault. Gemini rejects a history whose calls lost their thought signatures, and clients of the chat format
//! keep only a call's id, name and arguments. So the gateway keeps the signatures, under its own short ids.

use std::collections::{HashMap, HashSet};

use crate::ids::KeyId;
use crate::store::Store;

/// Maximum number of calls that are looked up. Older ones get Google's documented bypass instead.
const MOST_CALLS: usize = 500;

/// Keeps the signatures of a reply. Called before the body ends. A failure affects the quality of later replies, not this
/// reply.
pub async fn remember(store: &Store, key: &KeyId, signatures: &[(String, String)]) {
    if signatures.is_empty() {
        return;
    }
    if let Err(error) = store.put_signatures(key, &last_of_each(signatures)).await {
        tracing::warn!(%key, cause = %error.reason(), "signatures were not kept");
    }
}

/// Each call once, with its last signature, because DynamoDB rejects a batch that contains a key twice.
fn last_of_each(signatures: &[(String, String)]) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    let mut kept: Vec<_> = signatures.iter().rev().filter(|(call, _)| seen.insert(call.as_str())).cloned().collect();
    kept.reverse();
    kept
}

/// The signatures of these calls, whose ids the gateway created.
pub async fn recall(store: &Store, key: &KeyId, calls: &[String]) -> HashMap<String, String> {
    let calls = latest(calls);
    if calls.is_empty() {
        return HashMap::new();
    }
    store.signatures(key, &calls).await.unwrap_or_else(|error| {
        tracing::warn!(%key, cause = %error.reason(), "signatures were not read");
        HashMap::new()
    })
}

/// Each id once: the latest ones, in the order of the request.
fn latest(calls: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut calls: Vec<String> = calls.iter().filter(|id| seen.insert(id.as_str())).cloned().collect();
    calls.drain(..calls.len().saturating_sub(MOST_CALLS));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_signed_twice_is_kept_once_with_its_last_signature() {
        let pair = |call: &str, signature: &str| (call.to_owned(), signature.to_owned());
        let kept = last_of_each(&[pair("a", "1"), pair("b", "2"), pair("a", "3")]);
        assert_eq!(kept, [pair("b", "2"), pair("a", "3")]);
    }

    #[test]
    fn the_latest_calls_are_looked_up_and_each_once() {
        let calls: Vec<String> = (0..MOST_CALLS + 2).flat_map(|n| [n.to_string(), n.to_string()]).collect();
        let latest = latest(&calls);
        assert_eq!((latest.len(), latest[0].as_str()), (MOST_CALLS, "2"));
    }
}
