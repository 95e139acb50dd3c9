//! Opens and closes blocks for formats without block boundaries.
//!
//! Text and reasoning open their block with the first piece. Tool calls may interleave in such formats: the open call
//! streams live, and the pieces of others wait until they can open in order. So nothing is lost, and the order is kept. A
//! call's arguments are one JSON object. The open call ends as soon as its object is complete, and not before: pieces of it
//! may still come, and anything that comes between them waits.

use super::event::{BlockStart, Citation, Delta, StreamEvent};
use super::request::Signature;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Reasoning,
    /// Position in `calls`.
    Call(usize),
}

#[derive(Debug)]
struct Call {
    /// The provider's number of the call.
    index: u64,
    id: String,
    name: String,
    /// Pieces that wait for their turn.
    waiting: String,
    /// Whether its block is closed.
    done: bool,
    /// Parser state of the arguments that have come, including those that wait.
    end: ObjectEnd,
}

/// Content that came between the pieces of the open call.
#[derive(Debug)]
enum Between {
    Text(String),
    Reasoning(String),
    Signature(Signature),
    Redacted(Signature),
    Citation(Citation),
}

/// Converts pieces without boundaries to blocks.
#[derive(Debug)]
pub struct Blocks {
    open: Open,
    calls: Vec<Call>,
    between: Vec<Between>,
    /// Bytes of text in `between`.
    waiting: usize,
    /// Citations that wait for a text.
    citations: Vec<Citation>,
}

/// Maximum bytes of text that wait for a call's next piece. If more text comes, no further piece of the call is expected.
const MOST_WAITING: usize = 64 * 1024;

impl Default for Blocks {
    fn default() -> Self {
        Self { open: Open::Nothing, calls: Vec::new(), between: Vec::new(), waiting: 0, citations: Vec::new() }
    }
}

/// A piece of a tool call. Any member may be missing.
#[derive(Debug, Default)]
pub struct CallPiece {
    /// The provider's number of the call; missing means the latest one.
    pub index: Option<u64>,
    /// The call's id, usually on the first piece only. A new id at a known number is a new call.
    pub id: Option<String>,
    /// The tool's name, usually on the first piece only.
    pub name: Option<String>,
    /// A piece of the arguments' JSON text. It need not be valid JSON by itself.
    pub arguments: String,
}

impl Blocks {
    /// Adds a piece of answer text. An empty piece opens no block.
    pub fn text(&mut self, piece: String, events: &mut Vec<StreamEvent>) {
        if !piece.is_empty() {
            self.tell(Between::Text(piece), events);
        }
    }

    /// Adds a piece of reasoning. An empty piece opens no block.
    pub fn reasoning(&mut self, piece: String, events: &mut Vec<StreamEvent>) {
        if !piece.is_empty() {
            self.tell(Between::Reasoning(piece), events);
        }
    }

    /// Adds the signature of the last reasoning block; elsewhere it signs nothing.
    pub fn sign_thought(&mut self, signature: Signature, events: &mut Vec<StreamEvent>) {
        self.tell(Between::Signature(signature), events);
    }

    /// Adds a piece of a tool call.
    pub fn tool_call(&mut self, piece: CallPiece, events: &mut Vec<StreamEvent>) {
        let CallPiece { index, id, name, arguments } = piece;
        // Some providers write a missing name as text.
        let name = name.filter(|name| !matches!(name.as_str(), "" | "null"));
        let begins = index.is_none() && self.begins_another(name.as_deref(), &arguments);
        let position = self.position(index, id.as_deref(), begins);
        if let Some(call) = self.calls.get_mut(position) {
            // Some providers repeat id and name on every piece. The first ones stay.
            if call.id.is_empty() {
                call.id = id.unwrap_or_default();
            }
            if call.name.is_empty() {
                call.name = name.unwrap_or_default();
            }
            if !call.done {
                call.end.read(&arguments);
                call.waiting.push_str(&arguments);
            }
        }
        self.advance(events);
    }

    /// Adds reasoning that only its provider can read: a block of its own, complete at once.
    pub fn redacted(&mut self, data: Signature, events: &mut Vec<StreamEvent>) {
        self.tell(Between::Redacted(data), events);
    }

