//! What a route supports: plain values from the catalogue.

/// How a model's reasoning is controlled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thinking {
    /// The model does not reason.
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
    /// By effort. A model that does not know `none` always reasons.
    Effort,
    /// On or off, without an amount.
    Switch,
}

/// How reasoning of a Claude model is switched off (platform.claude.com, extended thinking).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThinkingOff {
    /// The setting is left out, because the model reasons only if a request asks for it.
    #[default]
    Omit,
    /// It reasons by default; `disabled` switches it off.
    Disabled,
    /// It reasons by default; `disabled` switches it off, with an effort of at most `high`.
    DisabledToHigh,
    /// It always reasons before its first word. The lowest setting is `between_tools`, with an effort of at most `high`.
    BetweenTools,
    /// Reasoning cannot be switched off.
    Never,
}

/// When a model accepts a tool choice that forces a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForcedCalls {
    /// The model always accepts a forced tool call.
    #[default]
    Accepted,
    /// Only if its reasoning is switched off (`tool_choice 'required' is incompatible with thinking enabled`:
    /// `UKGovernmentBEIS/inspect_ai#5152`, can1357/oh-my-pi#827 and #1077 for Kimi; deepseek-ai/DeepSeek-V3#1376 for
    /// DeepSeek). Both reason by default.
    WithoutThinking,
    /// Never (platform.claude.com, pages of the 5.5 models; cloudwego/eino#994 for Qwen, which always reasons;
    /// vectorize-io/hindsight#4246 for GLM at its own vendor).
    Refused,
}

/// Sampling fields that a model accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplingSupport {
    /// All fields of its format.
    #[default]
    All,
    /// `temperature` or `top_p`, not both (Claude since 4.1).
    One,
    /// `temperature` and `top_p` with the effort `none`, otherwise nothing (OpenAI from GPT-5.1 on). If `none` is the
    /// default, it can be omitted.
    WithoutThinking,
    /// `temperature` and `top_p`.
    Draws,
    /// None (Claude 4.7 and newer, OpenAI's reasoning models).
    Nothing,
}

/// A sampling field that models may reject.
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
    /// All sampling fields, to compare a request with.
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
    /// The fields of a request that the model rejects.
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

/// The tokens of an image, by a family's formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "by")]
pub enum PictureTokens {
    /// Every image costs the same number of tokens.
    Piece {
        /// Tokens of an image.
        tokens: u64,
    },
    /// One token per square, after the image is scaled down to a longest edge and a maximum number of tokens.
    Patch {
        /// The side of a square in pixels.
        side: u64,
        /// The longest edge in pixels that is not scaled down.
        edge: Option<u64>,
        /// The maximum number of squares. Larger images are scaled down to it.
        most: u64,
        /// The minimum number of squares: some vendors enlarge small images.
        #[serde(default)]
        least: u64,
        /// Tokens per square, in thousandths.
        #[serde(default = "whole")]
        permille: u64,
    },
    /// A fixed number of tokens per tile. An image that is small on both sides is one tile. Otherwise the side of a tile is
    /// two thirds of the shorter side, at most `side` and at least 256 pixels (Google's pages on tokens of images; the
    /// larger of two readings).
    Tile {
        /// The longest side of a tile in pixels.
        side: u64,
        /// The longest side of a small image in pixels.
        small: u64,
        /// Tokens of a tile.
        tokens: u64,
        /// The number of tiles that is assumed for an image of unknown size.
        most: u64,
    },
}

const fn whole() -> u64 {
    1_000
}

