//! The cache marks of an encoded request.

use crate::chat::Turns;
use crate::chat::request::{CacheMark, Part, Place, ToolDefinition};
use crate::wire::cache_marks;
use crate::wire::openai::rules;
use crate::wire::target::Target;

/// Removes the cache marks above Claude's limit, and shortens those that last too long after another. Returns their
/// positions. Other models cache automatically. Gemini's would store a cache at an extra price, also for a mark within a
/// result, and a mark needs a list, which some open models do not read.
pub(super) fn limit_cache_marks(tools: &mut [ToolDefinition], turns: &mut Turns, target: &Target<'_>) -> Vec<Place> {
    for part in turns.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        join_marks(part);
    }
    if !rules::is_claude(target.upstream) {
        for tool in tools {
            tool.cache = None;
        }
        if rules::is_gemini(target.upstream) || !rules::reads_lists(target.upstream, true) {
            let parts = turns.system.iter_mut().chain(turns.turns.iter_mut().flat_map(|turn| &mut turn.parts));
            parts.filter_map(mark_of).for_each(|mark| *mark = None);
        }
        return Vec::new();
    }
    let fixed = tools.iter_mut().map(|tool| &mut tool.cache).chain(turns.system.iter_mut().filter_map(mark_of)).collect();
    let parts = turns.turns.iter_mut().flat_map(|turn| &mut turn.parts);
    cache_marks::limit(fixed, parts.filter_map(mark_of).collect())
}

/// Merges the marks of a result and of its content into one mark, because the content becomes one text or moves behind the
/// result. The mark with the longest lifetime counts.
fn join_marks(part: &mut Part) {
    let Part::ToolResult(result) = part else { return };
    let inner = result.content.iter_mut().filter_map(mark_of).filter_map(Option::take);
    result.cache = inner.chain(result.cache).max_by_key(|mark| mark.lifetime);
}

fn mark_of(part: &mut Part) -> Option<&mut Option<CacheMark>> {
    match part {
        Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } => Some(cache),
        Part::ToolResult(result) => Some(&mut result.cache),
        Part::Audio { .. } | Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => None,
    }
}
