//! What an encoder needs to know of the route it encodes for.

use std::ops::RangeInclusive;

use crate::capability::{Capabilities, SamplingField, SamplingSupport, Thinking};
use crate::chat::request::{Amount, Place, Sampling, ToolChoice, ToolDefinition};
use crate::error::GatewayError;
use crate::wire::lost::Lost;
use crate::wire::names::ToolNames;

/// The ranges of numbers that a wire takes: OpenAI's reference of Chat Completions, and Google's of `GenerationConfig`, which agree.
/// A number beyond its range becomes the nearest one in it, as output limits do, and is named.
pub mod ranges {
    use std::ops::RangeInclusive;

    /// Of `temperature`.
    pub const TEMPERATURE: RangeInclusive<f64> = 0.0..=2.0;
    /// Of Claude's `temperature`, wherever it runs (platform.claude.com, Messages).
    pub const CLAUDES_TEMPERATURE: RangeInclusive<f64> = 0.0..=1.0;
    /// Of `top_p`.
    pub const TOP_P: RangeInclusive<f64> = 0.0..=1.0;
    /// Of `frequency_penalty` and `presence_penalty`.
    pub const PENALTY: RangeInclusive<f64> = -2.0..=2.0;
    /// Of `min_p` and `top_a` (OpenRouter's reference of parameters).
    pub const SHARE: RangeInclusive<f64> = 0.0..=1.0;
    /// Of `repetition_penalty` (OpenRouter's reference of parameters).
    pub const REPETITION: RangeInclusive<f64> = 0.0..=2.0;
    /// Of an entry of `logit_bias`.
    pub const BIAS: RangeInclusive<f64> = -100.0..=100.0;
    /// The most candidates whose probabilities `top_logprobs` asks for.
    pub const MOST_LOGPROBS: u64 = 20;
    /// The largest `top_k`: a number of candidates, in 32 bits.
    pub const MOST_CANDIDATES: u64 = i32::MAX as u64;

    /// The nearest number in a range, if it is another one.
    pub fn nearest(asked: f64, range: &RangeInclusive<f64>) -> Option<f64> {
        let kept = asked.clamp(*range.start(), *range.end());
        ((kept - asked).abs() > 0.0).then_some(kept)
    }
}

/// How long a reply may get, as its key pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputBounds {
    /// Most output tokens, whatever the client and the model allow.
    pub most: u64,
    /// Whether the body must say a limit, also where neither the client nor the wire asks for one.
    pub must_say: bool,
}

impl OutputBounds {
    /// No bounds but the model's and the client's.
    pub const NONE: Self = Self { most: u64::MAX, must_say: false };
    /// As for a key that pays in advance: no reply may cost more than its hold, so every body says a limit.
    pub const SAID: Self = Self { most: u64::MAX, must_say: true };
}

/// The route's model.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What it can do.
    pub capabilities: &'a Capabilities,
    /// Its largest output in tokens, within what its key can pay.
    pub max_output_tokens: u64,
    /// The output limit of a body that must say one where the client says none, in tokens.
    pub default_output: u64,
    /// Whether the body must say an output limit.
    pub must_say_limit: bool,
    /// How many tokens of input and output it takes together, as the catalogue knows it.
    pub context_window: u64,
    /// Its name at the provider.
    pub upstream: &'a str,
}

