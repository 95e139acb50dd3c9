//! Encodes events as the events of a Responses stream.
//!
//! The order is OpenAI's: `response.created`, `response.in_progress`; then for each item its addition, its pieces and its
//! end; then one of `response.completed`, `response.incomplete` and `response.failed`. The event that ends an item is sent
//! only when the next item or the finish reason comes, because only the finish reason says whether the last item is
//! complete.

mod block;
mod event;

use bytes::BytesMut;

use self::block::Block;
use self::event::{Event, Events, PartOut, write};
use super::error::{ErrorEvent, failure};
use super::item::{Annotation, Content, Item, Status, Summary};
use super::reply::{Items, id};
use super::response::{Echo, Response, State, incomplete, shows_thoughts, status};
use super::tool::{Kind, Named, Names};
use crate::chat::request::{JsonText, Place, ToolCall};
use crate::chat::{BlockStart, Delta, FinishReason, Part, StreamEvent, Usage};
use crate::document::Document;
use crate::error::GatewayError;
use crate::wire::{EventEncoder, ReplyContext};

/// Encodes one stream.
pub struct Encoder {
    context: ReplyContext,
    names: Names,
    echo: Echo,
    shows_thoughts: bool,
    events: Events,
    has_begun: bool,
    output: Vec<Item>,
    /// The block whose pieces are coming.
    open: Option<Block>,
    /// A complete block whose item ends when it is known what follows.
    whole: Option<Block>,
    refusal: String,
    usage: Option<Usage>,
}

/// Appends a keep-alive: a comment, which all stream readers skip.
pub fn ping(out: &mut BytesMut) {
    out.extend_from_slice(b": ping\n\n");
}

impl Encoder {
    /// Encodes the reply to a request.
    pub fn new(context: ReplyContext) -> Self {
        let body = context.asked.body.as_deref().map(Document::root);
        Self {
            names: body.map(Names::of).unwrap_or_default(),
            echo: Echo::of(body),
            shows_thoughts: shows_thoughts(body),
            events: Events::default(),
            has_begun: false,
            output: Vec::new(),
            open: None,
            whole: None,
            refusal: String::new(),
            usage: None,
            context,
        }
    }

