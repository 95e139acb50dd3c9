//! Where a tokeniser may split text, byte by byte. The compiler turns the rules below into a table, because a history can be
//! megabytes long.
//!
//! Tokenisers join neighbours as long as their vocabulary contains a pair of neighbours. So if every vocabulary contains a
//! pair of letters, these two letters are never two separate tokens of one letter, and three such letters are at most two
//! tokens. The table counts the maximum number of tokens that this allows. Two neighbours of any other kind may be two
//! tokens or one.

use super::pairs::is_common;

/// One token, in fifths.
pub(super) const TOKEN: u8 = 5;
/// A further blank in a run of them. Vocabularies have long runs as one token.
const BLANK: u8 = 3;

/// What a byte is for the next one.
#[derive(Clone, Copy)]
enum Kind {
    /// A lower-case letter, counted from `a`.
    Letter(usize),
    Upper,
    /// A digit, punctuation, or a byte of a non-ASCII character.
    Other,
    Blank,
    /// A blank after another. Only the last blank of a run may be part of the next word.
    Blanks,
    /// The backslash of an escape of one letter.
    Escape,
}

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// As a string in JSON, with escapes of one letter.
    Json,
}

impl Kind {
    const ALL: usize = 31;

    const fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Letter((byte - b'a') as usize),
            b'A'..=b'Z' => Self::Upper,
            b' ' => Self::Blank,
            _ => Self::Other,
        }
    }

    const fn at(place: usize) -> Self {
        match place {
            0..26 => Self::Letter(place),
            26 => Self::Upper,
            27 => Self::Other,
            28 => Self::Blank,
            29 => Self::Blanks,
            _ => Self::Escape,
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Letter(letter) => letter,
            Self::Upper => 26,
            Self::Other => 27,
            Self::Blank => 28,
            Self::Blanks => 29,
            Self::Escape => 30,
        }
    }
}

/// The maximum number of tokens of a text in three cases, relative to the largest of the three, so each is zero or less.
#[derive(Clone, Copy)]
struct Most {
    /// If its last byte is a token by itself.
    alone: i8,
    /// If its last byte ends a longer token.
    joined: i8,
    /// Without its last byte.
    before: i8,
}

/// An impossible case. A step adds at most one, so this never becomes the maximum.
const NEVER: i8 = -9;

impl Most {
    /// After a byte that does not join what precedes it, and that no common pair begins with.
    const SPLIT: Self = Self { alone: 0, joined: -1, before: -1 };
    /// A first letter, which every vocabulary joins to the blank before it.
    const BEGUN: Self = Self { alone: NEVER, joined: 0, before: 0 };
    /// All values that occur.
    const ALL: [Self; 4] =
        [Self::SPLIT, Self::BEGUN, Self { alone: 0, joined: 0, before: -1 }, Self { alone: 0, joined: 0, before: 0 }];

    /// Adds a byte: returns by how much the maximum grows, and the new values relative to it. Of a common pair, at least one
    /// letter is joined to a longer token.
    const fn then(self, is_common: bool) -> (i8, Self) {
        let any = if self.alone > self.joined { self.alone } else { self.joined };
        let alone = 1 + if is_common { self.joined } else { any };
        let joined = 1 + self.before;
        let most = if alone > joined { alone } else { joined };
        (most - any, Self { alone: alone - most, joined: joined - most, before: any - most })
    }

    const fn place(self) -> usize {
        match self {
            Self { before: 0, alone: 0, .. } => 3,
            Self { before: 0, .. } => 1,
            Self { joined: 0, .. } => 2,
            Self { .. } => 0,
        }
    }
}

/// What a byte adds after a state, in fifths, and the next state: its kind, and the most tokens so far.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) fifths: u8,
    pub(super) state: u8,
}

/// The state before a text: as if after punctuation.
pub(super) const START: u8 = state(Kind::Other, Most::SPLIT);
/// The state after the backslash of an escape.
pub(super) const ESCAPE: u8 = state(Kind::Escape, Most::SPLIT);

