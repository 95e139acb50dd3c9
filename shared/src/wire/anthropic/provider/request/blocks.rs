//! Encodes turns as Anthropic's content blocks.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::request::{CacheLifetime, CacheMark, Message, Origin, Part, Place, Role, Source, ToolCall, ToolResult};
use crate::chat::turns::{CONTINUE, Piece as _, PieceKind};
use crate::error::{ErrorKind, GatewayError};
use crate::reason::Reason;
use crate::wire::anthropic::rules::history::{FAILED, FAILED_WITH};
use crate::wire::anthropic::rules::media::{self as rules, Carrier, SourceOut, carried};
use crate::wire::anthropic::signature;
use crate::wire::body;
use crate::wire::cache_marks::CacheMarked;
use crate::wire::names::ToolNames;
use crate::wire::target::Refusal;

/// Marks the end of a part of the prompt that may be cached.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CacheControl {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
    #[serde(skip)]
    place: Place,
}

impl CacheControl {
    /// The mark in Anthropic's form; five minutes is the default.
    pub(super) fn of(mark: CacheMark) -> Self {
        let ttl = match mark.lifetime {
            CacheLifetime::FiveMinutes => None,
            CacheLifetime::OneHour => Some("1h"),
        };
        Self { kind: "ephemeral", ttl, place: mark.place }
    }
}

impl CacheMarked for CacheControl {
    fn is_short(&self) -> bool {
        self.ttl.is_none()
    }

    fn shorten(&mut self) {
        self.ttl = None;
    }

    fn place(&self) -> Place {
        self.place
    }
}

/// A message.
#[derive(Serialize)]
pub(super) struct MessageOut {
    role: &'static str,
    content: Vec<Block>,
}

impl MessageOut {
    /// Appends its cache marks, in the order in which their blocks end.
    pub(super) fn cache_controls<'m>(&'m mut self, marks: &mut Vec<&'m mut Option<CacheControl>>) {
        self.content.iter_mut().for_each(|block| block.cache_controls(marks));
    }
}

/// A content block.
#[derive(Serialize)]
pub(super) struct Block {
    #[serde(flatten)]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

impl Block {
    /// Its cache mark.
    pub(super) fn cache_control(&mut self) -> &mut Option<CacheControl> {
        &mut self.cache_control
    }