    /// Adds a source of the answer text. Outside a block of text it waits for the next one.
    pub fn cite(&mut self, citation: Citation, events: &mut Vec<StreamEvent>) {
        self.tell(Between::Citation(citation), events);
    }

    /// True while a block of text is open.
    pub fn is_text(&self) -> bool {
        self.open == Open::Text
    }

    /// True if any tool call was seen.
    pub fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Closes the open block, and emits every call that still waits. Call it once, before the finish.
    pub fn close(&mut self, events: &mut Vec<StreamEvent>) {
        self.close_open(events);
        self.release(events);
        for position in 0..self.calls.len() {
            if self.calls.get(position).is_some_and(|call| !call.done) {
                self.open_call(position, events);
            }
        }
        self.close_open(events);
    }

    /// Whether pieces of the open call may still come.
    fn is_waiting(&self) -> bool {
        let Open::Call(position) = self.open else { return false };
        self.calls.get(position).is_some_and(|call| !call.end.reached())
    }

    fn tell(&mut self, what: Between, events: &mut Vec<StreamEvent>) {
        if self.is_waiting() {
            if let Between::Text(piece) | Between::Reasoning(piece) = &what {
                self.waiting = self.waiting.saturating_add(piece.len());
            }
            self.between.push(what);
            if self.waiting > MOST_WAITING {
                self.close_open(events);
                self.release(events);
            }
            return;
        }
        match what {
            Between::Text(piece) => {
                self.switch(Open::Text, BlockStart::Text, events);
                events.push(StreamEvent::Delta(Delta::Text(piece)));
                events.extend(self.citations.drain(..).map(Delta::Citation).map(StreamEvent::Delta));
            }
            Between::Reasoning(piece) => {
                self.switch(Open::Reasoning, BlockStart::Reasoning, events);
                events.push(StreamEvent::Delta(Delta::Reasoning(piece)));
            }
            Between::Signature(signature) if self.open == Open::Reasoning => {
                events.push(StreamEvent::Delta(Delta::Signature(signature)));
            }
            Between::Signature(_) => {}
            Between::Citation(citation) if self.open == Open::Text => {
                events.push(StreamEvent::Delta(Delta::Citation(citation)));
            }
            Between::Citation(citation) => self.citations.push(citation),
            Between::Redacted(data) => {
                self.close_open(events);
                events.push(StreamEvent::BlockStart(BlockStart::RedactedReasoning { data }));
                events.push(StreamEvent::BlockStop);
            }
        }
    }

    /// Emits what came between the pieces of a call, when its block ends.
    fn release(&mut self, events: &mut Vec<StreamEvent>) {
        self.waiting = 0;
        for what in std::mem::take(&mut self.between) {
            self.tell(what, events);
        }
    }

    /// If pieces have neither numbers nor ids: after complete arguments, a name begins the next call, unless the piece only
    /// repeats the last name.
    fn begins_another(&self, name: Option<&str>, arguments: &str) -> bool {
        let Some((name, last)) = name.zip(self.calls.last()) else { return false };
        last.end.reached() && !last.name.is_empty() && (last.name != name || !arguments.is_empty())
    }

