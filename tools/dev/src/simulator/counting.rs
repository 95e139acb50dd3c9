//! How the simulator counts usage. The same request always gives the same numbers.
//!
//! - Input tokens: the bytes of all message, tool-result and system text, including the marker, divided by four, rounded up,
//!   at least 1. Tool declarations, call arguments and images count nothing.
//! - Cached tokens: as many of the input tokens as the script says.
//! - Output tokens: the words (separated by white space) of the reasoning, the text, and the tool call (its name and
//!   arguments).
//!
//! Real tokenizers and meters count more of a request, and so does `dearest`.

/// Tokens for this number of bytes of text.
pub(super) fn input_tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX).max(1)
}

/// Output tokens for this text.
pub(super) fn count(text: &str) -> u64 {
    u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_tokens_are_a_quarter_of_the_bytes_rounded_up() {
        assert_eq!([0, 1, 4, 5, 8].map(input_tokens), [1, 1, 1, 2, 2]);
    }
}