impl Target<'_> {
    /// An output limit within the model's own: providers refuse more and some refuse little, and clients often send one number for all models.
    pub fn clamp(&self, tokens: u64) -> u64 {
        tokens.max(self.capabilities.min_output_tokens).min(self.max_output_tokens)
    }

    /// The output limit for a wire that demands one: the client's within the model's, or the default. Another one is
    /// named, also where only what its key can pay makes it lower.
    pub fn output_limit(&self, asked: Option<u64>, lost: &mut Vec<Lost>) -> u64 {
        let wanted = asked.unwrap_or(self.default_output);
        let limit = self.clamp(wanted);
        lost.extend((limit != wanted).then_some(Lost::MaxTokens));
        limit
    }

    /// The output limit for a wire that can do without: none where nobody asks for one.
    pub fn said_output_limit(&self, asked: Option<u64>, lost: &mut Vec<Lost>) -> Option<u64> {
        (asked.is_some() || self.must_say_limit).then(|| self.output_limit(asked, lost))
    }

    /// Whether the model takes that choice: some refuse to be forced (platform.claude.com, pages of the 5.5 models).
    pub fn takes_choice(&self, choice: &ToolChoice) -> bool {
        !(choice.is_forced() && self.capabilities.refuses_forced_calls)
    }

    /// The choice that the model takes: its own where it refuses to be forced.
    pub fn choice(&self, choice: ToolChoice, lost: &mut Vec<Lost>) -> ToolChoice {
        if self.takes_choice(&choice) {
            return choice;
        }
        lost.push(Lost::ToolChoice);
        match choice {
            ToolChoice::Allowed { names, .. } => ToolChoice::Allowed { names, required: false },
            ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) => ToolChoice::Auto,
        }
    }

    /// The sampling that the model takes, each number within its range: reasoning models refuse most of it.
    pub fn sampling(&self, sampling: Sampling, amount: Amount, lost: &mut Vec<Lost>) -> Sampling {
        within_ranges(supported(self.sampling_support(amount), sampling, lost), self.temperatures(), lost)
    }

    /// The temperatures that the model takes.
    pub fn temperatures(&self) -> RangeInclusive<f64> {
        match self.capabilities.thinking {
            Thinking::Budget | Thinking::Adaptive | Thinking::AdaptiveOnly => ranges::CLAUDES_TEMPERATURE,
            Thinking::None | Thinking::GeminiBudget | Thinking::GeminiLevel | Thinking::Effort | Thinking::Switch => {
                ranges::TEMPERATURE
            }
        }
    }

    /// Which sampling the model takes while it thinks so much. Claude takes none while it thinks (platform.claude.com, extended
    /// thinking).
    pub fn sampling_support(&self, amount: Amount) -> SamplingSupport {
        let is_claude = matches!(self.capabilities.thinking, Thinking::Budget | Thinking::Adaptive);
        let is_unasked = matches!(amount, Amount::Default | Amount::EffortAlone(_));
        if is_claude && !is_unasked && amount != Amount::Off {
            return SamplingSupport::Nothing;
        }
        let is_off_unasked = self.capabilities.default_effort.as_deref() == Some("none");
        let is_off = amount == Amount::Off || is_unasked && is_off_unasked;
        let support = self.capabilities.sampling;
        if is_off && support == SamplingSupport::WithoutThinking { SamplingSupport::Draws } else { support }
    }
}

/// The sampling with every number in its range.
fn within_ranges(sampling: Sampling, temperatures: RangeInclusive<f64>, lost: &mut Vec<Lost>) -> Sampling {
    let mut near = |asked: Option<f64>, range: RangeInclusive<f64>, named: Lost| {
        let nearest = asked.and_then(|asked| ranges::nearest(asked, &range));
        lost.extend(nearest.map(|_| named));
        nearest.or(asked)
    };
    let temperature = near(sampling.temperature, temperatures, Lost::Temperature);
    let top_p = near(sampling.top_p, ranges::TOP_P, Lost::TopP);
    let frequency_penalty = near(sampling.frequency_penalty, ranges::PENALTY, Lost::FrequencyPenalty);
    let presence_penalty = near(sampling.presence_penalty, ranges::PENALTY, Lost::PresencePenalty);
    let top_k = sampling.top_k.map(|asked| asked.min(ranges::MOST_CANDIDATES));
    lost.extend((top_k != sampling.top_k).then_some(Lost::TopK));
    Sampling { temperature, top_p, top_k, frequency_penalty, presence_penalty, ..sampling }
}