impl PictureTokens {
    /// Maximum tokens of an image with this size in pixels.
    pub fn tokens(&self, width: u64, height: u64) -> u64 {
        match *self {
            Self::Piece { tokens } => tokens,
            Self::Patch { side, edge, most, least, permille } => {
                let longest = width.max(height).max(1);
                let fitted = edge.map_or(longest, |edge| edge.min(longest));
                let squares = |length: u64| length.saturating_mul(fitted).div_ceil(longest).div_ceil(side.max(1)).max(1);
                let number = squares(width).saturating_mul(squares(height)).max(least).min(most);
                number.saturating_mul(permille).div_ceil(1_000)
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

    /// Tokens of the largest image.
    pub fn most(&self) -> u64 {
        match *self {
            Self::Piece { tokens } => tokens,
            Self::Patch { most, permille, .. } => most.saturating_mul(permille).div_ceil(1_000),
            Self::Tile { tokens, most, .. } => tokens.saturating_mul(most),
        }
    }
}

/// Limits for the images of a request (platform.claude.com, vision: limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct PictureLimits {
    /// Maximum number of images and pages.
    pub most: u64,
    /// Maximum length of an image's base64.
    pub bytes: u64,
    /// The longest side in pixels.
    pub side: u64,
    /// Maximum number of images and documents in a request for which `side` applies.
    pub many: u64,
    /// The longest side in pixels if there are more.
    pub side_of_many: u64,
}

/// Tokens of parts that are not text, for holds and estimates, and limits for images.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct MediaTokens {
    /// The formula for the tokens of an image.
    pub picture: PictureTokens,
    /// A page of a document, including its picture.
    pub page: u64,
    /// Maximum number of pages per request; `None` if the vendor names no limit.
    pub pages: Option<u64>,
    /// Limits for images; `None` if the vendor names none.
    pub limits: Option<PictureLimits>,
    /// A second of audio, for models that accept it.
    pub sound_second: Option<u64>,
    /// The vendor's own instructions, which it adds to each request and bills.
    #[serde(default)]
    pub hidden: u64,
}

impl Default for MediaTokens {
    /// For a vendor that documents nothing: at most 16,384 tokens per image, at least 1,792 (xAI's models count 256 to 1,792
    /// tokens for a small image), and pages with their picture and text.
    fn default() -> Self {
        let picture = PictureTokens::Patch { side: 28, edge: None, most: 16_384, least: 1_792, permille: whole() };
        Self { picture, page: 8_000, pages: None, limits: None, sound_second: None, hidden: 0 }
    }
}

/// What a model supports in its vendor's own format.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, written as such in the catalogue's data")]
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// How its reasoning is controlled.
    pub thinking: Thinking,
    /// The efforts that it supports; empty if none.
    pub efforts: Vec<String>,
    /// Its default effort, if its vendor names one.
    pub default_effort: Option<String>,
    /// How reasoning of a Claude model is switched off.
    pub thinking_off: ThinkingOff,
    /// Whether returned reasoning must follow exactly the same prefix: system, tools and messages.
    pub bound_thoughts: bool,
    /// When it accepts a forced tool call.
    pub forced_calls: ForcedCalls,
    /// Types of Anthropic's own tools that it rejects (platform.claude.com, pages of the models, of the computer use tool and of
    /// the text editor tool; anthropics/anthropic-sdk-typescript#914).
    pub refused_tools: Vec<String>,
    /// Whether it rejects stop sequences (OpenAI's before GPT-5.5: huggingface/smolagents#1662 and #1893,
    /// BerriAI/litellm#15244; xAI's reasoning models: vercel/ai#12826).
    pub refuses_stop: bool,
    /// Whether it rejects frequency and presence penalties (xAI's reasoning models: vercel/ai#12826).
    pub refuses_penalties: bool,
    /// Whether it accepts only the verbosity `medium` (openai/codex#19188).
    pub fixed_verbosity: bool,
    /// Smallest and largest reasoning budget in tokens, if it supports budgets.
    pub budget: Option<(u64, u64)>,
    /// Whether its output limit does not count its reasoning. Then a body with a limit also has a reasoning budget, and the
    /// hold covers both (Alibaba's reference of Chat Completions, `max_tokens`; alibabacloud.com, API compatibility upgrade
    /// notice).
    pub limit_excludes_thinking: bool,
    /// Sampling fields that it accepts.
    pub sampling: SamplingSupport,
    /// Whether the model continues an assistant message at the end of the conversation. Claude from 4.6 on rejects such a
    /// message (platform.claude.com, prefill), and so do Gemini from 3.5 Flash-Lite on (envoyproxy/ai-gateway#2686,
    /// anomalyco/opencode#47034) and Mistral (QuantumNous/new-api#2858). Models of other vendors accept it.
    pub prefill: bool,
    /// Whether it supports a JSON schema for the answer.
    pub structured_output: bool,
    /// Whether JSON output and tools can be combined.
    pub json_with_tools: bool,
    /// Whether the model accepts system messages between turns (Claude from Opus 4.8 on; older Claude models reject the
    /// role).
    pub system_turns: bool,
    /// Whether a tool result can contain images.
    pub images_in_results: bool,
    /// Whether the model writes a prompt cache only for a request with a cache mark. Other models may write a cache at any
    /// time.
    pub marked_caches: bool,
    /// Tokens and limits of parts that are not text.
    pub media: MediaTokens,
    /// Whether the model reads the office files of [`crate::wire::media::OFFICE`] inline.
    pub office_files: bool,
    /// Whether a Gemini model takes frequency and presence penalties.
    pub penalties: bool,
    /// Whether the model accepts its own reasoning back without a signature. Vendors that do not sign reasoning require it
    /// in tool turns.
    pub unsigned_reasoning: bool,
    /// Its smallest output limit; 0 for any.
    pub min_output_tokens: u64,
    /// Whether a request must not contain the model's earlier reasoning.
    pub refuses_past_reasoning: bool,
    /// Whether a request must not contain a JSON schema that the model must follow exactly.
    pub refuses_schemas: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_counts_by_its_familys_formula() {
        let claude = PictureTokens::Patch { side: 28, edge: Some(1_568), most: 1_568, least: 0, permille: 1_000 };
        let qwen = PictureTokens::Patch { side: 28, edge: None, most: 16_384, least: 84, permille: 1_000 };
        let mini = PictureTokens::Patch { side: 32, edge: Some(2_048), most: 1_536, least: 0, permille: 1_620 };
        let gemini = PictureTokens::Tile { side: 768, small: 384, tokens: 258, most: 16 };
        for (rule, width, height, tokens) in [
            (claude, 4, 4, 1),
            (qwen, 4, 4, 84),
            (qwen, 280, 560, 200),
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
