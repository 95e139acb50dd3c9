//! Where a tokeniser splits text, byte by byte. The compiler turns the rules below into a table, because a history can be
//! megabytes long.

/// The class of a byte. Tokenisers of all vendors split text between these classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Blank,
    /// Punctuation, or a byte of a non-ASCII character.
    Other,
}

/// One token, in fifths.
pub(super) const TOKEN: u64 = 5;
/// A letter or a space in a run of them: eight or nine letters without a meaning are five tokens.
const LETTER: u64 = 3;
/// The first letter of a word, or a single space, in addition to [`LETTER`]: the shortest word is one token.
const BEGINNING: u64 = TOKEN - LETTER;

impl Class {
    const fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Lower,
            b'A'..=b'Z' => Self::Upper,
            b'0'..=b'9' => Self::Digit,
            b' ' => Self::Blank,
            _ => Self::Other,
        }
    }

    /// What a byte of this class adds after one of class `before`.
    const fn behind(self, before: Self) -> u64 {
        match (before, self) {
            // Some vendors split numbers into digits. Few words are upper case; they are split into pieces of one or two
            // letters.
            (Self::Lower | Self::Upper | Self::Digit | Self::Other, Self::Digit | Self::Other)
            | (Self::Upper, Self::Upper) => TOKEN,
            (Self::Blank, Self::Digit | Self::Other) => TOKEN + BEGINNING,
            (Self::Digit | Self::Other, Self::Lower | Self::Upper) | (Self::Lower, Self::Upper) => LETTER + BEGINNING,
            // A space before a word is part of it.
            (Self::Lower | Self::Blank, Self::Lower | Self::Upper) | (Self::Upper, Self::Lower) | (_, Self::Blank) => LETTER,
        }
    }
}

/// Number of consecutive consonants that occur in words. Tokenisers take further ones one by one.
const CLUSTER: usize = 3;

const fn is_consonant(byte: u8) -> bool {
    byte.is_ascii_alphabetic() && !matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u')
}

/// The next split depends on the class of the last byte, and on how many consonants precede it.
const CLASSES: [Class; 5] = [Class::Lower, Class::Upper, Class::Digit, Class::Blank, Class::Other];
/// Consonants are counted up to one more than [`CLUSTER`].
const COUNTS: usize = 5;
/// One example of each distinct kind of byte: a consonant and a vowel of each case, and one of each other class.
const EXAMPLES: [u8; 7] = *b"bBaA0 .";

/// What a byte adds after a state, in fifths, and the next state.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) fifths: u8,
    pub(super) state: u8,
}

/// The kind of each byte: the index of its example.
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "the compiler reads it, in small numbers")]
const KINDS: [u8; 256] = {
    let mut kinds = [0_u8; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut kind = 0;
        while kind < EXAMPLES.len() {
            let (is, like) = (byte as u8, EXAMPLES[kind]);
            if Class::of(is) as u8 == Class::of(like) as u8 && is_consonant(is) == is_consonant(like) {
                kinds[byte] = kind as u8;
            }
            kind += 1;
        }
        byte += 1;
    }
    kinds
};

/// The steps from each state by each kind of byte. Text starts as if after punctuation.
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "the compiler reads it, in small numbers")]
const STEPS: [[Step; 8]; 32] = {
    let mut steps = [[Step { fifths: 0, state: 0 }; 8]; 32];
    let mut state = 0;
    while state < CLASSES.len() * COUNTS {
        let (before, consonants) = (CLASSES[state / COUNTS], state % COUNTS);
        let mut kind = 0;
        while kind < EXAMPLES.len() {
            let class = Class::of(EXAMPLES[kind]);
            let consonants = match is_consonant(EXAMPLES[kind]) {
                true if consonants < COUNTS - 1 => consonants + 1,
                true => consonants,
                false => 0,
            };
            let fifths = if consonants > CLUSTER { TOKEN } else { class.behind(before) };
            steps[state][kind] = Step { fifths: fifths as u8, state: (class as usize * COUNTS + consonants) as u8 };
            kind += 1;
        }
        state += 1;
    }
    steps
};
/// The state before a text.
#[expect(clippy::cast_possible_truncation, reason = "the compiler reads it, in small numbers")]
pub(super) const START: u8 = (Class::Other as usize * COUNTS) as u8;

impl Step {
    /// The step after that state. The masks keep both indices within the table.
    pub(super) fn of(state: u8, byte: u8) -> Self {
        let kind = KINDS.get(usize::from(byte)).copied().unwrap_or_default();
        let steps = STEPS.get(usize::from(state & 31)).and_then(|steps| steps.get(usize::from(kind & 7)));
        steps.copied().unwrap_or(Self { fifths: 0, state: START })
    }
}
