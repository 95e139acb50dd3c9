//! What a route can carry: plain values, data of the catalogue.

/// How a model can be told to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thinking {
    /// It cannot.
    #[default]
    None,
    /// Claude up to 4.5: `enabled` with a token budget.
    Budget,
    /// Claude 4.6: `adaptive` with an effort; a budget still works.
    Adaptive,
    /// Claude 4.7 and newer: `adaptive` only.
    AdaptiveOnly,
    /// Gemini 2.5: `thinkingBudget`.
    GeminiBudget,
    /// Gemini 3 and newer: `thinkingLevel`.
    GeminiLevel,
    /// By effort words. One that does not know `none` cannot do without.
    Effort,
    /// On or off, without a word for how much.
    Switch,
}

/// How a Claude model is told not to think (platform.claude.com, extended thinking).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThinkingOff {
    /// It thinks only when asked to.
    #[default]
    Omit,
    /// It thinks unasked; by `disabled`.
    Disabled,
    /// It thinks unasked; by `disabled`, with an effort up to `high` alone.
    DisabledToHigh,
    /// It thinks unasked and always before its first word; by `between_tools`, which is the least, with an effort up to `high` alone.
    BetweenTools,
    /// Not at all.
    Never,
}

/// Which sampling fields a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplingSupport {
    /// All of its wire's.
    #[default]
    All,
    /// `temperature` or `top_p`, not both (Claude since 4.1).
    One,
    /// `temperature` and `top_p` with the effort `none`, nothing otherwise (OpenAI's from GPT-5.1 on). Where `none` is the default, it
    /// need not be said.
    WithoutThinking,
    /// `temperature` and `top_p`.
    Draws,
    /// None (Claude 4.7 and newer, OpenAI's reasoning models).
    Nothing,
}

/// A field of sampling that models may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplingField {
    /// `temperature`.
    Temperature,
    /// `top_p`.
    TopP,
    /// `top_k`.
    TopK,
}

impl SamplingField {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Temperature, Self::TopP, Self::TopK];

    /// The name in Chat Completions and Messages requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
        }
    }
}

impl SamplingSupport {
    /// Which of the fields that a request sets the model refuses.
    pub fn refused(self, asked: &[SamplingField]) -> Vec<SamplingField> {
        let has = |field: SamplingField| asked.contains(&field);
        match self {
            Self::One if has(SamplingField::Temperature) && has(SamplingField::TopP) => vec![SamplingField::TopP],
            Self::All | Self::One => Vec::new(),
            Self::Draws => asked.iter().copied().filter(|field| *field == SamplingField::TopK).collect(),
            Self::WithoutThinking | Self::Nothing => asked.to_vec(),
        }
    }
}

/// What a picture is in tokens, by a family's formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "by")]
pub enum PictureTokens {
    /// The same for every picture.
    Piece {
        /// Tokens of a picture.
        tokens: u64,
    },
    /// By squares that cover it, each one token, after it is made smaller to fit an edge and a number of tokens.
    Patch {
        /// The side of a square, in pixels.
        side: u64,
        /// The longest edge, in pixels, that is not made smaller.
        edge: Option<u64>,
        /// The most squares that a picture has.
        most: u64,
        /// What a square counts, in thousandths of a token.
        #[serde(default = "whole")]
        permille: u64,
    },
    /// By tiles that cover it; one that is small on both sides is one tile. The tiles of others have two thirds of the shorter side,
    /// but no more than `side` and no less than 256 pixels (Google's pages on tokens of pictures; the larger of two readings).
    Tile {
        /// The longest side of a tile, in pixels.
        side: u64,
        /// The longest side of a small picture, in pixels.
        small: u64,
        /// Tokens of a tile.
        tokens: u64,
        /// The tiles of a picture whose size nobody can tell.
        most: u64,
    },
}

const fn whole() -> u64 {
    1_000
}

impl PictureTokens {
    /// Tokens of a picture of that size in pixels, at most.
    pub fn tokens(&self, width: u64, height: u64) -> u64 {
        match *self {
            Self::Piece { tokens } => tokens,
            Self::Patch { side, edge, most, permille } => {
                let longest = width.max(height).max(1);
                let fitted = edge.map_or(longest, |edge| edge.min(longest));
                let squares = |length: u64| length.saturating_mul(fitted).div_ceil(longest).div_ceil(side.max(1)).max(1);
                squares(width).saturating_mul(squares(height)).min(most).saturating_mul(permille).div_ceil(1_000)
            }
            Self::Tile { side, small, tokens, most: _ } => {
                const LEAST: u64 = 256;
                let unit = (width.min(height).saturating_mul(2) / 3).clamp(LEAST, side.max(LEAST));
                let tiles = |length: u64| length.div_ceil(unit).max(1);
                let is_small = width <= small && height <= small;
                let count = if is_small { 1 } else { tiles(width).saturating_mul(tiles(height)) };
                count.saturating_mul(tokens)
            }
        }
    }

