//! Which of Anthropic's beta features Vertex AI accepts. Vertex AI rejects a whole request that has one unknown beta. So
//! only the listed betas pass; the others are dropped and named. Data as of November 2026, from public gateways' tables and
//! Vertex's own errors.

use http::{HeaderName, HeaderValue};

use crate::document::Value;

/// Betas that pass, with their names on Vertex. Compaction does not pass: its own sampling is not part of a reply's usage
/// (platform.claude.com, compaction, `usage.iterations`), so it could be neither held nor charged.
const ON_VERTEX: &[(&str, &str)] = &[
    ("advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19"),
    ("computer-use-2025-01-24", "computer-use-2025-01-24"),
    ("computer-use-2025-11-24", "computer-use-2025-11-24"),
    ("context-1m-2025-08-07", "context-1m-2025-08-07"),
    ("context-management-2025-06-27", "context-management-2025-06-27"),
    ("interleaved-thinking-2025-05-14", "interleaved-thinking-2025-05-14"),
    (THOUGHT_BINDING, THOUGHT_BINDING),
    (TOOL_CHANGES, TOOL_CHANGES),
    ("tool-search-tool-2025-10-19", "tool-search-tool-2025-10-19"),
];

/// The beta that `context_management` requires.
pub const CONTEXT_MANAGEMENT: &str = "context-management-2025-06-27";

/// The beta that opens a window of a million tokens on models with a smaller one.
pub const LONG_CONTEXT: &str = "context-1m-2025-08-07";

/// The beta that `thinking.block_binding` requires (platform.claude.com, preserved thinking).
pub const THOUGHT_BINDING: &str = "thinking-binding-controls-2026-08-01";

/// The beta that lets a system message between turns add and remove tools.
pub const TOOL_CHANGES: &str = "mid-conversation-tool-changes-2026-07-01";

/// The header with which clients request betas.
pub const HEADER: &str = "anthropic-beta";

/// The header with the betas that a body for Vertex lists. Vertex ignores some betas that only the body lists, and rejects
/// the fields that need them (BerriAI/litellm#22321). It rejects the beta for long contexts in the header
/// (BerriAI/litellm#31607).
pub fn header(body: Value<'_>) -> Option<(HeaderName, HeaderValue)> {
    let listed = body.get("anthropic_beta").into_iter().flat_map(Value::elements).filter_map(Value::as_text);
    let sent: Vec<_> = listed.filter(|beta| beta != LONG_CONTEXT).collect();
    let value = HeaderValue::from_str(&sent.join(",")).ok().filter(|value| !value.is_empty())?;
    Some((HeaderName::from_static(HEADER), value))
}

/// A dropped beta, as reported to the client.
pub fn named(beta: &str) -> String {
    format!("{HEADER}:{beta}")
}

/// Sorts a client's betas (values of `anthropic-beta`, each a comma list) into those that Vertex accepts and the others.
pub fn for_vertex<'a>(headers: impl Iterator<Item = &'a str>) -> (Vec<&'static str>, Vec<String>) {
    let (mut accepted, mut dropped) = (Vec::new(), Vec::new());
    for beta in headers.flat_map(|value| value.split(',')).map(str::trim).filter(|beta| !beta.is_empty()) {
        match ON_VERTEX.iter().find(|(client, _)| *client == beta) {
            Some((_, vertex)) if accepted.contains(vertex) => {}
            Some((_, vertex)) => accepted.push(*vertex),
            None => dropped.push(beta.to_owned()),
        }
    }
    (accepted, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn the_header_lists_the_betas_of_the_body_except_long_contexts() {
        let value = |body: &str| {
            let body = Document::parse_sent(body.to_owned()).unwrap();
            header(body.root()).map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        };
        let listed =
            r#"{"anthropic_beta":["computer-use-2025-11-24","context-1m-2025-08-07","tool-search-tool-2025-10-19"]}"#;
        assert_eq!(value(listed).unwrap(), "anthropic-beta: computer-use-2025-11-24,tool-search-tool-2025-10-19");
        assert_eq!(value(r#"{"anthropic_beta":["context-1m-2025-08-07"]}"#), None);
        assert_eq!(value("{}"), None);
    }

    #[test]
    fn known_betas_pass_under_vertex_names_once_and_the_rest_is_named() {
        let headers = [
            "claude-code-20250219, interleaved-thinking-2025-05-14, compact-2026-01-12,",
            "advanced-tool-use-2025-11-20,tool-search-tool-2025-10-19",
        ];
        let (accepted, dropped) = for_vertex(headers.into_iter());
        assert_eq!(accepted, ["interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19"]);
        assert_eq!(dropped, ["claude-code-20250219", "compact-2026-01-12"]);
    }
}
