//! What Mistral's API accepts of a conversation with tools.

use crate::wire::names;

/// The assistant's message between tool results and the user's next message. Mistral rejects the user there (its error 3230:
/// charmbracelet/crush#279 and zed-industries/zed#37021 through OpenRouter, NousResearch/hermes-agent#20154).
pub(in crate::wire::openai) const RESULTS_READ: &str = "Understood.";

/// Length of a call id.
const ID_LENGTH: usize = 9;

/// Whether Mistral serves a model.
pub(in crate::wire::openai) fn serves(upstream: &str) -> bool {
    upstream.starts_with("mistralai/")
}

/// A call id of nine letters and digits (its error 3280: langchain-ai/langchain#24668, anomalyco/opencode#1680). Another id
/// becomes a checksum.
pub(super) fn call_id(id: &str) -> String {
    let is_taken = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_taken { id.to_owned() } else { format!("c{:08x}", names::checksum(id)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_has_nine_letters_and_digits() {
        assert_eq!(call_id("D681PevKs"), "D681PevKs");
        assert_eq!([call_id("call_1"), call_id("call_2")], ["cc730b9f4", "c5e39e84e"]);
    }
}