    /// Tokens of the largest picture.
    pub fn most(&self) -> u64 {
        match *self {
            Self::Piece { tokens } => tokens,
            Self::Patch { most, permille, .. } => most.saturating_mul(permille).div_ceil(1_000),
            Self::Tile { tokens, most, .. } => tokens.saturating_mul(most),
        }
    }
}

/// How many pictures a request may have, and how large (platform.claude.com, vision: limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct PictureLimits {
    /// The most pictures and pages.
    pub most: u64,
    /// The most characters of its base64.
    pub bytes: u64,
    /// The longest side, in pixels.
    pub side: u64,
    /// The most pictures and documents of a request whose pictures may have that side.
    pub many: u64,
    /// The longest side, in pixels, where there are more.
    pub side_of_many: u64,
}

/// What parts that are no text are in tokens, for holds and estimates, and how many and how large pictures may be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct MediaTokens {
    /// Pictures.
    pub picture: PictureTokens,
    /// A page of a document, its picture included.
    pub page: u64,
    /// The most pages that a request may have; none where the vendor names no limit.
    pub pages: Option<u64>,
    /// How many pictures a request may have, and how large; none where the vendor names no limit.
    pub limits: Option<PictureLimits>,
    /// A second of sound, for models that hear.
    pub sound_second: Option<u64>,
}

impl Default for MediaTokens {
    /// Of a vendor that says nothing: large pictures, and pages as a reader draws them beside their text.
    fn default() -> Self {
        let picture = PictureTokens::Patch { side: 28, edge: None, most: 16_384, permille: whole() };
        Self { picture, page: 8_000, pages: None, limits: None, sound_second: None }
    }
}

/// What a model can do on its own vendor's wire.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, written as such in the catalogue's data")]
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// How it can be told to think.
    pub thinking: Thinking,
    /// The effort words that it takes; empty when it takes none at all.
    pub efforts: Vec<String>,
    /// The effort that it makes when no word is said, where its vendor names one.
    pub default_effort: Option<String>,
    /// How a Claude model is told not to think.
    pub thinking_off: ThinkingOff,
    /// Whether a thought that comes back must stand behind the very prefix that it was thought after: system, tools and messages.
    pub bound_thoughts: bool,
    /// Whether it refuses a request that forces a call.
    pub refuses_forced_calls: bool,
    /// Whether it refuses stop sequences (OpenAI's before GPT-5.5: huggingface/smolagents#1662 and #1893, BerriAI/litellm#15244).
    pub refuses_stop: bool,
    /// Whether it takes no other verbosity than `medium` (openai/codex#19188).
    pub fixed_verbosity: bool,
    /// Smallest and largest thinking budget in tokens, where budgets work.
    pub budget: Option<(u64, u64)>,
    /// Which sampling fields it takes.
    pub sampling: SamplingSupport,
    /// Whether it goes on from a trailing assistant message.
    pub prefill: bool,
    /// Whether its wire can hold it to a JSON schema.
    pub structured_output: bool,
    /// Whether JSON output and tools go together.
    pub json_with_tools: bool,
    /// Whether it follows system messages between turns (Claude from Opus 4.8 on; older ones refuse the role).
    pub system_turns: bool,
    /// Whether a tool result can hold pictures.
    pub images_in_results: bool,
    /// Whether it writes a prompt cache only where a request marks one; others may write one at any time.
    pub marked_caches: bool,
    /// What parts that are no text are in tokens, and their limits.
    pub media: MediaTokens,
    /// Whether it reads files of office programs.
    pub office_files: bool,
    /// Whether a Gemini model takes frequency and presence penalties.
    pub penalties: bool,
    /// Whether it takes back thoughts that nobody signed: models of a vendor that signs nothing want their own again.
    pub unsigned_reasoning: bool,
    /// The smallest output limit that it takes; 0 for any.
    pub min_output_tokens: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_counts_by_its_familys_formula() {
        let claude = PictureTokens::Patch { side: 28, edge: Some(1_568), most: 1_568, permille: 1_000 };
        let mini = PictureTokens::Patch { side: 32, edge: Some(2_048), most: 1_536, permille: 1_620 };
        let gemini = PictureTokens::Tile { side: 768, small: 384, tokens: 258, most: 16 };
        for (rule, width, height, tokens) in [
            (claude, 4, 4, 1),
            (claude, 200, 200, 64),
            (claude, 1_000, 1_000, 1_296),
            (claude, 3_136, 784, 784),
            (claude, 8_000, 8_000, 1_568),
            (mini, 1_024, 1_024, 1_659),
            (mini, 4_096, 4_096, 2_489),
            (gemini, 384, 384, 258),
            (gemini, 385, 384, 1_032),
            (gemini, 768, 768, 1_032),
            (gemini, 1_536, 769, 1_548),
            (gemini, 3_072, 3_072, 4_128),
            (PictureTokens::Piece { tokens: 1_120 }, 9, 9, 1_120),
        ] {
            assert_eq!(rule.tokens(width, height), tokens, "{width} x {height} by {rule:?}");
            assert!(rule.most() >= tokens);
        }
    }
}
