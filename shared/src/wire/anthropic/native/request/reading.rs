//! Reads the messages of a request, each block once, because they are most of a body. Edits that concern a single block are
//! made on the way.

use std::borrow::Cow;
use std::collections::HashSet;

use super::blocks::{Block, Home, Kind};
use super::media::says_nothing;
use crate::chat::request::{Message, Role};
use crate::chat::turns::reminder;
use crate::document::{self, Value};
use crate::error::GatewayError;
use crate::wire::anthropic::rules::media::Carrier;
use crate::wire::anthropic::signature;
use crate::wire::blocks::{BLOCK, asks_to_cite, found_tool, instruction, is_of_a_server, texts};
use crate::wire::cache_marks::Area;
use crate::wire::names::ToolNames;
use crate::wire::native::Forwarding;
use crate::wire::request::{arguments, unsupported};
use crate::wire::unread::{Reading, has_member, shape_of};

/// A cache mark of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarkAt<'d> {
    /// What it marks.
    pub(super) holder: Value<'d>,
    /// The mark.
    pub(super) control: Value<'d>,
    /// Its area in the prompt.
    pub(super) area: Area,
}

/// What contains a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The system prompt.
    System,
    /// A system message.
    Instruction(Home),
    /// An assistant message.
    Answer(Home),
    /// A user message.
    Message(Home),
    /// A tool result.
    Result,
    /// Another block.
    Block,
}

impl Spot {
    fn home(self) -> Option<Home> {
        match self {
            Self::Instruction(home) | Self::Answer(home) | Self::Message(home) => Some(home),
            Self::System | Self::Result | Self::Block => None,
        }
    }

    /// Whether it is an instruction, which is text only.
    const fn is_instruction(self) -> bool {
        matches!(self, Self::System | Self::Instruction(_))
    }

    const fn area(self) -> Area {
        match self {
            Self::System => Area::Fixed,
            Self::Instruction(_) | Self::Answer(_) | Self::Message(_) | Self::Result | Self::Block => Area::Moving,
        }
    }
}

/// The members of a block that Claude accepts: it rejects unknown ones. `None` if they are not checked. The model's own
/// blocks come back unchanged, except for texts and calls, to which clients add members.
fn accepted(kind: &str, spot: Spot) -> Option<&'static Reading> {
    let is_own = matches!(spot, Spot::Answer(_)) && !matches!(kind, "text" | "tool_use");
    if is_own { None } else { shape_of(&BLOCK, kind) }
}

/// Whether a result cannot contain a block of this type (platform.claude.com, tool use: texts, pictures, documents, search
/// results and references).
fn is_no_content(kind: &str) -> bool {
    matches!(kind, "thinking" | "redacted_thinking" | "tool_use" | "tool_result") || is_of_a_server(kind)
}

/// The text of a result that is inside another result.
fn said_by_a_result(block: Value<'_>) -> Option<String> {
    let content = block.get("content").filter(|_| block.get("type").is_some_and(|kind| kind.is("tool_result")))?;
    texts(content).filter(|said| !said.trim().is_empty())
}

/// Reads blocks.
pub(super) struct Reader<'f, 'd> {
    pub(super) forwarding: &'f mut Forwarding<'d>,
    pub(super) names: &'f ToolNames,
    /// The client's names of the tools that are sent.
    pub(super) declared: &'f HashSet<Cow<'f, str>>,
    /// Whether the model lets a system message change the tools.
    pub(super) takes_tool_changes: bool,
    /// Whether the answer may cite: not in a requested response format (platform.claude.com, structured outputs, citations).
    pub(super) cites: bool,
    /// The cache marks in prompt order.
    pub(super) marks: Vec<MarkAt<'d>>,
    /// Blocks that may be cited, with their `citations`.
    pub(super) citable: Vec<(Value<'d>, Option<Value<'d>>)>,
}

