//! The cache marks of an encoded request.

use super::Body;
use super::blocks::Block;
use crate::chat::request::Place;
use crate::wire::cache_marks;

/// Applies the rules for cache marks. Returns the positions of marks that are dropped or last shorter.
pub(super) fn limit_cache_marks(body: &mut Body) -> Vec<Place> {
    let tools = body.tools.iter_mut().map(|tool| &mut tool.cache_control);
    let fixed = tools.chain(body.system.iter_mut().map(Block::cache_control)).collect();
    let mut moving = Vec::new();
    body.messages.iter_mut().for_each(|message| message.cache_controls(&mut moving));
    cache_marks::limit(fixed, moving)
}
