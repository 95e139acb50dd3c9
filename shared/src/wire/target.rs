//! What an encoder needs to know about its route.

pub mod ranges;

use std::ops::RangeInclusive;

use crate::capability::{Capabilities, ForcedCalls, SamplingField, SamplingSupport, Thinking};
use crate::chat::request::{Amount, Place, Sampling, ToolChoice, ToolDefinition};
use crate::error::GatewayError;
use crate::wire::lost::Lost;
use crate::wire::names::ToolNames;

/// Bounds of a reply's length, from its key's balance and rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputBounds {
    /// Maximum output tokens, whatever the client and the model allow.
    pub most: u64,
    /// Whether the body must have a limit, even if neither the client nor the format requires one.
    pub must_say: bool,
}

impl OutputBounds {
    /// No bounds except the model's and the client's.
    pub const NONE: Self = Self { most: u64::MAX, must_say: false };
    /// The body must contain an output limit. Used for prepaid keys, whose replies must not cost more than their holds.
    pub const WITH_LIMIT: Self = Self { most: u64::MAX, must_say: true };
}

/// The route's model.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What it supports.
    pub capabilities: &'a Capabilities,
    /// Its maximum output in tokens, within what the key can pay.
    pub max_output_tokens: u64,
    /// The output limit in tokens for a body that must have one if the client sets none.
    pub default_output: u64,
    /// Whether the body must have an output limit.
    pub must_say_limit: bool,
    /// Maximum of input and output tokens together, by the catalogue.
    pub context_window: u64,
    /// The provider's name of the model.
    pub upstream: &'a str,
}

impl Target<'_> {
    /// Lowers an output limit to the model's. Providers reject larger ones, and clients often send one number for all
    /// models.
    pub fn clamp(&self, tokens: u64) -> u64 {
        tokens.max(self.capabilities.min_output_tokens).min(self.max_output_tokens)
    }

    /// The output limit for a format that requires one: the client's, within the model's, or the default. A changed limit is
    /// named, even if only the key's balance lowers it.
    pub fn output_limit(&self, asked: Option<u64>, lost: &mut Vec<Lost>) -> u64 {
        let wanted = asked.unwrap_or(self.default_output);
        let limit = self.clamp(wanted);
        lost.extend((limit != wanted).then_some(Lost::MaxTokens));
        limit
    }

    /// The output limit for a format in which it is optional; `None` if nothing requires one.
    pub fn said_output_limit(&self, asked: Option<u64>, lost: &mut Vec<Lost>) -> Option<u64> {
        (asked.is_some() || self.must_say_limit).then(|| self.output_limit(asked, lost))
    }

    /// Whether the model accepts a tool choice: some cannot be forced.
    pub fn takes_choice(&self, choice: &ToolChoice) -> bool {
        !(choice.is_forced() && self.capabilities.forced_calls == ForcedCalls::Refused)
    }

    /// The tool choice that the model accepts: automatic if it cannot be forced.
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

    /// The sampling settings that the model accepts, each within its range. Reasoning models reject most of them.
    pub fn sampling(&self, sampling: Sampling, amount: Amount, lost: &mut Vec<Lost>) -> Sampling {
        self.within_ranges(supported(self.sampling_support(amount), sampling, lost), lost)
    }

    /// The temperatures that the model accepts.
    pub fn temperatures(&self) -> RangeInclusive<f64> {
        match self.capabilities.thinking {
            Thinking::Budget | Thinking::Adaptive | Thinking::AdaptiveOnly => ranges::CLAUDES_TEMPERATURE,
            Thinking::None | Thinking::GeminiBudget | Thinking::GeminiLevel | Thinking::Effort | Thinking::Switch => {
                self.of_vendor().temperature.clone()
            }
        }
    }

    /// The values of `top_p` that the model accepts with this temperature.
    pub fn top_ps(&self, temperature: Option<f64>) -> RangeInclusive<f64> {
        let is_greedy = temperature.is_some_and(|temperature| temperature <= 0.0);
        let of = self.of_vendor();
        of.greedy_top_p.as_ref().filter(|_| is_greedy).unwrap_or(&of.top_p).clone()
    }

    /// The values of `repetition_penalty` that the model accepts.
    pub fn repetitions(&self) -> RangeInclusive<f64> {
        self.of_vendor().repetition.clone()
    }

    /// The seeds that the model accepts.
    pub fn seeds(&self) -> RangeInclusive<i64> {
        self.of_vendor().seed.clone()
    }

    /// Maximum of `top_logprobs`.
    pub fn most_logprobs(&self) -> u64 {
        self.of_vendor().most_logprobs
    }

    /// The shortest side of an image in pixels that the model accepts.
    pub fn shortest_side(&self) -> u64 {
        self.of_vendor().shortest_side
    }

    /// The smallest area of an image in pixels that the model accepts.
    pub fn least_area(&self) -> u64 {
        self.of_vendor().least_area
    }

    /// Fails with a 400 for more tools than the model accepts.
    pub fn check_number_of_tools(&self, number: usize) -> Result<(), GatewayError> {
        let most = self.of_vendor().most_tools;
        if number <= most {
            return Ok(());
        }
        let message =
            format!("tools: this model's route accepts at most {most} tools, got {number}; leave out some of them.");
        Err(GatewayError::unsupported("tools", message))
    }

    fn of_vendor(&self) -> &'static ranges::OfVendor {
        let mut vendors = ranges::OF_VENDORS.iter();
        vendors.find(|of| self.upstream.starts_with(of.vendor)).unwrap_or(&ranges::OF_ANY)
    }

    /// Moves every number into its range.
    fn within_ranges(&self, sampling: Sampling, lost: &mut Vec<Lost>) -> Sampling {
        let mut near = |asked: Option<f64>, range: RangeInclusive<f64>, named: Lost| {
            let nearest = asked.and_then(|asked| ranges::nearest(asked, &range));
            lost.extend(nearest.map(|_| named));
            nearest.or(asked)
        };
        let temperature = near(sampling.temperature, self.temperatures(), Lost::Temperature);
        let top_p = near(sampling.top_p, self.top_ps(temperature), Lost::TopP);
        let frequency_penalty = near(sampling.frequency_penalty, ranges::PENALTY, Lost::FrequencyPenalty);
        let presence_penalty = near(sampling.presence_penalty, ranges::PENALTY, Lost::PresencePenalty);
        let top_k = sampling.top_k.map(|asked| asked.min(ranges::MOST_CANDIDATES));
        lost.extend((top_k != sampling.top_k).then_some(Lost::TopK));
        Sampling { temperature, top_p, top_k, frequency_penalty, presence_penalty, ..sampling }
    }

    /// The sampling settings that the model accepts with this much reasoning. Claude accepts none while it reasons
    /// (platform.claude.com, extended thinking).
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