/// The sampling that is left of a request where so much is supported.
pub fn supported(support: SamplingSupport, sampling: Sampling, lost: &mut Vec<Lost>) -> Sampling {
    let asked = [
        sampling.temperature.map(|_| SamplingField::Temperature),
        sampling.top_p.map(|_| SamplingField::TopP),
        sampling.top_k.map(|_| SamplingField::TopK),
    ];
    let asked: Vec<SamplingField> = asked.into_iter().flatten().collect();
    without(support.refused(&asked), sampling, lost)
}

/// The sampling without these fields.
pub fn without(refused: Vec<SamplingField>, sampling: Sampling, lost: &mut Vec<Lost>) -> Sampling {
    refused.into_iter().fold(sampling, |sampling, field| match field {
        SamplingField::Temperature => {
            lost.push(Lost::Temperature);
            Sampling { temperature: None, ..sampling }
        }
        SamplingField::TopP => {
            lost.push(Lost::TopP);
            Sampling { top_p: None, ..sampling }
        }
        SamplingField::TopK => {
            lost.push(Lost::TopK);
            Sampling { top_k: None, ..sampling }
        }
    })
}

/// Why a request cannot be put into a wire's words.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong.
    pub error: GatewayError,
    /// Where, as far as it is one part of the request.
    pub place: Place,
}

impl From<GatewayError> for Refusal {
    fn from(error: GatewayError) -> Self {
        Self { error, place: Place::NOWHERE }
    }
}

/// A request in a wire's words.
#[derive(Debug)]
pub struct Encoded {
    /// The body, without what the provider adds last.
    pub body: Vec<u8>,
    /// What the wire could not carry.
    pub lost: Vec<Lost>,
    /// What it could not carry at one place of the client's request.
    pub left_out: Vec<Place>,
    /// Tool names on the way back.
    pub names: ToolNames,
    /// The tool that stands for structured output, where the model has no mode for it: its arguments are the answer.
    pub answer_tool: Option<String>,
}

/// The tools a choice leaves: all, or those it allows.
pub fn allowed_tools(tools: Vec<ToolDefinition>, allowed: Option<&[String]>) -> Vec<ToolDefinition> {
    match allowed {
        Some(names) => tools.into_iter().filter(|tool| names.contains(&tool.name)).collect(),
        None => tools,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_its_range_becomes_the_nearest_in_it() {
        let asked = Sampling {
            temperature: Some(-1.0),
            top_p: Some(1.5),
            top_k: Some(u64::MAX),
            frequency_penalty: Some(-3.0),
            presence_penalty: Some(2.0),
            ..Sampling::default()
        };
        let near = Sampling {
            temperature: Some(0.0),
            top_p: Some(1.0),
            top_k: Some(2_147_483_647),
            frequency_penalty: Some(-2.0),
            ..asked.clone()
        };
        let mut lost = Vec::new();
        assert_eq!(within_ranges(asked, ranges::TEMPERATURE, &mut lost), near);
        assert_eq!(lost, [Lost::Temperature, Lost::TopP, Lost::FrequencyPenalty, Lost::TopK]);
    }

    #[test]
    fn a_model_is_sent_the_sampling_it_takes() {
        let asked =
            || Sampling { temperature: Some(0.5), top_p: Some(0.5), top_k: Some(5), seed: Some(1), ..Sampling::default() };
        for (support, kept, lost) in [
            (SamplingSupport::All, asked(), vec![]),
            (SamplingSupport::One, Sampling { top_p: None, ..asked() }, vec![Lost::TopP]),
            (
                SamplingSupport::Nothing,
                Sampling { seed: Some(1), ..Sampling::default() },
                vec![Lost::Temperature, Lost::TopP, Lost::TopK],
            ),
        ] {
            let capabilities = Capabilities { sampling: support, ..Capabilities::default() };
            let target = Target {
                capabilities: &capabilities,
                max_output_tokens: 1,
                default_output: 1,
                must_say_limit: false,
                context_window: 1,
                upstream: "m",
            };
            let mut seen = Vec::new();
            assert_eq!(target.sampling(asked(), Amount::Default, &mut seen), kept);
            assert_eq!(seen, lost);
        }
    }
}
