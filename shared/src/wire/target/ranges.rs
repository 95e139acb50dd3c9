//! Ranges of numbers that providers accept: OpenAI's reference of Chat Completions and Google's of `GenerationConfig`, which
//! agree. A number outside its range becomes the nearest number inside and is named, as a changed output limit is. A request
//! with too many tools, or with an image that is too small, is an error.

use std::ops::RangeInclusive;

/// The allowed range of `temperature`, unless the vendor has another one.
pub const TEMPERATURE: RangeInclusive<f64> = 0.0..=2.0;
/// The allowed range of Claude's `temperature`, on Vertex AI and behind OpenRouter (platform.claude.com, Messages).
pub const CLAUDES_TEMPERATURE: RangeInclusive<f64> = 0.0..=1.0;
/// The allowed range of `top_p`, unless the vendor has another one.
pub const TOP_P: RangeInclusive<f64> = 0.0..=1.0;
/// The allowed range of `frequency_penalty` and `presence_penalty`.
pub const PENALTY: RangeInclusive<f64> = -2.0..=2.0;
/// The allowed range of `min_p` and `top_a` (OpenRouter's reference of parameters).
pub const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// The allowed range of `repetition_penalty`, unless the vendor has another one (OpenRouter's reference of parameters).
pub const REPETITION: RangeInclusive<f64> = 0.0..=2.0;
/// The allowed range of each value in `logit_bias`.
pub const BIAS: RangeInclusive<f64> = -100.0..=100.0;
/// Maximum of `top_logprobs`.
const MOST_LOGPROBS: u64 = 20;
/// Maximum of `top_k`, which has 32 bits.
pub const MOST_CANDIDATES: u64 = i32::MAX as u64;

/// The ranges of vendors that accept less, by the beginning of their models' names at OpenRouter.
pub struct OfVendor {
    /// The beginning of the models' names at OpenRouter, such as `openai/`; empty for all.
    pub vendor: &'static str,
    /// The allowed range of `temperature`.
    pub temperature: RangeInclusive<f64>,
    /// The allowed range of `top_p` with a temperature above 0.
    pub top_p: RangeInclusive<f64>,
    /// The allowed range of `top_p` with a temperature of 0; `None` if it is the same.
    pub greedy_top_p: Option<RangeInclusive<f64>>,
    /// The allowed range of `repetition_penalty`.
    pub repetition: RangeInclusive<f64>,
    /// The allowed range of `seed`.
    pub seed: RangeInclusive<i64>,
    /// Maximum of `top_logprobs`.
    pub most_logprobs: u64,
    /// The shortest side of an image in pixels.
    pub shortest_side: u64,
    /// The smallest area of an image in pixels.
    pub least_area: u64,
    /// Maximum number of tools.
    pub most_tools: usize,
}

/// The ranges of any other vendor.
pub const OF_ANY: OfVendor = OfVendor {
    vendor: "",
    temperature: TEMPERATURE,
    top_p: TOP_P,
    greedy_top_p: None,
    repetition: REPETITION,
    seed: i64::MIN..=i64::MAX,
    most_logprobs: MOST_LOGPROBS,
    shortest_side: 1,
    least_area: 1,
    most_tools: usize::MAX,
};
/// For providers that reject 0: 0.01 is sent instead.
const ABOVE_ZERO: RangeInclusive<f64> = 0.01..=1.0;

/// The vendors, each with the sources of its ranges.
pub static OF_VENDORS: [OfVendor; 8] = [
    // musistudio/claude-code-router#686, code-yeongyu/oh-my-openagent#2848.
    OfVendor { vendor: "openai/", most_tools: 128, ..OF_ANY },
    // anomalyco/opencode#28911, router-for-me/CLIProxyAPI#5214. Its errors for small images: `Both width and height must be at
    // least 8 pixels`, `which is below the minimum of 512 pixels`. Its API reference, `top_logprobs`.
    OfVendor { vendor: "x-ai/", most_tools: 200, shortest_side: 8, least_area: 512, most_logprobs: 8, ..OF_ANY },
    // MoonshotAI/Kimi-K2#90.
    OfVendor { vendor: "moonshotai/", most_tools: 128, ..OF_ANY },
    // theopenco/llmgateway#3268; docs.z.ai, chat completion.
    OfVendor { vendor: "z-ai/", temperature: 0.0..=1.0, top_p: ABOVE_ZERO, ..OF_ANY },
    // xming521/WeClone#211.
    OfVendor { vendor: "minimax/", temperature: ABOVE_ZERO, ..OF_ANY },
    // mnfst/modelparams.dev#232; alibabacloud.com, error codes and Qwen API reference. Images: QwenLM/qwen-code#2505,
    // infiniflow/ragflow#12868. Log probabilities: huangdihd/programmer#14.
    OfVendor {
        vendor: "qwen/",
        temperature: 0.0..=1.9,
        top_p: ABOVE_ZERO,
        repetition: 0.01..=2.0,
        seed: 0..=i32::MAX as i64,
        most_logprobs: 5,
        shortest_side: 11,
        ..OF_ANY
    },
    // SillyTavern/SillyTavern#4856; mnfst/modelparams.dev#231; its error for a `top_p` under 1 with greedy sampling; its
    // API reference, `random_seed`.
    OfVendor {
        vendor: "mistralai/",
        temperature: 0.0..=1.5,
        top_p: ABOVE_ZERO,
        greedy_top_p: Some(1.0..=1.0),
        seed: 0..=i64::MAX,
        ..OF_ANY
    },
    // ai.google.dev, GenerationConfig.
    OfVendor { vendor: "google/", seed: i32::MIN as i64..=i32::MAX as i64, ..OF_ANY },
];

/// The nearest number in a range, if it differs.
pub fn nearest(asked: f64, range: &RangeInclusive<f64>) -> Option<f64> {
    let kept = asked.clamp(*range.start(), *range.end());
    ((kept - asked).abs() > 0.0).then_some(kept)
}