    /// The position of a piece's call, created if the piece begins one.
    fn position(&mut self, index: Option<u64>, id: Option<&str>, begins: bool) -> usize {
        let known = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == index),
            None => self.calls.len().checked_sub(1),
        };
        let id = id.filter(|id| !id.is_empty());
        let is_same = |position: &usize| match self.calls.get(*position) {
            Some(call) if id.is_none() || call.id.is_empty() => !(begins && id.is_none()),
            Some(call) => id == Some(call.id.as_str()),
            None => false,
        };
        if let Some(position) = known.filter(is_same) {
            return position;
        }
        let index = index.unwrap_or_else(|| self.calls.last().map_or(0, |call| call.index.saturating_add(1)));
        self.calls.push(Call {
            index,
            id: String::new(),
            name: String::new(),
            waiting: String::new(),
            done: false,
            end: ObjectEnd::default(),
        });
        self.calls.len().saturating_sub(1)
    }

    /// Streams the open call. If it is complete, or none is open, continues with the next call whose name is known.
    fn advance(&mut self, events: &mut Vec<StreamEvent>) {
        loop {
            if let Open::Call(position) = self.open {
                if !self.flush(position, events) {
                    return;
                }
                self.release(events);
                if position.saturating_add(1) >= self.calls.len() {
                    return;
                }
            }
            let Some(next) = self.calls.iter().position(|call| !call.done) else { return };
            if self.open == Open::Call(next) {
                self.close_open(events);
                continue;
            }
            if self.calls.get(next).is_none_or(|call| call.name.is_empty()) {
                return;
            }
            self.open_call(next, events);
        }
    }

    fn open_call(&mut self, position: usize, events: &mut Vec<StreamEvent>) {
        if let Some(call) = self.calls.get(position) {
            let block = BlockStart::ToolCall { id: call.id.clone(), name: call.name.clone() };
            self.switch(Open::Call(position), block, events);
            self.flush(position, events);
        }
    }

    /// Emits what waits for an open call. Returns true if its arguments are a complete object.
    fn flush(&mut self, position: usize, events: &mut Vec<StreamEvent>) -> bool {
        let Some(call) = self.calls.get_mut(position) else { return true };
        if !call.waiting.is_empty() {
            let piece = std::mem::take(&mut call.waiting);
            events.push(StreamEvent::Delta(Delta::Arguments(piece)));
        }
        call.end.reached()
    }

    fn switch(&mut self, to: Open, block: BlockStart, events: &mut Vec<StreamEvent>) {
        if self.open != to {
            self.close_open(events);
            events.push(StreamEvent::BlockStart(block));
            self.open = to;
        }
    }

    fn close_open(&mut self, events: &mut Vec<StreamEvent>) {
        if let Open::Call(position) = self.open
            && let Some(call) = self.calls.get_mut(position)
        {
            call.done = true;
        }
        if self.open != Open::Nothing {
            events.push(StreamEvent::BlockStop);
            self.open = Open::Nothing;
        }
    }
}

/// Finds the end of a JSON object that arrives in pieces.
#[derive(Debug, Default)]
struct ObjectEnd {
    depth: u32,
    in_string: bool,
    escaped: bool,
    seen: bool,
}