/// Removes unsupported sampling settings.
pub fn supported(support: SamplingSupport, sampling: Sampling, lost: &mut Vec<Lost>) -> Sampling {
    let asked = [
        sampling.temperature.map(|_| SamplingField::Temperature),
        sampling.top_p.map(|_| SamplingField::TopP),
        sampling.top_k.map(|_| SamplingField::TopK),
    ];
    let asked: Vec<SamplingField> = asked.into_iter().flatten().collect();
    without(support.refused(&asked), sampling, lost)
}

/// Removes these sampling settings.
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

/// Why a request cannot be encoded.
#[derive(Debug)]
pub struct Refusal {
    /// The error.
    pub error: GatewayError,
    /// Its position, if it is about one part of the request.
    pub place: Place,
}

impl From<GatewayError> for Refusal {
    fn from(error: GatewayError) -> Self {
        Self { error, place: Place::NOWHERE }
    }
}

/// An encoded request.
#[derive(Debug)]
pub struct Encoded {
    /// The body, without the fields that the provider module adds last.
    pub body: Vec<u8>,
    /// Settings that the route does not support.
    pub lost: Vec<Lost>,
    /// Positions in the client's request of what the route does not support.
    pub left_out: Vec<Place>,
    /// Maps tool names back.
    pub names: ToolNames,
    /// The tool that replaces structured output, if the model has no mode for it. Its arguments are the answer.
    pub answer_tool: Option<String>,
}

/// The tools that a tool choice allows.
pub fn allowed_tools(tools: Vec<ToolDefinition>, allowed: Option<&[String]>) -> Vec<ToolDefinition> {
    match allowed {
        Some(names) => tools.into_iter().filter(|tool| names.contains(&tool.name)).collect(),
        None => tools,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(capabilities: &Capabilities) -> Target<'_> {
        Target {
            capabilities,
            max_output_tokens: 1,
            default_output: 1,
            must_say_limit: false,
            context_window: 1,
            upstream: "m",
        }
    }

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
        let capabilities = Capabilities::default();
        assert_eq!(target(&capabilities).within_ranges(asked, &mut lost), near);
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
            let mut seen = Vec::new();
            assert_eq!(target(&capabilities).sampling(asked(), Amount::Default, &mut seen), kept);
            assert_eq!(seen, lost);
        }
    }
}
