//! The cache marks of an encoded request.

use super::Body;
use super::blocks::{Block, CacheControl};
use crate::chat::request::Place;
use crate::wire::cache_marks::{Area, Fate, Mark, fates};

/// Applies the rules for cache marks. Returns the positions of marks that are dropped or last shorter.
pub(super) fn limit_cache_marks(body: &mut Body) -> Vec<Place> {
    let tools = body.tools.iter_mut().map(|tool| &mut tool.cache_control);
    let system = body.system.iter_mut().map(Block::cache_control);
    let mut marks: Vec<&mut Option<CacheControl>> = tools.chain(system).filter(|mark| mark.is_some()).collect();
    let fixed = marks.len();
    body.messages.iter_mut().for_each(|message| message.cache_controls(&mut marks));
    let told = marks.iter().enumerate().map(|(at, mark)| Mark {
        area: if at < fixed { Area::Fixed } else { Area::Moving },
        is_short: mark.as_ref().is_some_and(CacheControl::is_short),
    });
    let fates = fates(&told.collect::<Vec<_>>());
    let mut left_out = Vec::new();
    for (mark, fate) in marks.into_iter().zip(fates) {
        match fate {
            Fate::Kept => {}
            Fate::Shortened => left_out.extend(mark.as_mut().map(|mark| {
                mark.shorten();
                mark.place()
            })),
            Fate::Dropped => left_out.extend(mark.take().map(|mark| mark.place())),
        }
    }
    left_out
}
