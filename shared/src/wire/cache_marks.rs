//! Rules for Claude's cache marks, on every platform: how many, and in which order of lifetimes.

use crate::chat::request::{CacheLifetime, CacheMark, Place};
use crate::document::{Kind, Value};

/// Anthropic's limit of cache marks per request, including marks inside tool results.
const MOST: usize = 4;

/// Where a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// On a tool or in the system prompt. These marks stay the same from request to request.
    Fixed,
    /// In a message, or on the request itself. These marks move with the end of the conversation.
    Moving,
}

/// The facts about a cache mark that the rules need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Where it is.
    pub(super) area: Area,
    /// Whether its lifetime is five minutes.
    pub(super) is_short: bool,
}

/// What happens to a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is kept.
    Kept,
    /// It is kept, with a lifetime of five minutes.
    Shortened,
    /// It exceeds the limit.
    Dropped,
}

/// The mark of the whole request, if it lasts shorter than the mark of the last block of the last message.
pub(super) fn shorter_than_the_last(body: Value<'_>) -> Option<Value<'_>> {
    let lasts = |mark: Value<'_>| mark.get("ttl").is_some_and(|ttl| ttl.is("1h"));
    let last = body.get("messages")?.elements().last()?;
    let block = last.get("content").and_then(|content| content.elements().last());
    let mark = block.and_then(|block| block.get("cache_control")).or_else(|| last.get("cache_control"))?;
    body.get("cache_control").filter(|whole| lasts(mark) && whole.kind() == Kind::Object && !lasts(*whole))
}

/// Decides what happens to marks, given in prompt order: tools, system, messages. Marks on tools and system are kept first,
/// then the latest in messages. Claude rejects a one-hour mark after a five-minute mark, so it becomes a five-minute mark.
pub(super) fn fates(marks: &[Mark]) -> Vec<Fate> {
    let excess = marks.len().saturating_sub(MOST);
    let moving = marks.iter().filter(|mark| mark.area == Area::Moving).count();
    let (mut moving_excess, mut fixed_excess) = (excess.min(moving), excess.saturating_sub(moving));
    let mut has_short = false;
    let fate = |mark: &Mark| {
        let left = match mark.area {
            Area::Fixed => &mut fixed_excess,
            Area::Moving => &mut moving_excess,
        };
        if let Some(fewer) = left.checked_sub(1) {
            *left = fewer;
            return Fate::Dropped;
        }
        let late = has_short && !mark.is_short;
        has_short |= mark.is_short;
        if late { Fate::Shortened } else { Fate::Kept }
    };
    marks.iter().map(fate).collect()
}

/// A cache mark in a request that is being encoded.
pub(super) trait CacheMarked {
    /// Whether its lifetime is five minutes.
    fn is_short(&self) -> bool;

    /// Sets its lifetime to five minutes.
    fn shorten(&mut self);

    /// Its position in the client's request.
    fn place(&self) -> Place;
}

impl CacheMarked for CacheMark {
    fn is_short(&self) -> bool {
        self.lifetime == CacheLifetime::FiveMinutes
    }

    fn shorten(&mut self) {
        self.lifetime = CacheLifetime::FiveMinutes;
    }

    fn place(&self) -> Place {
        self.place
    }
}

/// Applies the rules to the marks of a request, in prompt order: `fixed` ones, then those of the messages. Returns the
/// positions of marks that are dropped or last shorter.
pub(super) fn limit<M: CacheMarked>(fixed: Vec<&mut Option<M>>, moving: Vec<&mut Option<M>>) -> Vec<Place> {
    let of = |area, mark: &Option<M>| mark.as_ref().map(|mark| Mark { area, is_short: mark.is_short() });
    let told: Vec<Mark> = fixed
        .iter()
        .filter_map(|mark| of(Area::Fixed, mark))
        .chain(moving.iter().filter_map(|mark| of(Area::Moving, mark)))
        .collect();
    let marks = fixed.into_iter().chain(moving).filter(|mark| mark.is_some());
    let mut changed = Vec::new();
    for (mark, fate) in marks.zip(fates(&told)) {
        match fate {
            Fate::Kept => {}
            Fate::Shortened => changed.extend(mark.as_mut().map(|mark| {
                mark.shorten();
                mark.place()
            })),
            Fate::Dropped => changed.extend(mark.take().map(|mark| mark.place())),
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(word: &str) -> Mark {
        let area = if word.starts_with('f') { Area::Fixed } else { Area::Moving };
        Mark { area, is_short: word.ends_with('5') }
    }

    #[test]
    fn four_stay_the_fixed_ones_first_and_an_hour_never_follows_five_minutes() {
        for (marks, expected) in [
            ("f5 m5", "KK"),
            ("f1 f1 m1 m1 m1 m1", "KKDDKK"),
            ("f1 f1 f1 f1 f1 m1", "DKKKKD"),
            ("f1 m5 m1 m5", "KKSK"),
            ("f5 m1", "KS"),
            // A removed mark shortens nothing.
            ("m5 m1 m1 m1 m1", "DKKKK"),
            ("", ""),
        ] {
            let marks: Vec<Mark> = marks.split_whitespace().map(mark).collect();
            let told: String = fates(&marks)
                .into_iter()
                .map(|fate| match fate {
                    Fate::Kept => 'K',
                    Fate::Shortened => 'S',
                    Fate::Dropped => 'D',
                })
                .collect();
            assert_eq!(told, expected, "{marks:?}");
        }
    }
}