/// Whether the state after this byte is [`START`], unless the byte is part of an escape.
pub(super) fn restarts(byte: u8) -> bool {
    byte != b'\\' && matches!(Kind::of(byte), Kind::Other)
}

#[expect(clippy::cast_possible_truncation, reason = "the compiler reads it, in small numbers")]
const fn state(kind: Kind, most: Most) -> u8 {
    (kind.place() * Most::ALL.len() + most.place()) as u8
}

impl Step {
    const fn to(fifths: u8, kind: Kind, most: Most) -> Self {
        Self { fifths, state: state(kind, most) }
    }

    /// What a byte of this kind adds after one of kind `before`.
    const fn behind(before: Kind, most: Most, next: Kind) -> Self {
        let is_common = match (before, next) {
            // The backslash has counted the character.
            (Kind::Escape, _) => return Self::to(0, Kind::Other, Most::SPLIT),
            (Kind::Blank | Kind::Blanks, Kind::Blank | Kind::Blanks) => return Self::to(BLANK, Kind::Blanks, Most::SPLIT),
            // A blank never joins what precedes it.
            (_, Kind::Blank | Kind::Blanks) => return Self::to(TOKEN, Kind::Blank, Most::SPLIT),
            (Kind::Blank, Kind::Letter(_) | Kind::Upper) => return Self::to(0, next, Most::BEGUN),
            // The last blank is not part of the token of the blanks before it.
            (Kind::Blanks, Kind::Letter(_) | Kind::Upper) => return Self::to(TOKEN - BLANK, next, Most::BEGUN),
            (Kind::Blanks, Kind::Other | Kind::Escape) => return Self::to(TOKEN + TOKEN - BLANK, next, Most::SPLIT),
            (_, Kind::Other | Kind::Escape) => return Self::to(TOKEN, next, Most::SPLIT),
            (Kind::Letter(first), Kind::Letter(second)) => is_common(first, second),
            (Kind::Upper | Kind::Other, Kind::Letter(_)) | (Kind::Letter(_) | Kind::Upper | Kind::Other, Kind::Upper) => {
                false
            }
        };
        let (tokens, most) = most.then(is_common);
        Self::to(if tokens > 0 { TOKEN } else { 0 }, next, most)
    }

    /// The step after that state. The masks keep both indices within the table.
    pub(super) fn of(state: u8, byte: u8, spelling: Spelling) -> Self {
        let kinds = if spelling == Spelling::Json { &SPELLED_KINDS } else { &KINDS };
        let kind = kinds.get(usize::from(byte)).copied().unwrap_or_default();
        let steps = STEPS.get(usize::from(state & 127)).and_then(|steps| steps.get(usize::from(kind & 31)));
        steps.copied().unwrap_or(Self { fifths: 0, state: START })
    }
}

/// The place of each byte's kind.
static KINDS: [u8; 256] = kinds(Spelling::Plain);
/// The same in a JSON string.
static SPELLED_KINDS: [u8; 256] = kinds(Spelling::Json);

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "the compiler reads it, in small numbers")]
const fn kinds(spelling: Spelling) -> [u8; 256] {
    let mut kinds = [0_u8; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = Kind::of(byte as u8).place() as u8;
        byte += 1;
    }
    if matches!(spelling, Spelling::Json) {
        kinds[b'\\' as usize] = Kind::Escape.place() as u8;
    }
    kinds
}

/// The steps from each state by each kind of byte.
#[expect(clippy::indexing_slicing, reason = "the compiler reads it, in small numbers")]
static STEPS: [[Step; 32]; 128] = {
    let mut steps = [[Step { fifths: 0, state: START }; 32]; 128];
    let mut from = 0;
    while from < Kind::ALL * Most::ALL.len() {
        let (before, most) = (Kind::at(from / Most::ALL.len()), Most::ALL[from % Most::ALL.len()]);
        let mut kind = 0;
        while kind < Kind::ALL {
            steps[from][kind] = Step::behind(before, most, Kind::at(kind));
            kind += 1;
        }
        from += 1;
    }
    steps
};
