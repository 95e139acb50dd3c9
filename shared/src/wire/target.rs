//! What an encoder needs to know of the route it encodes for.

use crate::capability::Capabilities;
use crate::chat::request::ToolDefinition;
use crate::wire::lost::Lost;
use crate::wire::names::ToolNames;

/// Output limit where a wire demands one and the client sets none.
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
    /// The output limit to send: the client's within the model's, or the default.
    pub fn output_limit(&self, asked: Option<u64>, lost: &mut Vec<Lost>) -> u64 {
        match asked {
            Some(limit) if limit > self.max_output_tokens => {
                lost.push(Lost::MaxTokens);
                self.max_output_tokens
            }
            Some(limit) => limit,
            None => DEFAULT_OUTPUT.min(self.max_output_tokens),
        }
    }
}

/// A request in a wire's words.
#[derive(Debug)]
pub struct Encoded {
    /// The body, without what the provider adds last.
    pub body: Vec<u8>,
    /// What the wire could not carry.
    pub lost: Vec<Lost>,
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