impl ObjectEnd {
    fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => {
                    self.seen = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn reached(&self) -> bool {
        self.seen && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::request::Origin;

    fn piece(index: u64, id: &str, name: &str, arguments: &str) -> CallPiece {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        CallPiece { index: Some(index), id: some(id), name: some(name), arguments: arguments.to_owned() }
    }

    /// Events in a short notation: `+call`, `text`, `-`.
    fn run(pieces: Vec<CallPiece>) -> String {
        let (mut blocks, mut events) = (Blocks::default(), Vec::new());
        for piece in pieces {
            blocks.tool_call(piece, &mut events);
        }
        blocks.close(&mut events);
        notation(&events)
    }

    fn notation(events: &[StreamEvent]) -> String {
        let show = |event: &StreamEvent| match event {
            StreamEvent::BlockStart(BlockStart::ToolCall { id, name }) => format!("+{name}({id})"),
            StreamEvent::BlockStart(block) => format!("+{block:?}"),
            StreamEvent::Delta(Delta::Arguments(text) | Delta::Text(text) | Delta::Reasoning(text)) => text.clone(),
            StreamEvent::BlockStop => "-".to_owned(),
            StreamEvent::Delta(_)
            | StreamEvent::Start { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::Refusal(_)
            | StreamEvent::Finish(_) => "?".to_owned(),
        };
        events.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn interleaved_calls_keep_every_piece_and_open_in_order() {
        let pieces = vec![
            piece(0, "a", "f", ""),
            piece(0, "", "", "{\"x\":"),
            piece(1, "b", "g", "{\"y\""),
            piece(0, "", "", "1}"),
            piece(1, "", "", ":2}"),
        ];
        assert_eq!(run(pieces), "+f(a) {\"x\": 1} - +g(b) {\"y\" :2} -");
    }

    #[test]
    fn the_next_call_opens_as_soon_as_the_open_one_is_complete() {
        let (mut blocks, mut events) = (Blocks::default(), Vec::new());
        blocks.tool_call(piece(0, "a", "f", "{\"brace\":\"}\"}"), &mut events);
        blocks.tool_call(piece(1, "b", "g", "{"), &mut events);
        assert_eq!(notation(&events), "+f(a) {\"brace\":\"}\"} - +g(b) {");
    }

    #[test]
    fn a_new_id_at_a_known_number_and_a_missing_number_are_understood() {
        let unnumbered = |id: &str, name: &str| CallPiece { index: None, ..piece(0, id, name, "{}") };
        assert_eq!(run(vec![piece(0, "a", "f", "{}"), piece(0, "b", "g", "{}")]), "+f(a) {} - +g(b) {} -");
        assert_eq!(run(vec![unnumbered("a", "f"), unnumbered("b", "g")]), "+f(a) {} - +g(b) {} -");
        assert_eq!(run(vec![unnumbered("", "f"), unnumbered("", "g")]), "+f() {} - +g() {} -");
    }

    #[test]
    fn a_block_waits_for_the_first_real_name() {
        for missing in ["", "null"] {
            let pieces = vec![piece(0, "a", missing, "{\"x\""), piece(0, "", "f", ":1}"), piece(0, "", "g", "")];
            assert_eq!(run(pieces), "+f(a) {\"x\":1} -", "{missing:?}");
        }
    }

    #[test]
    fn a_repeated_name_is_not_appended_and_a_call_without_arguments_still_opens() {
        assert_eq!(run(vec![piece(0, "a", "f", "{"), piece(0, "a", "f", "}")]), "+f(a) { } -");
        assert_eq!(run(vec![piece(0, "a", "f", ""), piece(1, "b", "g", "")]), "+f(a) - +g(b) -");
    }

    #[test]
    fn what_comes_between_the_pieces_of_a_call_follows_it() {
        let signature = |value: &str| Signature { origin: Origin::OpenRouter, value: value.to_owned() };
        let (mut blocks, mut events) = (Blocks::default(), Vec::new());
        blocks.tool_call(piece(0, "a", "f", ""), &mut events);
        blocks.text("\n".into(), &mut events);
        blocks.tool_call(piece(0, "", "", "{\"x\":"), &mut events);
        blocks.reasoning("hm".into(), &mut events);
        blocks.sign_thought(signature("s"), &mut events);
        blocks.redacted(signature("r"), &mut events);
        blocks.tool_call(piece(1, "b", "g", "{}"), &mut events);
        assert_eq!(notation(&events), "+f(a) {\"x\":");
        blocks.tool_call(piece(0, "", "", "1}"), &mut events);
        let redacted = format!("+{:?}", BlockStart::RedactedReasoning { data: signature("r") });
        let call = r#"+f(a) {"x": 1} -"#;
        assert_eq!(notation(&events), format!("{call} +Text \n - +Reasoning hm ? - {redacted} - +g(b) {{}}"));
    }

    #[test]
    fn what_follows_a_call_without_arguments_is_told_at_the_end() {
        let (mut blocks, mut events) = (Blocks::default(), Vec::new());
        blocks.tool_call(piece(0, "a", "f", ""), &mut events);
        blocks.text("ok".into(), &mut events);
        assert_eq!(notation(&events), "+f(a)");
        blocks.close(&mut events);
        assert_eq!(notation(&events), "+f(a) - +Text ok -");
    }

    #[test]
    fn a_call_is_not_waited_for_behind_a_long_text() {
        let (mut blocks, mut events) = (Blocks::default(), Vec::new());
        blocks.tool_call(piece(0, "a", "f", ""), &mut events);
        blocks.text("x".repeat(MOST_WAITING), &mut events);
        assert_eq!(notation(&events), "+f(a)");
        blocks.text("y".into(), &mut events);
        assert_eq!(notation(&events), format!("+f(a) - +Text {} y", "x".repeat(MOST_WAITING)));
    }

    #[test]
    fn text_reasoning_and_calls_close_each_other() {
        let (mut blocks, mut events) = (Blocks::default(), Vec::new());
        blocks.reasoning("hm".into(), &mut events);
        blocks.text(String::new(), &mut events);
        blocks.text("ok".into(), &mut events);
        blocks.tool_call(piece(0, "a", "f", "{}"), &mut events);
        blocks.close(&mut events);
        assert_eq!(notation(&events), "+Reasoning hm - +Text ok - +f(a) {} -");
    }
}
