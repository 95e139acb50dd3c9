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

/// The signatures of the calls that a request's text names. Reads nothing when it names none of ours.
pub async fn recall(store: &Store, key: &KeyId, request: &str) -> HashMap<String, String> {
    let calls = our_calls(request);
    if calls.is_empty() {
        return HashMap::new();
    }
    store.signatures(key, &calls).await.unwrap_or_else(|error| {
        tracing::warn!(%key, cause = %error, "signatures were not read");
        HashMap::new()
    })
}

/// Ids of our own making in a text, the latest ones first come last.
fn our_calls(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let candidates = memchr::memmem::find_iter(text.as_bytes(), PREFIX).filter_map(|at| {
        let rest = text.get(at.saturating_add(PREFIX.len())..)?;
        let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let id = text.get(at..at.saturating_add(PREFIX.len()).saturating_add(length))?;
        (length > HEX_DIGITS && length <= HEX_DIGITS + 3).then_some(id)
    });
    let mut calls: Vec<String> = candidates.filter(|id| seen.insert(*id)).map(str::to_owned).collect();
    calls.drain(..calls.len().saturating_sub(MOST_CALLS));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_our_own_form_are_looked_up_and_each_once() {
        let ours = format!("call_{}12", "0a".repeat(16));
        let text = format!(r#"{{"id":"{ours}","tool_call_id":"{ours}","x":"call_abc","y":"call_{}"}}"#, "f".repeat(50));
        assert_eq!(our_calls(&text), [ours]);
        assert!(our_calls("{}").is_empty());
    }
}
