//! Restores in a reply what its request changed: names of tools and properties, and structured output from the tool that
//! replaces it, whose arguments are the answer's text.
//!
//! Names and values can only be distinguished in complete arguments. So the arguments of a tool with renamed properties are
//! sent in one piece.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::wire::FrameUndoer;
use crate::wire::names::PropertyNames;
use crate::wire::native::Undo;
use crate::wire::raw::RawObject;
use crate::wire::shape::Text;

/// Restores one reply.
pub(super) struct Undoer {
    undo: Undo,
    /// The open call whose arguments wait for their end.
    held: Option<Held>,
    /// The block that is the answer, while it is open.
    answer: Option<Answer>,
    /// Whether the last frame began the answer.
    began_answer: bool,
}

/// The answer's block.
struct Answer {
    index: Option<u64>,
    /// Whether any of its text was sent.
    is_told: bool,
    /// The arguments so far, if its properties were renamed.
    waiting: Option<String>,
}

struct Held {
    index: Option<u64>,
    /// The provider's name of the tool.
    tool: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    index: Option<u64>,
    #[serde(borrow)]
    content_block: Option<RawObject<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
}

/// How a block continues.
enum Block {
    Answer,
    Call {
        tool: String,
    },
    /// Tools that a search found.
    Found,
    Other,
}

type Each<'e> = &'e mut dyn FnMut(&Frame<'_>) -> Result<(), UpstreamError>;

impl Undoer {
    /// Restores what a request changed.
    pub(super) fn new(undo: Undo) -> Self {
        Self { undo, held: None, answer: None, began_answer: false }
    }

    /// Restores the start of a block, and returns its kind.
    fn block(&self, block: &mut RawObject<'_>) -> Result<Block, UpstreamError> {
        if block.get("type") == Some("\"tool_search_tool_result\"") {
            return self.found(block).map(|()| Block::Found);
        }
        let is_call = block.get("type") == Some("\"tool_use\"");
        let name = block.get("name").filter(|_| is_call).and_then(|name| serde_json::from_str::<String>(name).ok());
        let Some(name) = name else { return Ok(Block::Other) };
        if self.undo.answer_tool.as_deref() == Some(name.as_str()) {
            let input = block.get("input").filter(|input| input.starts_with('{')).unwrap_or("{}");
            let input = self.undo.names.properties_back(&name).map_or_else(|| input.to_owned(), |names| names.back(input));
            *block = RawObject::default();
            block.set("type", "text")?;
            block.set("text", &input)?;
            return Ok(Block::Answer);
        }
        let original = self.undo.names.original(&name);
        if original != name {
            block.set("name", original)?;
        }
        Ok(Block::Call { tool: name })
    }

    /// Restores the names of tools that a search found.
    fn found(&self, block: &mut RawObject<'_>) -> Result<(), UpstreamError> {
        let written = block.get("content").unwrap_or("null").to_owned();
        let Ok(mut content) = RawObject::parse(&written) else { return Ok(()) };
        let list = content.get("tool_references").unwrap_or("null").to_owned();
        let Ok(mut references) = serde_json::from_str::<Vec<RawObject<'_>>>(&list) else { return Ok(()) };
        for reference in &mut references {
            let name = reference.get("tool_name").and_then(|name| serde_json::from_str::<String>(name).ok());
            if let Some(name) = name {
                reference.set("tool_name", self.undo.names.original(&name))?;
            }
        }
        content.set("tool_references", &references)?;
        block.set("content", &content)?;
        Ok(())
    }

    /// The renamed properties of the answer.
    fn answer_properties(&self) -> Option<&PropertyNames> {
        self.undo.names.properties_back(self.undo.answer_tool.as_deref()?)
    }

    fn start(&mut self, frame: &Frame<'_>, event: Event<'_>, each: Each<'_>) -> Result<(), UpstreamError> {
        let Some(mut block) = event.content_block else { return each(frame) };
        match self.block(&mut block)? {
            Block::Other => return each(frame),
            // In a stream the input comes in pieces.
            Block::Answer => {
                self.began_answer = true;
                let is_renamed = self.answer_properties().is_some();
                self.answer = Some(Answer { index: event.index, is_told: false, waiting: is_renamed.then(String::new) });
                block.set("text", "")?;
            }
            Block::Call { tool } if self.undo.names.properties_back(&tool).is_some() => {
                self.held = Some(Held { index: event.index, tool, arguments: String::new() });
            }
            Block::Call { .. } | Block::Found => {}
        }
        let mut start = RawObject::parse(frame.data)?;
        start.set("content_block", &block)?;
        each(&Frame { event: frame.event, data: &text(&start)? })
    }

    fn piece(&mut self, frame: &Frame<'_>, event: &Event<'_>, each: Each<'_>) -> Result<(), UpstreamError> {
        let Some(json) = event.delta.as_ref().and_then(|delta| delta.partial_json.as_ref()) else { return each(frame) };
        if let Some(held) = self.held.as_mut().filter(|held| held.index == event.index) {
            held.arguments.push_str(&json.0);
            return Ok(());
        }
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.index == event.index) {
            if let Some(waiting) = answer.waiting.as_mut() {
                waiting.push_str(&json.0);
                return Ok(());
            }
            // Some models send `null` for no arguments.
            if !answer.is_told && matches!(json.0.trim(), "" | "null") {
                return Ok(());
            }
            answer.is_told = true;
            return each(&Frame { event: frame.event, data: &delta(event.index, "text_delta", "text", &json.0)? });
        }
        each(frame)
    }

    fn stop(&mut self, frame: &Frame<'_>, event: &Event<'_>, each: Each<'_>) -> Result<(), UpstreamError> {
        if let Some(answer) = self.answer.take_if(|answer| answer.index == event.index)
            && !answer.is_told
        {
            let whole = answer.waiting.filter(|arguments| !matches!(arguments.trim(), "" | "null"));
            let names = self.answer_properties();
            let restored = whole.map(|arguments| names.map(|names| names.back(&arguments)).unwrap_or(arguments));
            let data = delta(answer.index, "text_delta", "text", restored.as_deref().unwrap_or("{}"))?;
            each(&Frame { event: frame.event.map(|_| "content_block_delta"), data: &data })?;
        }
        if let Some(Held { index, tool, arguments }) = self.held.take_if(|held| held.index == event.index) {
            let restored = self.undo.names.properties_back(&tool).map(|names| names.back(&arguments)).unwrap_or(arguments);
            let data = delta(index, "input_json_delta", "partial_json", &restored)?;
            each(&Frame { event: frame.event.map(|_| "content_block_delta"), data: &data })?;
        }
        each(frame)
    }
}

