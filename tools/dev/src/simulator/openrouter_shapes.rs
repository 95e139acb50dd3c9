//! The JSON of OpenRouter's replies, with the fields in the order in which it sends them.

use serde::Serialize;
use serde_json::value::RawValue;

/// A `null` that is always present.
pub(super) type Null = Option<()>;

#[derive(Serialize)]
pub(super) struct Completion<'a> {
    pub(super) id: &'a str,
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) object: &'a str,
    pub(super) created: i64,
    pub(super) choices: [Choice<'a>; 1],
    pub(super) system_fingerprint: Null,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

#[derive(Serialize)]
pub(super) struct Choice<'a> {
    pub(super) logprobs: Null,
    pub(super) finish_reason: &'a str,
    pub(super) native_finish_reason: &'a str,
    pub(super) index: u32,
    pub(super) message: Message<'a>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'a str,
    pub(super) content: Option<&'a str>,
    pub(super) refusal: Null,
    pub(super) reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_details: Option<Vec<Detail<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<Annotation>,
}

/// A cited source (openrouter.ai, web search).
#[derive(Serialize)]
pub(super) struct Annotation {
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitation,
}

#[derive(Serialize)]
struct UrlCitation {
    url: String,
    title: String,
    start_index: u64,
    end_index: u64,
    content: String,
}

impl Annotation {
    /// The source with this number, for a text of this length.
    pub(super) fn numbered(number: u64, end_index: u64) -> Self {
        let (url, title) = (format!("https://source.example/{number}"), format!("Source {number}"));
        let content = format!("Text of source {number}.");
        Self { kind: "url_citation", url_citation: UrlCitation { url, title, start_index: 0, end_index, content } }
    }
}

#[derive(Serialize)]
pub(super) struct Chunk<'a> {
    pub(super) id: &'a str,
    pub(super) provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ChunkError<'a>>,
    pub(super) model: &'a str,
    pub(super) object: &'a str,
    pub(super) created: i64,
    pub(super) choices: [ChunkChoice<'a>; 1],
    pub(super) system_fingerprint: Null,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

#[derive(Serialize)]
pub(super) struct ChunkError<'a> {
    pub(super) code: u16,
    pub(super) message: &'a str,
}

#[derive(Default, Serialize)]
pub(super) struct ChunkChoice<'a> {
    pub(super) index: u32,
    pub(super) delta: Delta<'a>,
    pub(super) finish_reason: Option<&'a str>,
    pub(super) native_finish_reason: Option<&'a str>,
    pub(super) logprobs: Null,
}

/// OpenRouter repeats the role in each delta and sends an empty `content` if there is none.
#[derive(Serialize)]
pub(super) struct Delta<'a> {
    pub(super) role: &'a str,
    pub(super) content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_details: Option<Vec<Detail<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<Annotation>,
}

impl Default for Delta<'_> {
    fn default() -> Self {
        let (reasoning, reasoning_details, tool_calls) = (None, None, None);
        Self { role: "assistant", content: "", reasoning, reasoning_details, tool_calls, annotations: Vec::new() }
    }
}

#[derive(Serialize)]
pub(super) struct Detail<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a str>,
    pub(super) format: &'a str,
    pub(super) index: u32,
}

#[derive(Serialize)]
pub(super) struct ToolCall<'a> {
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) function: Function<'a>,
}

#[derive(Serialize)]
pub(super) struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
    pub(super) cost: Option<Box<RawValue>>,
    pub(super) is_byok: bool,
    pub(super) prompt_tokens_details: PromptDetails,
    pub(super) cost_details: CostDetails,
    pub(super) completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire calls each of them tokens")]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_write_tokens: Option<u64>,
    pub(super) audio_tokens: u64,
}

#[derive(Serialize)]
pub(super) struct CostDetails {
    pub(super) upstream_inference_cost: Null,
}

#[derive(Serialize)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: u64,
}
