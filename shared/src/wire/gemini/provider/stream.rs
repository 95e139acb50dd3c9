//! Decodes `generateContent` replies. A whole reply is the same object as a chunk of a stream, so one decoder reads both.
//!
//! Text is new text, not cumulative. Calls arrive whole. Usage is cumulative and may be partial. The end is a chunk with a
//! `finishReason`. A blocked prompt has no candidates.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::chat::blocks::CallPiece;
use crate::chat::{Blocks, Citation, Delta, FinishReason, Origin, Signature, StreamEvent, Usage};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::Frame;
use crate::wire::EventDecoder;
use crate::wire::finish::Finish;
use crate::wire::shape::{First, Text};
use crate::wire::upstream_error;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(default, borrow)]
    candidates: First<Candidate<'a>>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<UsageMetadata>,
    #[serde(borrow)]
    response_id: Option<Text<'a>>,
    #[serde(borrow)]
    model_version: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<ContentIn<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
    finish_message: Option<String>,
    citation_metadata: Option<CitationMetadata>,
}

/// Works that the answer quotes (Google's reference of `CitationMetadata`; the Gemini Developer API has another name for the
/// list).
#[derive(Default, Deserialize)]
#[serde(default)]
struct CitationMetadata {
    #[serde(alias = "citationSources")]
    citations: Vec<Quoted>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Eq, Debug)]
#[serde(default, rename_all = "camelCase")]
struct Quoted {
    uri: String,
    title: String,
    /// In bytes of the answer.
    start_index: u64,
    end_index: u64,
}

#[derive(Deserialize)]
struct ContentIn<'a> {
    #[serde(default, borrow)]
    parts: Option<Vec<PartIn<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartIn<'a> {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    #[serde(borrow)]
    function_call: Option<FunctionCallIn<'a>>,
    executable_code: Option<CodeIn>,
    code_execution_result: Option<CodeResultIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CodeIn {
    language: String,
    code: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CodeResultIn {
    output: String,
}

#[derive(Deserialize)]
struct FunctionCallIn<'a> {
    #[serde(default)]
    name: String,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct UsageMetadata {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    /// Audio tokens of the prompt.
    #[serde(rename = "promptTokensDetails", deserialize_with = "sound")]
    sound: u64,
    /// Audio tokens that were read from a cache.
    #[serde(rename = "cacheTokensDetails", deserialize_with = "sound")]
    cached_sound: u64,
}

/// The audio tokens in a list by modality.
fn sound<'de, D: Deserializer<'de>>(details: D) -> Result<u64, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Modality {
        modality: String,
        token_count: u64,
    }
    let details = Option::<Vec<Modality>>::deserialize(details)?.unwrap_or_default();
    Ok(details.iter().filter(|part| part.modality == "AUDIO").map(|part| part.token_count).sum())
}

impl UsageMetadata {
    fn canonical(self) -> Usage {
        let prompt = self.prompt_token_count.unwrap_or(0).saturating_add(self.tool_use_prompt_token_count.unwrap_or(0));
        let cache_read = self.cached_content_token_count.unwrap_or(0).min(prompt);
        let reasoning = self.thoughts_token_count.unwrap_or(0);
        let input = prompt.saturating_sub(cache_read);
        Usage {
            input,
            audio: self.sound.saturating_sub(self.cached_sound).min(input),
            cache_read,
            audio_cache_read: self.cached_sound.min(cache_read),
            output: self.candidates_token_count.unwrap_or(0).saturating_add(reasoning),
            reasoning,
            ..Usage::default()
        }
    }

    fn is_empty(self) -> bool {
        self.canonical().is_empty()
    }

    /// Merges this usage into an earlier one. Gemini omits zero counts. If no count of a side is present (prompt or output),
    /// the earlier counts of that side stay.
    fn after(self, earlier: Self) -> Self {
        let has_prompt = self.prompt_token_count.or(self.tool_use_prompt_token_count).is_some();
        let has_output = self.candidates_token_count.or(self.thoughts_token_count).is_some();
        let prompt = if has_prompt { self } else { earlier };
        let output = if has_output { self } else { earlier };
        Self {
            candidates_token_count: output.candidates_token_count,
            thoughts_token_count: output.thoughts_token_count,
            ..prompt
        }
    }
}

/// Decodes one reply, streamed or whole.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    blocks: Blocks,
    calls: u64,
    usage: UsageMetadata,
    finish: Finish,
    /// Quoted works so far. A chunk may repeat them.
    quoted: Vec<Quoted>,
    /// Whether the answer has characters of several bytes, so that positions in bytes are unknown in characters.
    has_long_characters: bool,
}

impl EventDecoder for Decoder {
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.finish.is_reported() {
            return Ok(());
        }
        // A failing stream may wrap its error in an array.
        let data = frame.data.trim();
        let data = data.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(data);
        let chunk: Chunk<'_> = serde_json::from_str(data)?;
        if let Some(error) = chunk.error {
            return Err(upstream_error::decode_embedded(error));
        }
        let usage = chunk.usage_metadata.filter(|usage| !usage.is_empty()).map(|usage| {
            self.usage = usage.after(self.usage);
            self.usage.canonical()
        });
        if !self.started {
            self.started = true;
            let text = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned()).unwrap_or_default();
            let (id, model) = (text(chunk.response_id), text(chunk.model_version));
            events.push(StreamEvent::Start { id, model, usage: usage.unwrap_or_default() });
        }
        if let Some(reason) = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason) {
            events.push(StreamEvent::Refusal(format!("The prompt was blocked ({reason}).")));
            self.finish.set(reason, FinishReason::ContentFilter);
        }
        let read = chunk.candidates.0.map_or(Ok(()), |candidate| self.candidate(candidate, events));
        // The usage of a failed attempt is reported too.
        events.extend(usage.map(StreamEvent::Usage));
        read
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        self.finish.report(&mut self.blocks, events)
    }

    fn finish_word(&self) -> Option<&str> {
        self.finish.provider_word()
    }
}

