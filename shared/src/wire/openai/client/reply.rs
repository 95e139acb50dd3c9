//! Encodes a whole reply as one Chat Completions object.

use serde::Serialize;

use super::super::annotations::Annotation;
use super::super::reasoning::{Detail, detail_of};
use super::super::usage::ClientUsage;
use super::stream::{ExtraContent, FunctionOut, GoogleExtra, finish_word_for};
use crate::chat::ChatResponse;
use crate::chat::request::{Origin, Part, ToolCall};
use crate::wire::ReplyContext;

#[derive(Serialize)]
struct Whole<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [WholeChoice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ClientUsage>,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: u8,
    message: WholeMessage<'a>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct WholeMessage<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WholeCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionOut<'a>>,
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

/// A tool call of a whole reply.
#[derive(Serialize)]
pub(in crate::wire::openai) struct WholeCall<'a> {
    pub(in crate::wire::openai) id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    pub(in crate::wire::openai) function: FunctionOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

/// Encodes a whole reply. `content` is null if there is no text; then calls or a refusal explain why.
pub fn whole(reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    let (mut text, mut thoughts, mut details) = (String::new(), String::new(), Vec::new());
    let mut calls = calls_of(reply);
    for part in &reply.parts {
        let index = details.len() as u64;
        match part {
            Part::Text { text: piece, .. } => text.push_str(piece),
            Part::Reasoning { text: thought, signature, .. } => {
                thoughts.push_str(thought);
                details.extend(signature.clone().and_then(|signature| detail_of(Some(thought.clone()), signature, index)));
            }
            Part::RedactedReasoning { data, .. } => details.extend(detail_of(None, data.clone(), index)),
            Part::ToolCall(_) | Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => {}
        }
    }
    let is_explained = !calls.is_empty() || reply.refusal.is_some();
    let answer = if text.is_empty() && is_explained { None } else { Some(text) };
    // A client of the older form runs one function at a time. The model calls again for the next one.
    let function_calls = context.identity.function_calls;
    let mut functions = calls.drain(..if function_calls { calls.len() } else { 0 }).map(|call| call.function);
    let function_call = functions.next();
    drop(functions);
    let thoughts = (!thoughts.is_empty()).then_some(thoughts.as_str());
    let message = WholeMessage {
        role: "assistant",
        content: answer,
        reasoning_content: thoughts,
        reasoning: thoughts,
        reasoning_details: details,
        tool_calls: calls,
        function_call,
        refusal: reply.refusal.as_deref(),
        annotations: reply.citations.iter().map(|(_, citation)| Annotation::of(citation)).collect(),
    };
    let identity = &context.identity;
    serde_json::to_vec(&Whole {
        id: &identity.id,
        object: "chat.completion",
        created: identity.created,
        model: identity.model.as_str(),
        choices: [WholeChoice { index: 0, message, finish_reason: finish_word_for(&reply.finish, function_calls) }],
        usage: reply.usage.as_ref().map(|usage| ClientUsage::new(usage, context.cost_of(usage))),
    })
}

/// The tool calls of a reply.
pub(in crate::wire::openai) fn calls_of(reply: &ChatResponse) -> Vec<WholeCall<'_>> {
    let calls = reply.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None });
    calls.map(whole_call).collect()
}

fn whole_call(call: &ToolCall) -> WholeCall<'_> {
    let arguments = if call.arguments.0.is_empty() { "{}" } else { &call.arguments.0 };
    let signature = call.signature.as_ref().filter(|signature| signature.origin == Origin::Gemini);
    let extra_content =
        signature.map(|signature| ExtraContent { google: GoogleExtra { thought_signature: &signature.value } });
    WholeCall { id: &call.id, kind: "function", function: FunctionOut { name: Some(&call.name), arguments }, extra_content }
}
