//! What an encoder needs to know of the route it encodes for.

use crate::capability::{Capabilities, SamplingField, SamplingSupport};
use crate::chat::request::{Amount, Place, Sampling, ToolDefinition};
use crate::wire::lost::Lost;
use crate::wire::names::ToolNames;

/// Output limit where a wire demands one and the client sets none, and what a request without one holds.
pub const DEFAULT_OUTPUT: u64 = 32_000;

/// The route's model.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What it can do.
    pub capabilities: &'a Capabilities,
    /// Its largest output in tokens.
    pub max_output_tokens: u64,
    /// Its name at the provider.
    pub upstream: &'a str,
}

impl Target<'_> {
    /// An output limit within the model's own: providers refuse more and some refuse little, and clients often send one number for all models.
    pub fn clamp(&self, tokens: u64) -> u64 {
        tokens.max(self.capabilities.min_output_tokens).min(self.max_output_tokens)
    }

    /// The output limit to send: the client's within the model's, or the default.
    pub fn output_limit(&self, asked: Option<u64>, lost: &mut Vec<Lost>) -> u64 {
        let limit = self.clamp(asked.unwrap_or(DEFAULT_OUTPUT));
        lost.extend(asked.filter(|asked| *asked != limit).map(|_| Lost::MaxTokens));
        limit
    }

    /// The sampling that the model takes: reasoning models refuse most of it.
    pub fn sampling(&self, sampling: Sampling, amount: Amount, lost: &mut Vec<Lost>) -> Sampling {
        supported(self.sampling_support(amount), sampling, lost)
    }

    /// Which sampling the model takes while it thinks so much.
    pub fn sampling_support(&self, amount: Amount) -> SamplingSupport {
        match (self.capabilities.sampling, amount) {
            (SamplingSupport::WithoutThinking, Amount::Off) => SamplingSupport::Draws,
            (support, _) => support,
        }
    }
}

/// The sampling that is left of a request where so much is supported.
pub fn supported(support: SamplingSupport, sampling: Sampling, lost: &mut Vec<Lost>) -> Sampling {
    let asked = [
        sampling.temperature.map(|_| SamplingField::Temperature),
        sampling.top_p.map(|_| SamplingField::TopP),
        sampling.top_k.map(|_| SamplingField::TopK),
    ];
    let asked: Vec<SamplingField> = asked.into_iter().flatten().collect();
    support.refused(&asked).into_iter().fold(sampling, |sampling, field| match field {
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
    pub answer_tool: Option<&'static str>,
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
            let target = Target { capabilities: &capabilities, max_output_tokens: 1, upstream: "m" };
            let mut seen = Vec::new();
            assert_eq!(target.sampling(asked(), Amount::Default, &mut seen), kept);
            assert_eq!(seen, lost);
        }
    }
}
