//! The pairs of letters that every tokeniser has as one token.

/// The letters that follow a letter often, for each letter from `a`. These are the pairs that occur at least once in
/// 2,000 bytes of text, counted in equal parts of English, thirteen other languages in Latin script, Rust, Python,
/// JavaScript and JSON. The bound is valid only if each pair is a token of every vocabulary. They are in those that are
/// public: OpenAI's o200k and cl100k, DeepSeek V4, Qwen 3.6, Mistral's Tekken and Anthropic's first.
const FOLLOWERS: [&[u8]; 26] = [
    b"abcdgiklmnprstuvwyz",
    b"aeilou",
    b"aehiklort",
    b"aeiou",
    b"abcdefgiklmnprstvxz",
    b"aeio",
    b"aeiru",
    b"aeiot",
    b"abcdefgklmnoprstvz",
    b"e",
    b"aeiostu",
    b"adefilostu",
    b"abeimopu",
    b"acdefginostuy",
    b"bcdfgiklmnoprstuvw",
    b"aeilorstu",
    b"u",
    b"acdegimnorstuy",
    b"acehikopstuyz",
    b"aehiorstuy",
    b"abeilmnprst",
    b"aeio",
    b"aei",
    b"t",
    b"apt",
    b"aei",
];

/// [`FOLLOWERS`] as sets: bit 0 is `a`.
#[expect(clippy::indexing_slicing, reason = "the compiler reads it")]
const MASKS: [u32; 26] = {
    let mut masks = [0_u32; 26];
    let mut letter = 0;
    while letter < 26 {
        let mut at = 0;
        while at < FOLLOWERS[letter].len() {
            masks[letter] |= 1 << (FOLLOWERS[letter][at] - b'a');
            at += 1;
        }
        letter += 1;
    }
    masks
};

/// Whether the second of these lower-case letters follows the first often. Letters count from `a`.
#[expect(clippy::indexing_slicing, reason = "the compiler reads it")]
pub(super) const fn is_common(first: usize, second: usize) -> bool {
    MASKS[first] >> second & 1 == 1
}