/// A delta of a block.
fn delta(index: Option<u64>, kind: &str, name: &str, text: &str) -> Result<String, UpstreamError> {
    let (mut event, mut delta) = (RawObject::default(), RawObject::default());
    delta.set("type", kind)?;
    delta.set(name, text)?;
    event.set("type", "content_block_delta")?;
    event.set("index", &index)?;
    event.set("delta", &delta)?;
    self::text(&event)
}

fn text(object: &RawObject<'_>) -> Result<String, UpstreamError> {
    Ok(serde_json::to_string(object)?)
}

impl FrameUndoer for Undoer {
    fn undo(&mut self, frame: &Frame<'_>, each: Each<'_>) -> Result<(), UpstreamError> {
        // The decoder refuses what cannot be read.
        let Ok(event) = serde_json::from_str::<Event<'_>>(frame.data) else { return each(frame) };
        let said = event.kind.as_ref().map(|kind| kind.0.clone());
        match frame.event.or(said.as_deref()).unwrap_or_default() {
            "content_block_start" => self.start(frame, event, each),
            "content_block_delta" => self.piece(frame, &event, each),
            "content_block_stop" => self.stop(frame, &event, each),
            _ => each(frame),
        }
    }

    fn began_answer(&mut self) -> bool {
        std::mem::take(&mut self.began_answer)
    }