impl Decoder {
    fn candidate(&mut self, candidate: Candidate<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        let Candidate { content, finish_reason, finish_message, citation_metadata } = candidate;
        let says = |reason: &Text<'_>| !matches!(reason.0.as_ref(), "" | "FINISH_REASON_UNSPECIFIED");
        let finish_reason = finish_reason.filter(says).map(|reason| reason.0);
        let uncalled = finish_reason.as_deref() == Some("UNEXPECTED_TOOL_CALL");
        for part in content.and_then(|content| content.parts).unwrap_or_default() {
            self.part(part, uncalled, events);
        }
        for quoted in citation_metadata.unwrap_or_default().citations {
            self.quote(quoted, events);
        }
        let Some(reason) = finish_reason else { return Ok(()) };
        let finish = match reason.as_ref() {
            "MAX_TOKENS" => FinishReason::Length,
            "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "LANGUAGE"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
            | "MODEL_ARMOR" => FinishReason::ContentFilter,
            "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MISSING_THOUGHT_SIGNATURE"
            | "MALFORMED_RESPONSE"
                if !self.blocks.has_calls() =>
            {
                let details = finish_message.map(|message| format!(": {message}")).unwrap_or_default();
                let message = format!("the model ended with {reason}{details}");
                return Err(UpstreamError::new(UpstreamErrorKind::NoAnswer, message));
            }
            _ => FinishReason::Stop,
        };
        if let (FinishReason::ContentFilter, Some(message)) = (&finish, finish_message) {
            events.push(StreamEvent::Refusal(message));
        }
        self.finish.set(reason.into_owned(), finish);
        Ok(())
    }

    fn part(&mut self, part: PartIn<'_>, uncalled: bool, events: &mut Vec<StreamEvent>) {
        let PartIn { text, thought, thought_signature, function_call, executable_code, code_execution_result } = part;
        let signature = thought_signature.filter(|value| !value.is_empty());
        if let Some(call) = function_call {
            // A call of an undeclared tool cannot be answered.
            if !uncalled {
                self.call(call, signature, events);
            }
            return;
        }
        if let Some(CodeIn { language, code }) = executable_code {
            self.fenced(language.to_ascii_lowercase().trim_end_matches("language_unspecified"), &code, events);
        }
        if let Some(CodeResultIn { output }) = code_execution_result {
            self.fenced("", &output, events);
        }
        let text = text.unwrap_or_default();
        if thought {
            self.blocks.reasoning(text, events);
        } else {
            self.has_long_characters |= !text.is_ascii();
            self.blocks.text(text, events);
        }
        // Signatures on text are optional when replayed. They can travel only in a reasoning block.
        if let Some(value) = signature.filter(|_| thought) {
            self.blocks.sign_thought(Signature { origin: Origin::Gemini, value }, events);
        }
    }

    /// A quoted work with an address is a source.
    fn quote(&mut self, quoted: Quoted, events: &mut Vec<StreamEvent>) {
        if quoted.uri.is_empty() || self.quoted.contains(&quoted) {
            return;
        }
        self.quoted.push(quoted.clone());
        let Quoted { uri, title, start_index, end_index } = quoted;
        let (start, end) = if self.has_long_characters { (0, 0) } else { (start_index, end_index) };
        self.blocks.cite(Citation { url: uri, title, start, end, text: None }, events);
    }

    /// Code that the model ran, and its output, are part of the answer. Other formats have no part for them.
    fn fenced(&mut self, language: &str, code: &str, events: &mut Vec<StreamEvent>) {
        if code.is_empty() {
            return;
        }
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.saturating_add(1).max(3));
        let before = if self.blocks.is_text() { "\n" } else { "" };
        self.blocks.text(format!("{before}{fence}{language}\n{}\n{fence}\n", code.trim_end_matches('\n')), events);
    }

    /// Calls arrive whole, so each is one block.
    fn call(&mut self, call: FunctionCallIn<'_>, signature: Option<String>, events: &mut Vec<StreamEvent>) {
        let arguments = call.args.map_or_else(|| "{}".to_owned(), |args| args.get().to_owned());
        // A call without a name has no block that could have a signature yet.
        let signature = signature.filter(|_| !call.name.is_empty());
        let piece = CallPiece { index: Some(self.calls), id: None, name: Some(call.name), arguments: String::new() };
        self.blocks.tool_call(piece, events);
        if let Some(value) = signature {
            events.push(StreamEvent::Delta(Delta::Signature(Signature { origin: Origin::Gemini, value })));
        }
        let piece = CallPiece { index: Some(self.calls), id: None, name: None, arguments };
        self.blocks.tool_call(piece, events);
        self.calls = self.calls.saturating_add(1);
    }
}