/// The members of a block that are read here. Null members are removed: they mean nothing, and strict readers reject some.
#[derive(Default)]
struct Fields<'d> {
    kind: Option<Value<'d>>,
    text: Option<Value<'d>>,
    id: Option<Value<'d>>,
    name: Option<Value<'d>>,
    input: Option<Value<'d>>,
    seal: Option<Value<'d>>,
    source: Option<Value<'d>>,
    content: Option<Value<'d>>,
    mark: Option<Value<'d>>,
    citations: Option<Value<'d>>,
}

impl<'d> Reader<'_, 'd> {
    /// The role and the blocks of a message.
    pub(super) fn message(&mut self, number: usize, message: Value<'d>) -> Result<Message<Block<'d>>, GatewayError> {
        // Messages have no other members, and Claude rejects what else clients put there.
        for (name, value) in message.members() {
            match name.as_ref() {
                "role" | "content" => {}
                _ if value.is_null() => self.forwarding.edits.remove(value),
                _ => self.forwarding.drop(value),
            }
        }
        let role = match message.required("role")?.text()?.as_ref() {
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => Role::User,
        };
        let content = message.required("content")?;
        let mut parts = Vec::new();
        if content.as_text().is_some() {
            parts.push(Block::text_content(content, number));
        }
        for (at, value) in content.elements().enumerate() {
            let home = Home { message: number, block: Some(at) };
            let spot = match role {
                Role::System => Spot::Instruction(home),
                Role::Assistant => Spot::Answer(home),
                Role::User => Spot::Message(home),
            };
            parts.push(self.block(value, spot)?);
        }
        Ok(Message { role, parts })
    }

    /// Reads a block.
    pub(super) fn block(&mut self, block: Value<'d>, spot: Spot) -> Result<Block<'d>, GatewayError> {
        let fields = self.fields(block, spot);
        let home = spot.home();
        let kind = match fields.kind.and_then(Value::as_text).as_deref() {
            Some("text") if fields.text.is_some_and(Value::is_blank) => return Ok(Block::new(Kind::Blank, block, home)),
            Some("document") if says_nothing(block) => return Ok(Block::new(Kind::Blank, block, home)),
            Some("text") => Kind::Text,
            Some(kind) if spot == Spot::Result && is_no_content(kind) => {
                let Some(said) = said_by_a_result(block) else { return Ok(self.refused(block, home)) };
                self.say(block, &said, spot)
            }
            Some("thinking" | "redacted_thinking") => return Ok(self.thought(block, &fields, home)),
            Some("tool_use") => {
                self.call(block, &fields)?;
                Kind::Call
            }
            Some("tool_result") => {
                self.result_content(block, fields.content)?;
                Kind::Result
            }
            Some("image" | "document") => {
                if self.source(block, fields.source)? == Carrier::Document {
                    self.titles(block);
                    self.citable.push((block, fields.citations));
                }
                Kind::Media
            }
            Some("container_upload") => return Err(unsupported(block, "a file by id; send its data instead")),
            Some(kind) if self.is_refused(block, kind, spot) => return Ok(self.refused(block, home)),
            // The summary of the turns before it. The beta that reads this block is not sent.
            Some("compaction") if let Some(summary) = fields.content.and_then(Value::as_text) => {
                self.say(block, &summary, spot)
            }
            Some("mid_conv_system") if let Some(said) = instruction(block) => self.say(block, &reminder(&said), spot),
            // Only results may hold one.
            Some("tool_reference") if spot != Spot::Result => {
                let name = block.get("tool_name").and_then(Value::as_text).unwrap_or_default();
                self.say(block, &found_tool(&name), spot)
            }
            Some("tool_addition" | "tool_removal") => Kind::Text,
            Some("search_result") if !self.keep_texts(block) => {
                if !self.say_source(block) {
                    return Ok(Block::new(Kind::Blank, block, home));
                }
                Kind::Text
            }
            kind => {
                if kind == Some("search_result") {
                    self.citable.push((block, fields.citations));
                }
                self.nested(fields.content, Spot::Block)?;
                self.found(fields.content);
                if spot.is_instruction() { Kind::Media } else { Kind::Text }
            }
        };
        match fields.mark {
            // Parts of a block cannot have a mark (platform.claude.com, prompt caching).
            Some(mark) if spot == Spot::Block => self.forwarding.drop(mark),
            // Inner marks end before those of the block around them.
            mark => self.mark(block, mark, spot.area()),
        }
        let id = fields.id.and_then(Value::as_text).unwrap_or(Cow::Borrowed(""));
        Ok(Block::new(kind, block, home).with_id(id))
    }

    /// Drops a block that Claude rejects.
    fn refused(&mut self, block: Value<'d>, home: Option<Home>) -> Block<'d> {
        self.forwarding.drop(block);
        Block::new(Kind::Text, block, home).gone()
    }

    /// Whether a block is rejected in this place. Vertex accepts no beta for server tools and for the change to another
    /// model, and no server runs a tool for an instruction.
    fn is_refused(&mut self, block: Value<'d>, kind: &str, spot: Spot) -> bool {
        match kind {
            "mcp_tool_use" | "mcp_tool_result" | "fallback" => true,
            "tool_addition" | "tool_removal" => !matches!(spot, Spot::Instruction(_)) || !self.changes_tools(block),
            "tool_reference" if spot == Spot::Result => !self.refers(block, "tool_name"),
            kind => spot.is_instruction() && is_of_a_server(kind),
        }
    }

    /// Replaces a block with a text block that has none of its other members.
    fn say(&mut self, block: Value<'d>, words: &str, spot: Spot) -> Kind {
        self.forwarding.edits.set(block, "type", "text");
        self.forwarding.edits.set(block, "text", words);
        let is_of_text = |name: &str| matches!(name, "type" | "text" | "cache_control" | "citations");
        for (name, value) in block.members().filter(|(name, _)| !is_of_text(name)) {
            // Lost members of a user's block are reported where the block is read.
            let is_told =
                matches!(name.as_ref(), "content" | "tool_name" | "tool_use_id") || !matches!(spot, Spot::Answer(_));
            if is_told { self.forwarding.edits.remove(value) } else { self.forwarding.leave_out(value) }
        }
        Kind::Text
    }

    fn fields(&mut self, block: Value<'d>, spot: Spot) -> Fields<'d> {
        let mut fields = Fields::default();
        let shape = accepted(&block.get("type").and_then(Value::as_text).unwrap_or_default(), spot);
        for (name, value) in block.members() {
            if value.is_null() {
                self.forwarding.edits.remove(value);
                continue;
            }
            let is_known = match name.as_ref() {
                "type" | "citations" => true,
                // Only streams have them.
                "index" | "partial_json" => false,
                name => shape.is_none_or(|shape| has_member(shape, name)),
            };
            if !is_known {
                self.forwarding.leave_out(value);
                continue;
            }
            let place = match name.as_ref() {
                "type" => &mut fields.kind,
                "text" => &mut fields.text,
                "id" | "tool_use_id" => &mut fields.id,
                "name" => &mut fields.name,
                "input" => &mut fields.input,
                "signature" | "data" => &mut fields.seal,
                "source" => &mut fields.source,
                "content" => &mut fields.content,
                "cache_control" => &mut fields.mark,
                "citations" if !self.cites && asks_to_cite(value) => {
                    self.forwarding.drop(value);
                    continue;
                }
                "citations" => {
                    self.drop_foreign_sources(value);
                    &mut fields.citations
                }
                _ => continue,
            };
            *place = Some(value);
        }
        fields
    }

    /// Removes sources of other vendors' replies: they have no index, which Claude needs back (platform.claude.com, web
    /// search tool: `encrypted_index`).
    fn drop_foreign_sources(&mut self, citations: Value<'d>) {
        let is_found = |source: &Value<'_>| source.get("type").is_some_and(|kind| kind.is("web_search_result_location"));
        let has_index = |source: &Value<'_>| {
            source.get("encrypted_index").and_then(Value::as_text).is_some_and(|index| !index.is_empty())
        };
        let is_foreign = |source: &Value<'_>| is_found(source) && !has_index(source);
        let (foreign, own): (Vec<_>, Vec<_>) = citations.elements().partition(is_foreign);
        if own.is_empty() && !foreign.is_empty() {
            return self.forwarding.drop(citations);
        }
        for source in foreign {
            self.forwarding.drop(source);
        }
    }

    /// Requests citations for all citable blocks if they are requested for some: Claude accepts only all or none
    /// (platform.claude.com, citations).
    pub(super) fn cite_all(&mut self) {
        let (asked, others): (Vec<_>, Vec<_>) =
            self.citable.drain(..).partition(|(_, citations)| citations.is_some_and(asks_to_cite));
        for (block, citations) in others.into_iter().filter(|_| !asked.is_empty()) {
            self.forwarding.edits.set_json(block, "citations", r#"{"enabled":true}"#);
            self.forwarding.left_out.extend(citations.map(Value::place));
        }
    }

    /// Removes null members: an optional member is absent or has a value.
    pub(super) fn drop_nulls(&mut self, object: Value<'d>) {
        let nulls = object.members().filter(|(_, value)| value.is_null());
        nulls.for_each(|(_, value)| self.forwarding.edits.remove(value));
    }

    /// Notes a cache mark.
    pub(super) fn mark(&mut self, holder: Value<'d>, control: Option<Value<'d>>, area: Area) {
        if let Some(control) = control {
            self.drop_nulls(control);
            // Members that another beta adds to a mark do not pass without it.
            self.forwarding.keep_only(control, &["ttl", "type"]);
            if control.get("type").is_none() {
                self.forwarding.edits.set(control, "type", "ephemeral");
            }
            self.marks.push(MarkAt { holder, control, area });
        }
    }

    /// Reasoning, if Claude signed it. It cannot have a cache mark.
    fn thought(&mut self, block: Value<'d>, fields: &Fields<'d>, home: Option<Home>) -> Block<'d> {
        let seal = fields.seal.and_then(Value::as_text);
        if !seal.is_some_and(|seal| !seal.is_empty() && signature::is_own(&seal)) {
            self.forwarding.drop(block);
            return Block::new(Kind::Thought, block, home).gone();
        }
        if let Some(mark) = fields.mark {
            self.forwarding.drop(mark);
        }
        Block::new(Kind::Thought, block, home)
    }

    /// Renames a call's tool and input for the provider. The input is an object.
    fn call(&mut self, block: Value<'d>, fields: &Fields<'d>) -> Result<(), GatewayError> {
        let name = fields.name.ok_or_else(|| block.missing("name"))?.text()?;
        let sent = self.names.outward(&name);
        if sent != name {
            self.forwarding.edits.set(block, "name", &sent);
        }
        let is_object = fields.input.is_some_and(|input| input.kind() == document::Kind::Object);
        let properties = self.names.properties(&name);
        if !is_object || properties.is_some() {
            let input = arguments(fields.input).0;
            let input = properties.map_or(input.clone(), |names| names.outward(&input));
            self.forwarding.edits.set_json(block, "input", &input);
        }
        Ok(())
    }

    /// The blocks inside a block. Returns true if there were some and none is left.
    pub(super) fn nested(&mut self, content: Option<Value<'d>>, spot: Spot) -> Result<bool, GatewayError> {
        let (mut seen, mut kept) = (false, false);
        for value in content.into_iter().flat_map(Value::elements) {
            let block = self.block(value, spot)?;
            if block.is_sent() {
                kept = true;
            } else {
                self.forwarding.edits.remove(value);
            }
            seen = true;
        }
        Ok(seen && !kept)
    }
}