    fn cache_controls<'m>(&'m mut self, marks: &mut Vec<&'m mut Option<CacheControl>>) {
        if let Kind::ToolResult { content, .. } = &mut self.kind {
            for block in content {
                block.cache_controls(marks);
            }
        }
        marks.extend(Some(&mut self.cache_control).filter(|mark| mark.is_some()));
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind {
    Text {
        #[serde(serialize_with = "body::text")]
        text: String,
    },
    Image {
        source: SourceOut,
    },
    Document {
        source: SourceOut,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    Thinking {
        #[serde(serialize_with = "body::text")]
        thinking: String,
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

/// Settings that decide how parts are written.
pub(super) struct Rules<'a> {
    /// The provider's tool names.
    pub(super) names: &'a ToolNames,
    /// Whether reasoning is on. Otherwise thinking blocks are rejected.
    pub(super) keep_thinking: bool,
}

/// The system prompt: texts only.
pub(super) fn system_blocks(parts: Vec<Part>) -> Vec<Block> {
    let block = |part: Part| match part {
        Part::Text { text, cache } if says_something(&text) => Some(marked(Kind::Text { text }, cache)),
        Part::Text { .. }
        | Part::Image { .. }
        | Part::Document { .. }
        | Part::Audio { .. }
        | Part::Reasoning { .. }
        | Part::RedactedReasoning { .. }
        | Part::ToolCall(_)
        | Part::ToolResult(_) => None,
    };
    parts.into_iter().filter_map(block).collect()
}

/// Texts of white space only are rejected.
fn says_something(text: &str) -> bool {
    !text.trim().is_empty()
}

/// Encodes a turn. Returns `None` if the assistant turn becomes empty: a message without content is rejected, but two
/// consecutive messages of one role are not.
pub(super) fn message_blocks(
    turn: Message,
    rules: &Rules<'_>,
    left_out: &mut Vec<Place>,
) -> Result<Option<MessageOut>, Refusal> {
    let role = match turn.role {
        Role::Assistant => "assistant",
        Role::User | Role::System => "user",
    };
    let mut content = Vec::with_capacity(turn.parts.len());
    for part in turn.parts {
        content.extend(block(part, rules, left_out)?);
    }
    if content.is_empty() {
        match turn.role {
            Role::Assistant => return Ok(None),
            Role::User | Role::System => content.push(marked(Kind::Text { text: CONTINUE.to_owned() }, None)),
        }
    }
    Ok(Some(MessageOut { role, content }))
}

fn block(part: Part, rules: &Rules<'_>, left_out: &mut Vec<Place>) -> Result<Option<Block>, Refusal> {
    let own = |origin: Origin| rules.keep_thinking && origin == Origin::Anthropic;
    Ok(Some(match part {
        part if part.kind() == PieceKind::Blank => return Ok(None),
        Part::Text { text, cache } => marked(Kind::Text { text }, cache),
        Part::Image { source, cache, place } => marked(media(source, None, place)?, cache),
        Part::Document { source, title, cache, place } => {
            let told = title.as_deref().and_then(rules::title);
            if title.as_ref().map_or(0, String::len) > told.map_or(0, str::len) {
                left_out.push(place);
            }
            marked(media(source, told.map(str::to_owned), place)?, cache)
        }
        Part::Audio { place, .. } => return Err(unsupported("Claude models do not accept audio.", place)),
        Part::Reasoning { text, signature: Some(signature), place: _ } if own(signature.origin) => {
            marked(Kind::Thinking { thinking: text, signature: signature::seal(&signature) }, None)
        }
        Part::RedactedReasoning { data, .. } if own(data.origin) => {
            marked(Kind::RedactedThinking { data: data.value }, None)
        }
        // Unsigned reasoning, and reasoning of another provider, is rejected.
        Part::Reasoning { place, .. } | Part::RedactedReasoning { place, .. } => {
            left_out.push(place);
            return Ok(None);
        }
        Part::ToolCall(ToolCall { id, name, arguments, signature: _, place: _ }) => {
            let properties = rules.names.properties(&name);
            let input = raw(properties.map_or(arguments.0.clone(), |names| names.outward(&arguments.0)))?;
            marked(Kind::ToolUse { id, name: rules.names.outward(&name), input }, None)
        }
        Part::ToolResult(ToolResult { call_id, content, is_error, cache, place: _ }) => {
            let mut blocks = Vec::with_capacity(content.len());
            for part in content {
                blocks.extend(block(part, rules, left_out)?);
            }
            let is_error = is_error && report_failure(&mut blocks);
            marked(Kind::ToolResult { tool_use_id: call_id, content: blocks, is_error }, cache)
        }
    }))
}

/// Adds the text that a failed result needs. Returns whether Claude accepts the result as an error.
fn report_failure(blocks: &mut Vec<Block>) -> bool {
    let are_texts = blocks.iter().all(|block| matches!(block.kind, Kind::Text { .. }));
    let words = if are_texts { FAILED } else { FAILED_WITH };
    if blocks.is_empty() || !are_texts {
        blocks.insert(0, marked(Kind::Text { text: words.to_owned() }, None));
    }
    are_texts
}

/// Whether a part is sent. Reasoning of another provider's model and white space are not; a turn with nothing else is
/// dropped.
pub(super) fn is_sent(part: &Part) -> bool {
    let is_own = || part.reasoning_signature().is_some_and(|signature| signature.origin == Origin::Anthropic);
    part.kind() != PieceKind::Blank && (part.kind() != PieceKind::Thought || is_own())
}

fn unsupported(message: &'static str, place: Place) -> Refusal {
    Refusal { error: GatewayError::unsupported("messages", message), place }
}

fn marked(kind: Kind, cache: Option<CacheMark>) -> Block {
    Block { kind, cache_control: cache.map(CacheControl::of) }
}

/// An image or a document, by its bytes. Clients label some of them wrongly.
fn media(source: Source, title: Option<String>, place: Place) -> Result<Kind, Refusal> {
    Ok(match carried(source).map_err(|words| unsupported(words, place))? {
        (Carrier::Image, source) => Kind::Image { source },
        (Carrier::Document, source) => Kind::Document { source, title },
    })
}

fn raw(text: String) -> Result<Box<RawValue>, GatewayError> {
    RawValue::from_string(text).map_err(|error| {
        GatewayError::new(ErrorKind::InvalidRequest, "A tool call's arguments are not valid JSON.")
            .with_cause(Reason::json(&error))
    })
}