    fn undo_whole(&mut self, body: &str) -> Result<String, UpstreamError> {
        let Ok(mut message) = RawObject::parse(body) else { return Ok(body.to_owned()) };
        let written = message.get("content").unwrap_or("null").to_owned();
        let Ok(mut blocks) = serde_json::from_str::<Vec<RawObject<'_>>>(&written) else { return Ok(body.to_owned()) };
        let mut inputs: Vec<Option<Box<RawValue>>> = Vec::with_capacity(blocks.len());
        for block in &mut blocks {
            let tool = if let Block::Call { tool } = self.block(block)? { Some(tool) } else { None };
            let names = tool.and_then(|tool| self.undo.names.properties_back(&tool));
            let restored = names.zip(block.get("input")).map(|(names, input)| names.back(input));
            inputs.push(restored.map(RawValue::from_string).transpose()?);
        }
        let restored = blocks.iter_mut().zip(&inputs).filter_map(|(block, input)| Some((block, input.as_deref()?)));
        for (block, input) in restored {
            block.set("input", input)?;
        }
        message.set("content", &blocks)?;
        text(&message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::anthropic::rules::tools;

    fn undoer(answer: &str) -> Undoer {
        let mut names = tools::names(["a.b", "find"].into_iter());
        let schema = RawValue::from_string(r#"{"properties":{"$top":{}}}"#.to_owned()).unwrap();
        names.with_properties("find", PropertyNames::for_claude(&schema).unwrap());
        Undoer::new(Undo { names, answer_tool: Some(answer.to_owned()) })
    }

    fn undone(frames: &[&str]) -> Vec<String> {
        undone_by(undoer("json_output"), frames)
    }

    fn undone_by(mut undoer: Undoer, frames: &[&str]) -> Vec<String> {
        let mut seen = Vec::new();
        for data in frames {
            let mut each = |frame: &Frame<'_>| {
                seen.push(frame.data.to_owned());
                Ok(())
            };
            undoer.undo(&Frame { event: None, data }, &mut each).unwrap();
        }
        seen
    }

    #[test]
    fn names_come_back_and_arguments_with_renamed_properties_come_in_one_piece() {
        let start = |name: &str| {
            format!(
                r#"{{"type":"content_block_start","index":1,"content_block":{{"type":"tool_use","id":"t","name":"{name}","input":{{}}}}}}"#
            )
        };
        let piece = |json: &str| {
            let json = serde_json::to_string(json).unwrap();
            format!(
                r#"{{"type":"content_block_delta","index":1,"delta":{{"type":"input_json_delta","partial_json":{json}}}}}"#
            )
        };
        let stop = r#"{"type":"content_block_stop","index":1}"#.to_owned();
        let seen = undone(&[&start("find"), &piece("{\"_t"), &piece("op\":1}"), &stop]);
        assert_eq!(seen, [start("find"), piece("{\"$top\":1}"), stop.clone()]);
        let seen = undone(&[&start("a_b"), &piece("{\"_t"), &stop]);
        assert_eq!(seen, [start("a.b"), piece("{\"_t"), stop]);
    }

    #[test]
    fn names_of_found_tools_come_back() {
        let found = |name: &str| {
            format!(
                r#"{{"type":"tool_search_tool_result","tool_use_id":"s","content":{{"type":"tool_search_tool_search_result","tool_references":[{{"type":"tool_reference","tool_name":"{name}"}},{{"type":"tool_reference","tool_name":"find"}}]}}}}"#
            )
        };
        let start = |name: &str| format!(r#"{{"type":"content_block_start","index":1,"content_block":{}}}"#, found(name));
        assert_eq!(undone(&[&start("a_b")]), [start("a.b")]);
        let whole = |name: &str| format!(r#"{{"id":"m","content":[{}]}}"#, found(name));
        assert_eq!(undoer("json_output").undo_whole(&whole("a_b")).unwrap(), whole("a.b"));
        let failed = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_search_tool_result","tool_use_id":"s","content":{"type":"tool_search_tool_result_error","error_code":"unavailable"}}}"#;
        assert_eq!(undone(&[failed]), [failed]);
    }

    #[test]
    fn the_answers_arguments_are_text() {
        let seen = undone(&[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"json_output","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
        ]);
        let expected = [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{}"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_answer_with_renamed_properties_comes_in_one_piece() {
        let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"find","input":{}}}"#;
        let piece = |json: &str| {
            format!(
                r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta","partial_json":"{json}"}}}}"#
            )
        };
        let stop = r#"{"type":"content_block_stop","index":0}"#;
        let seen = undone_by(undoer("find"), &[start, &piece(r#"{\"_t"#), &piece(r#"op\":1}"#), stop]);
        let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{\"$top\":1}"}}"#;
        assert_eq!(seen[1..], [text, stop]);
        let body = r#"{"id":"m","content":[{"type":"tool_use","id":"t","name":"find","input":{"_top":1}}]}"#;
        let expected = r#"{"id":"m","content":[{"type":"text","text":"{\"$top\":1}"}]}"#;
        assert_eq!(undoer("find").undo_whole(body).unwrap(), expected);
    }

    #[test]
    fn whole_replies_are_undone_alike() {
        let body = r#"{"id":"m","content":[{"type":"tool_use","id":"t","name":"find","input":{"_top":1e400}},{"type":"tool_use","id":"u","name":"json_output","input":{"a":1}}]}"#;
        let expected = r#"{"id":"m","content":[{"type":"tool_use","id":"t","name":"find","input":{"$top":1e400}},{"type":"text","text":"{\"a\":1}"}]}"#;
        assert_eq!(undoer("json_output").undo_whole(body).unwrap(), expected);
    }
}
