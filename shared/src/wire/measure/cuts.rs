//! Where a tokeniser cuts text, byte by byte. The rules are below; what runs is a table that the compiler makes of them, because a
//! history may be megabytes.

/// What a byte is to a tokeniser: those of all vendors cut text between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Blank,
    /// A mark, or a byte of a character beyond ASCII.
    Other,
}

/// A token in fifths.
pub(super) const TOKEN: u64 = 5;
/// What a letter or a blank among others is: letters without a sense are five tokens for eight or nine of them.
const LETTER: u64 = 3;
/// What begins a word, or a blank alone, beside that: the shortest of either is a token.
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

    /// What a byte of this class adds behind one of that.
    const fn behind(self, before: Self) -> u64 {
        match (before, self) {
            // Some vendors cut numbers into digits.
            // Few words are written in capitals: they are cut into pieces of one or two.
            (Self::Lower | Self::Upper | Self::Digit | Self::Other, Self::Digit | Self::Other)
            | (Self::Upper, Self::Upper) => TOKEN,
            (Self::Blank, Self::Digit | Self::Other) => TOKEN + BEGINNING,
            (Self::Digit | Self::Other, Self::Lower | Self::Upper) | (Self::Lower, Self::Upper) => LETTER + BEGINNING,
            // A blank before a word is a part of it.
            (Self::Lower | Self::Blank, Self::Lower | Self::Upper) | (Self::Upper, Self::Lower) | (_, Self::Blank) => LETTER,
        }
    }
}

/// Consonants in a row that words have; more of them make no sense to any tokeniser, which takes them one by one.
const CLUSTER: usize = 3;

const fn is_consonant(byte: u8) -> bool {
    byte.is_ascii_alphabetic() && !matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u')
}

/// Where a text is cut next depends on the class of its last byte, and on how many consonants it ends with.
const CLASSES: [Class; 5] = [Class::Lower, Class::Upper, Class::Digit, Class::Blank, Class::Other];
/// Consonants are counted up to one more than [`CLUSTER`].
const COUNTS: usize = 5;
/// One example of each kind of byte that makes a difference: a consonant and a vowel of each case, and each other class.
const EXAMPLES: [u8; 7] = *b"bBaA0 .";

/// What a byte adds behind a state, in fifths, and the state after it.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) fifths: u8,
    pub(super) state: u8,
}

/// The kind of each byte: the place of its example.
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

/// The steps from each state by each kind of byte. A text begins as if behind a mark.
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
    /// The step behind that state. The masks say that both are within the table.
    pub(super) fn of(state: u8, byte: u8) -> Self {
        let kind = KINDS.get(usize::from(byte)).copied().unwrap_or_default();
        let steps = STEPS.get(usize::from(state & 31)).and_then(|steps| steps.get(usize::from(kind & 7)));
        steps.copied().unwrap_or(Self { fifths: 0, state: START })
    }
}