    /// Appends an event that contains the whole response.
    fn show(&mut self, kind: &'static str, state: State<'_>, out: &mut BytesMut) {
        let response = Some(Response::new(&self.context, &self.echo, state));
        self.events.send(Event { kind, response, ..Event::default() }, out);
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.show("response.created", State::BEGUN, out);
            self.show("response.in_progress", State::BEGUN, out);
        }
    }

    fn open(&mut self, block: &BlockStart, out: &mut BytesMut) {
        let (part, tool) = match block {
            BlockStart::Text => (Part::Text { text: String::new(), cache: None }, None),
            BlockStart::Reasoning => (Part::Reasoning { text: String::new(), signature: None, place: Place::NOWHERE }, None),
            BlockStart::RedactedReasoning { data } => {
                (Part::RedactedReasoning { data: data.clone(), place: Place::NOWHERE }, None)
            }
            BlockStart::ToolCall { id, name } => {
                let (arguments, place) = (JsonText(String::new()), Place::NOWHERE);
                let call = ToolCall { id: id.clone(), name: name.clone(), arguments, signature: None, place };
                (Part::ToolCall(call), Some(self.names.get(name)))
            }
            BlockStart::Opaque => return,
        };
        let prefix = match (&part, &tool) {
            (_, Some(tool)) => tool.id_prefix(),
            (Part::Text { .. }, None) => "msg_",
            _ => "rs_",
        };
        let is_kept = matches!(part, Part::RedactedReasoning { .. }) && self.context.asked.thoughts.is_some();
        let says_something = tool.is_some() || is_kept;
        self.open = Some(Block { id: prefix.to_owned(), number: 0, part, annotations: Vec::new(), tool, is_added: false });
        if says_something {
            self.add(out);
        }
    }

    /// Adds the item of the open block, if it was not added. The item before it is complete.
    fn add(&mut self, out: &mut BytesMut) {
        if self.open.as_ref().is_none_or(|block| block.is_added) {
            return;
        }
        self.finish_item(Status::Completed, out);
        let Some(block) = &mut self.open else { return };
        (block.number, block.is_added) = (self.output.len(), true);
        block.id = id(&self.context, &block.id, block.number);
        let item = match (&block.part, &block.tool) {
            (Part::ToolCall(call), Some(tool)) => Item::call(&block.id, &call.id, tool, "", Status::InProgress),
            (Part::Text { .. }, _) => Item::message(&block.id, Status::InProgress, None),
            _ => Item::thought(&block.id, None, None),
        };
        let added = Event {
            kind: "response.output_item.added",
            output_index: Some(block.number),
            item: Some(&item),
            ..Event::default()
        };
        self.events.send(added, out);
        if matches!(block.part, Part::Text { .. }) {
            let part = Some(PartOut::Content(Content::text("")));
            self.events.send(Event { kind: "response.content_part.added", part, ..block.in_content() }, out);
        }
    }

    fn piece(&mut self, delta: &Delta, out: &mut BytesMut) {
        let keeps = self.context.asked.thoughts.is_some();
        let says_something = match delta {
            Delta::Text(text) | Delta::Arguments(text) => !text.is_empty(),
            Delta::Reasoning(text) => !text.is_empty() && (keeps || self.shows_thoughts),
            Delta::Signature(_) => keeps,
            Delta::Citation(_) => true,
        };
        if !says_something {
            return;
        }
        self.add(out);
        let Some(block) = &mut self.open else { return };
        if matches!(delta, Delta::Reasoning(_)) && self.shows_thoughts && block.has_no_words() {
            let part = Some(PartOut::Summary(Summary::SummaryText { text: String::new() }));
            self.events.send(Event { kind: "response.reasoning_summary_part.added", part, ..block.in_summary() }, out);
        }
        if let Delta::Citation(citation) = delta {
            let annotation = Annotation::of(citation);
            let annotation_index = Some(block.annotations.len());
            block.annotations.push(annotation.clone());
            let kind = "response.output_text.annotation.added";
            let added = Event { kind, annotation_index, annotation: Some(annotation), ..block.in_content() };
            return self.events.send(added, out);
        }
        block.take(delta);
        let event = match (delta, &block.tool) {
            (Delta::Text(text), _) => {
                let logprobs = Some([]);
                Event { kind: "response.output_text.delta", delta: Some(text), logprobs, ..block.in_content() }
            }
            (Delta::Reasoning(text), _) if self.shows_thoughts => {
                Event { kind: "response.reasoning_summary_text.delta", delta: Some(text), ..block.in_summary() }
            }
            (Delta::Arguments(text), Some(Named { kind: Kind::Function, .. })) => {
                Event { kind: "response.function_call_arguments.delta", delta: Some(text), ..block.event() }
            }
            _ => return,
        };
        self.events.send(event, out);
    }

    fn close(&mut self) {
        if let Some(block) = self.open.take_if(|block| block.is_added) {
            self.whole = Some(block);
        }
        self.open = None;
    }

    /// Ends the item of the complete block.
    fn finish_item(&mut self, status: Status, out: &mut BytesMut) {
        let Some(block) = self.whole.take() else { return };
        let items = Items { context: &self.context, names: &self.names, shows_thoughts: self.shows_thoughts };
        let Some(item) = items.item(&block.part, block.annotations.clone(), block.number, status) else { return };
        block.finish(&item, &mut self.events, out);
        self.done(item, out);
    }

    fn done(&mut self, item: Item, out: &mut BytesMut) {
        let output_index = Some(self.output.len());
        let done = Event { kind: "response.output_item.done", output_index, item: Some(&item), ..Event::default() };
        self.events.send(done, out);
        self.output.push(item);
    }

    /// Writes the refusal as a message of its own.
    fn refuse(&mut self, out: &mut BytesMut) {
        if self.refusal.is_empty() {
            return;
        }
        let (words, number) = (std::mem::take(&mut self.refusal), self.output.len());
        let items = Items { context: &self.context, names: &self.names, shows_thoughts: self.shows_thoughts };
        let (item_id, whole) = (id(&self.context, "msg_", number), items.refusal(&words, number));
        let begun = Item::message(&item_id, Status::InProgress, None);
        let output_index = Some(number);
        let added = Event { kind: "response.output_item.added", output_index, item: Some(&begun), ..Event::default() };
        self.events.send(added, out);
        let of_part =
            |kind| Event { kind, output_index, item_id: Some(&item_id), content_index: Some(0), ..Event::default() };
        let part = |words: &str| Some(PartOut::Content(Content::Refusal { refusal: words.to_owned() }));
        for event in [
            Event { part: part(""), ..of_part("response.content_part.added") },
            Event { delta: Some(&words), ..of_part("response.refusal.delta") },
            Event { refusal: Some(&words), ..of_part("response.refusal.done") },
            Event { part: part(&words), ..of_part("response.content_part.done") },
        ] {
            self.events.send(event, out);
        }
        self.done(whole, out);
    }

    fn end(&mut self, finish: &FinishReason, out: &mut BytesMut) {
        self.finish_item(status(finish), out);
        self.refuse(out);
        let kind = match status(finish) {
            Status::Incomplete => "response.incomplete",
            Status::Completed | Status::InProgress | Status::Failed => "response.completed",
        };
        let (output, usage) = (std::mem::take(&mut self.output), self.usage.take());
        let (status, incomplete) = (status(finish), incomplete(finish));
        self.show(kind, State { status, output: &output, usage: usage.as_ref(), incomplete, error: None }, out);
    }
}

impl EventEncoder for Encoder {
    fn ping(&self, out: &mut BytesMut) {
        ping(out);
    }

    /// Writes the error, then the failed response: some clients handle only the error, others only the failed response. An
    /// item that has not ended stays open.
    fn error(&mut self, error: &GatewayError, out: &mut BytesMut) {
        self.begin(out);
        self.finish_item(Status::Completed, out);
        let event = ErrorEvent::new(error, self.context.request, self.events.next());
        write("error", &event, out);
        let (output, usage) = (std::mem::take(&mut self.output), self.usage.take());
        let (status, error) = (Status::Failed, Some(failure(error)));
        let state = State { status, output: &output, usage: usage.as_ref(), incomplete: None, error };
        self.show("response.failed", state, out);
    }

    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut) {
        match event {
            StreamEvent::Start { usage, .. } => {
                self.usage = Some(*usage).filter(|usage| !usage.is_empty());
                self.begin(out);
            }
            StreamEvent::BlockStart(block) => self.open(block, out),
            StreamEvent::Delta(delta) => self.piece(delta, out),
            StreamEvent::BlockStop => self.close(),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Refusal(words) => self.refusal.push_str(words),
            StreamEvent::Finish(finish) => self.end(finish, out),
        }
    }
}
