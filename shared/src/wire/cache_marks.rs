//! Cache marks as Claude takes them, wherever it runs: how many, and in which order of lifetimes.

/// Anthropic's limit of cache marks in one request, those inside results included.
const MOST: usize = 4;

/// Where a mark stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// On a tool or in the system instruction: these stay from request to request.
    Fixed,
    /// In a message, or on the request itself, where it goes along with the conversation's end.
    Moving,
}

/// A cache mark, as far as the rules ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Where it stands.
    pub(super) area: Area,
    /// Whether it is one of five minutes.
    pub(super) is_short: bool,
}

/// What becomes of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Kept,
    /// It stays as one of five minutes.
    Shortened,
    /// It is one too many.
    Dropped,
}

/// What becomes of marks, given in the order of the prompt: tools, system, messages. Those on tools and system stay first, then the
/// latest of the messages. An hour's mark after a five minutes' one is refused, so it becomes one of five minutes.
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
            // A mark that goes shortens nothing.
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
