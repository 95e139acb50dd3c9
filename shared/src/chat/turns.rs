//! Sorts a conversation for strict formats: instructions are separate, turns alternate, ids are unique, every tool call is
//! answered directly, and images are on the user's side.
//!
//! Clients trim, merge and reorder histories, and providers reject what does not match. Each repair is local to a turn, so
//! the encoding of a longer history starts with that of the shorter one. The repairs are the same for parts of a
//! conversation and for blocks of a forwarded request: both are pieces.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::request::{Message, Part, Place, Role, Signature, Source, ToolCall, ToolResult};
use super::unique::Unique;

/// Replaces the result of a call that the client lost.
pub const LOST_RESULT: &str = "No result was recorded for this call.";
/// Opens or continues a conversation that lacks a required user turn.
pub const CONTINUE: &str = "Continue.";
/// Precedes a result whose call is not in the previous turn.
pub const EARLIER_RESULT: &str = "Result of an earlier tool call:";

/// The kind of a piece in the order of turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceKind<'p> {
    /// A text of white space only: strict formats reject it, and it means nothing in others.
    Blank,
    /// A text.
    Text,
    /// An image, a document or audio, which only the user can send.
    Media,
    /// Reasoning, which only the assistant can have.
    Thought,
    /// A tool call with this id.
    Call(Cow<'p, str>),
    /// The result of the call with this id.
    Result(Cow<'p, str>),
}

/// A piece of a message, as the order of turns sees it.
pub trait Piece: Sized {
    /// The kind of the piece, and the id of a call or a result.
    fn kind(&self) -> PieceKind<'_>;

    /// A text that the gateway adds.
    fn own_text(text: &str) -> Self;

    /// A result that replaces a missing one.
    fn lost_result(call_id: &str) -> Self;

    /// Gives a call or a result another id.
    fn set_id(&mut self, id: String);

    /// An instruction between turns, as a part of a user turn.
    #[must_use]
    fn into_reminder(self) -> Self;

    /// The content of a result, if it answers no call of the previous turn.
    fn into_content(self) -> Vec<Self>;
}

/// How a target spells call ids. Equal ids get equal spellings.
pub type IdRule = fn(&str) -> String;

/// Instructions and turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Turns<P = Part> {
    /// The texts of system messages before the first turn.
    pub system: Vec<P>,
    /// User and assistant turns, alternating, user first.
    pub turns: Vec<Message<P>>,
    /// Pieces without a meaning in their position: reasoning and calls in user turns, results in assistant turns, reasoning
    /// without an answer.
    pub left_out: Vec<P>,
}

impl<P: Piece> Turns<P> {
    /// Sorts a conversation. A system message between turns becomes a marked text of the user turn before it: moving it to
    /// the front would change its meaning and break the prompt cache.
    pub fn of(messages: Vec<Message<P>>, ids: IdRule) -> Self {
        let mut turns = Self { system: Vec::new(), turns: Vec::new(), left_out: Vec::new() };
        let mut shown = Vec::new();
        for Message { role, parts } in messages {
            match role {
                Role::System if turns.turns.is_empty() => turns.instruct(parts, &mut shown),
                Role::System => turns.add(Role::User, parts.into_iter().map(P::into_reminder).collect()),
                Role::User => turns.add(Role::User, std::mem::take(&mut shown).into_iter().chain(parts).collect()),
                Role::Assistant => {
                    // Images that the model drew are shown to it again by the user.
                    let (media, own) = parts.into_iter().partition(|part| part.kind() == PieceKind::Media);
                    turns.add(Role::User, std::mem::take(&mut shown));
                    turns.add(Role::Assistant, own);
                    shown = media;
                }
            }
        }
        turns.add(Role::User, shown);
        turns.pair_results(ids);
        if turns.turns.first().is_none_or(|turn| turn.role == Role::Assistant) {
            turns.turns.insert(0, Message { role: Role::User, parts: vec![P::own_text(CONTINUE)] });
        }
        turns
    }

    /// Whether the conversation ends with the assistant, whose answer a model would continue.
    pub fn is_begun(&self) -> bool {
        self.turns.last().is_some_and(|last| last.role == Role::Assistant)
    }

    /// Adds a user message that asks for the rest of a begun answer, for models that do not continue an answer.
    pub fn end_with_user(&mut self) {
        if self.is_begun() {
            self.turns.push(Message { role: Role::User, parts: vec![P::own_text(CONTINUE)] });
        }
    }

    /// Removes assistant turns that contain only reasoning, for models that reject an answer without content.
    pub fn drop_bare_reasoning(&mut self) {
        let is_bare = |turn: &Message<P>| turn.parts.iter().all(|part| part.kind() == PieceKind::Thought);
        for turn in std::mem::take(&mut self.turns) {
            match self.turns.last_mut() {
                _ if turn.role == Role::Assistant && is_bare(&turn) => self.left_out.extend(turn.parts),
                Some(last) if last.role == turn.role => last.parts.extend(turn.parts),
                Some(_) | None => self.turns.push(turn),
            }
        }
    }

    /// Removes reasoning at the end of a conversation that ends with the assistant, because a model cannot continue it as an
    /// answer.
    pub fn drop_trailing_reasoning(&mut self) {
        let Some(last) = self.turns.last_mut().filter(|last| last.role == Role::Assistant) else { return };
        while let Some(thought) = last.parts.pop_if(|part| part.kind() == PieceKind::Thought) {
            self.left_out.push(thought);
        }
        if last.parts.is_empty() {
            self.turns.pop();
        }
    }

    /// Takes a leading system message: its texts are instructions, and its images open the first user turn.
    fn instruct(&mut self, parts: Vec<P>, shown: &mut Vec<P>) {
        for part in parts {
            match part.kind() {
                PieceKind::Blank => {}
                PieceKind::Text => self.system.push(part),
                PieceKind::Media => shown.push(part),
                PieceKind::Thought | PieceKind::Call(_) | PieceKind::Result(_) => self.left_out.push(part),
            }
        }
    }

    fn add(&mut self, role: Role, parts: Vec<P>) {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match (part.kind(), role) {
                (PieceKind::Blank, _) => {}
                (PieceKind::Thought | PieceKind::Call(_), Role::User | Role::System)
                | (PieceKind::Result(_), Role::Assistant) => self.left_out.push(part),
                (PieceKind::Text | PieceKind::Media | PieceKind::Thought | PieceKind::Call(_) | PieceKind::Result(_), _) => {
                    kept.push(part);
                }
            }
        }
        match self.turns.last_mut() {
            _ if kept.is_empty() => {}
            Some(last) if last.role == role => last.parts.extend(kept),
            Some(_) | None => self.turns.push(Message { role, parts: kept }),
        }
    }

    /// Puts the results of each assistant turn first into the next user turn, in the order of the calls. A missing result is
    /// added as an error; a result without a call becomes text in its position.
    fn pair_results(&mut self, rule: IdRule) {
        let mut ids = CallIds { rule, ids: Unique::default() };
        let mut paired = Vec::with_capacity(self.turns.len());
        let mut waiting: Vec<Waiting> = Vec::new();
        for Message { role, mut parts } in std::mem::take(&mut self.turns) {
            if role == Role::Assistant {
                if !waiting.is_empty() {
                    paired.push(Message { role: Role::User, parts: answer(&mut waiting, Vec::new()) });
                }
                waiting = parts.iter_mut().filter_map(|part| ids.settle(part)).collect();
            } else {
                parts = answer(&mut waiting, parts);
            }
            paired.push(Message { role, parts });
        }
        if !waiting.is_empty() {
            paired.push(Message { role: Role::User, parts: answer(&mut waiting, Vec::new()) });
        }
        self.turns = paired;
    }
}

/// A call that waits for its result.
struct Waiting {
    /// The client's id.
    asked: String,
    /// The target's id.
    sent: String,
}

/// The call ids so far: a repeated or empty one gets a number.
struct CallIds {
    rule: IdRule,
    ids: Unique,
}

impl CallIds {
    /// Gives a call its id; `None` for other pieces.
    fn settle<P: Piece>(&mut self, part: &mut P) -> Option<Waiting> {
        let PieceKind::Call(asked) = part.kind() else { return None };
        let asked = asked.into_owned();
        let base = (self.rule)(if asked.is_empty() { "call" } else { &asked });
        let sent = if !asked.is_empty() && self.ids.take(&base) {
            base
        } else {
            self.ids.take_numbered(base.clone(), |number| (self.rule)(&format!("{base}_{number}")))
        };
        if sent != asked {
            part.set_id(sent.clone());
        }
        Some(Waiting { asked, sent })
    }
}

/// The position of the result of each waiting call. Results with the same id answer the calls in order.
fn results<P: Piece>(waiting: &[Waiting], parts: &[P]) -> Vec<Option<usize>> {
    let mut by_id: HashMap<Cow<'_, str>, VecDeque<usize>> = HashMap::new();
    for (at, part) in parts.iter().enumerate() {
        if let PieceKind::Result(id) = part.kind() {
            by_id.entry(id).or_default().push_back(at);
        }
    }
    waiting.iter().map(|call| by_id.get_mut(call.asked.as_str()).and_then(VecDeque::pop_front)).collect()
}

fn answer<P: Piece>(waiting: &mut Vec<Waiting>, parts: Vec<P>) -> Vec<P> {
    let results = results(waiting, &parts);
    let mut parts: Vec<Option<P>> = parts.into_iter().map(Some).collect();
    let mut answered: Vec<P> = Vec::with_capacity(waiting.len().saturating_add(parts.len()));
    for (Waiting { asked, sent }, at) in waiting.drain(..).zip(results) {
        let result = at.and_then(|at| parts.get_mut(at)).and_then(Option::take);
        let mut result = result.unwrap_or_else(|| P::lost_result(&sent));
        if sent != asked {
            result.set_id(sent);
        }
        answered.push(result);
    }
    for part in parts.into_iter().flatten() {
        if matches!(part.kind(), PieceKind::Result(_)) {
            answered.push(P::own_text(EARLIER_RESULT));
            answered.extend(part.into_content().into_iter().filter(|part| part.kind() != PieceKind::Blank));
        } else {
            answered.push(part);
        }
    }
    answered
}

/// A text without a cache mark.
pub fn text(text: &str) -> Part {
    Part::Text { text: text.to_owned(), cache: None }
}

/// The text of an instruction between turns.
pub fn reminder(text: &str) -> String {
    format!("<system-reminder>\n{text}\n</system-reminder>")
}

impl Piece for Part {
    fn kind(&self) -> PieceKind<'_> {
        match self {
            Self::Text { text, .. } if text.trim().is_empty() => PieceKind::Blank,
            Self::Document { source: Source::Text(text), title, .. }
                if text.trim().is_empty() && title.as_deref().is_none_or(|title| title.trim().is_empty()) =>
            {
                PieceKind::Blank
            }
            Self::Text { .. } => PieceKind::Text,
            Self::Image { .. } | Self::Document { .. } | Self::Audio { .. } => PieceKind::Media,
            Self::Reasoning { .. } | Self::RedactedReasoning { .. } => PieceKind::Thought,
            Self::ToolCall(call) => PieceKind::Call(Cow::Borrowed(&call.id)),
            Self::ToolResult(result) => PieceKind::Result(Cow::Borrowed(&result.call_id)),
        }
    }

    fn own_text(text: &str) -> Self {
        self::text(text)
    }

    fn lost_result(call_id: &str) -> Self {
        Self::ToolResult(ToolResult {
            call_id: call_id.to_owned(),
            content: vec![text(LOST_RESULT)],
            is_error: true,
            cache: None,
            place: Place::default(),
        })
    }

    fn set_id(&mut self, id: String) {
        match self {
            Self::ToolCall(ToolCall { id: known, .. }) | Self::ToolResult(ToolResult { call_id: known, .. }) => *known = id,
            Self::Text { .. }
            | Self::Image { .. }
            | Self::Document { .. }
            | Self::Audio { .. }
            | Self::Reasoning { .. }
            | Self::RedactedReasoning { .. } => {}
        }
    }

    fn into_reminder(self) -> Self {
        match self {
            Self::Text { text, cache } if !text.trim().is_empty() => Self::Text { text: reminder(&text), cache },
            other @ (Self::Text { .. }
            | Self::Image { .. }
            | Self::Document { .. }
            | Self::Audio { .. }
            | Self::Reasoning { .. }
            | Self::RedactedReasoning { .. }
            | Self::ToolCall(_)
            | Self::ToolResult(_)) => other,
        }
    }

    fn into_content(self) -> Vec<Self> {
        match self {
            // A mark on the result marks the end of its content.
            Self::ToolResult(mut result) => {
                if let Some(Self::Text { cache, .. } | Self::Image { cache, .. } | Self::Document { cache, .. }) =
                    result.content.last_mut()
                {
                    *cache = result.cache.or(*cache);
                }
                result.content
            }
            other @ (Self::Text { .. }
            | Self::Image { .. }
            | Self::Document { .. }
            | Self::Audio { .. }
            | Self::Reasoning { .. }
            | Self::RedactedReasoning { .. }
            | Self::ToolCall(_)) => vec![other],
        }
    }
}

impl Part {
    /// Its position in the client's request. Texts have none, because they are never dropped.
    pub const fn place(&self) -> Place {
        match self {
            Self::Text { .. } => Place::NOWHERE,
            Self::Image { place, .. }
            | Self::Document { place, .. }
            | Self::Audio { place, .. }
            | Self::Reasoning { place, .. }
            | Self::RedactedReasoning { place, .. }
            | Self::ToolCall(ToolCall { place, .. })
            | Self::ToolResult(ToolResult { place, .. }) => *place,
        }
    }

    /// The signature of reasoning; `None` for unsigned reasoning and for other parts.
    pub const fn reasoning_signature(&self) -> Option<&Signature> {
        match self {
            Self::Reasoning { signature, .. } => signature.as_ref(),
            Self::RedactedReasoning { data, .. } => Some(data),
            Self::Text { .. }
            | Self::Image { .. }
            | Self::Document { .. }
            | Self::Audio { .. }
            | Self::ToolCall(_)
            | Self::ToolResult(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::request::{JsonText, ToolCall};

    fn turns(messages: Vec<Message>) -> Turns {
        Turns::of(messages, str::to_owned)
    }

    fn user(parts: Vec<Part>) -> Message {
        message(Role::User, parts)
    }

    fn call(id: &str) -> Part {
        let arguments = JsonText("{}".to_owned());
        Part::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments,
            signature: None,
            place: Place::NOWHERE,
        })
    }

    fn result(id: &str) -> Part {
        Part::ToolResult(ToolResult {
            call_id: id.to_owned(),
            content: vec![text(id)],
            is_error: false,
            cache: None,
            place: Place::NOWHERE,
        })
    }

    fn message(role: Role, parts: Vec<Part>) -> Message {
        Message { role, parts }
    }

    #[test]
    fn thousands_of_calls_with_one_id_and_their_results_are_paired_at_once() {
        const CALLS: usize = 20_000;
        let parts = |part: fn() -> Part| std::iter::repeat_with(part).take(CALLS).collect();
        let messages = vec![
            Message { role: Role::User, parts: vec![text("a")] },
            Message { role: Role::Assistant, parts: parts(|| call("a")) },
            Message { role: Role::User, parts: parts(|| result("a")) },
        ];
        let started = std::time::Instant::now();
        let turns = Turns::of(messages, str::to_owned).turns;
        // Comparing each with each takes minutes in this build.
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
        let id = |part: &Part| {
            let (PieceKind::Call(id) | PieceKind::Result(id)) = part.kind() else { panic!("{part:?}") };
            id.into_owned()
        };
        let ids = |turn: &Message| turn.parts.iter().map(id).collect::<Vec<_>>();
        assert_eq!(ids(&turns[1])[CALLS - 1], "a_20000");
        assert_eq!(ids(&turns[1]), ids(&turns[2]));
    }

    #[test]
    fn results_come_first_in_the_order_of_their_calls_and_gaps_are_filled() {
        let sorted = turns(vec![
            user(vec![text("go")]),
            message(Role::Assistant, vec![text(""), call("a"), call("b"), call("c")]),
            user(vec![result("b")]),
            user(vec![text("also"), result("a"), result("x")]),
        ]);
        let lost = ToolResult {
            call_id: "c".into(),
            content: vec![text(LOST_RESULT)],
            is_error: true,
            cache: None,
            place: Place::NOWHERE,
        };
        let expected = [
            result("a"),
            result("b"),
            Part::ToolResult(lost),
            text("also"),
            text("Result of an earlier tool call:"),
            text("x"),
        ];
        assert_eq!(sorted.turns[1].parts, [call("a"), call("b"), call("c")]);
        assert_eq!(sorted.turns[2].parts, expected);
        assert_eq!(sorted.turns.len(), 3);
    }

    #[test]
    fn unanswered_calls_get_a_result_before_the_next_turn_and_at_the_end() {
        let sorted = turns(vec![user(vec![text("go")]), message(Role::Assistant, vec![call("a")])]);
        assert!(matches!(&sorted.turns[2].parts[0], Part::ToolResult(result) if result.is_error));
    }

    #[test]
    fn leading_instructions_are_apart_and_later_ones_stay_where_they_are() {
        let sorted = turns(vec![
            message(Role::System, vec![text("a")]),
            message(Role::System, vec![text("b")]),
            user(vec![text("hi")]),
            message(Role::System, vec![text("late")]),
        ]);
        assert_eq!(sorted.system, [text("a"), text("b")]);
        assert_eq!(sorted.turns, [user(vec![text("hi"), text("<system-reminder>\nlate\n</system-reminder>")])]);
    }

    #[test]
    fn reasoning_without_an_answer_is_dropped_everywhere_or_only_at_the_end() {
        let thought = || Part::Reasoning { text: "hm".to_owned(), signature: None, place: Place::NOWHERE };
        let history = || {
            turns(vec![
                user(vec![text("a")]),
                message(Role::Assistant, vec![thought()]),
                user(vec![text("b")]),
                message(Role::Assistant, vec![thought(), text("c"), thought()]),
            ])
        };
        let mut sorted = history();
        sorted.drop_bare_reasoning();
        let answer = message(Role::Assistant, vec![thought(), text("c"), thought()]);
        assert_eq!(sorted.turns, [user(vec![text("a"), text("b")]), answer]);
        let mut sorted = history();
        sorted.drop_trailing_reasoning();
        assert_eq!(sorted.turns[3], message(Role::Assistant, vec![thought(), text("c")]));
        assert_eq!((sorted.turns.len(), sorted.left_out), (4, vec![thought()]));
        let mut sorted = turns(vec![user(vec![text("a")]), message(Role::Assistant, vec![thought()])]);
        sorted.drop_trailing_reasoning();
        assert_eq!((sorted.turns, sorted.left_out), (vec![user(vec![text("a")])], vec![thought()]));
    }

    #[test]
    fn a_conversation_starts_with_the_user() {
        assert_eq!(turns(Vec::new()).turns, [user(vec![text(CONTINUE)])]);
        let sorted = turns(vec![message(Role::Assistant, vec![text("hello")])]);
        assert_eq!(sorted.turns.len(), 2);
    }

    #[test]
    fn an_id_that_comes_again_gets_a_number_and_so_does_its_result() {
        let sorted = turns(vec![
            user(vec![text("go")]),
            message(Role::Assistant, vec![call("a"), call("a"), call("")]),
            user(vec![result("a"), result("a"), result("")]),
            message(Role::Assistant, vec![call("a"), call("b")]),
            user(vec![result("b"), result("a")]),
        ]);
        let ids = |turn: &Message| {
            let id = |part: &Part| match part.kind() {
                PieceKind::Call(id) | PieceKind::Result(id) => id.into_owned(),
                PieceKind::Blank | PieceKind::Text | PieceKind::Media | PieceKind::Thought => String::new(),
            };
            turn.parts.iter().map(id).collect::<Vec<_>>()
        };
        let ids: Vec<_> = sorted.turns[1..].iter().map(ids).collect();
        let (first, second) = (["a", "a_2", "call_2"], ["a_3", "b"]);
        assert_eq!(ids, [first.to_vec(), first.to_vec(), second.to_vec(), second.to_vec()]);
        assert!(matches!(&sorted.turns[2].parts[2], Part::ToolResult(result) if !result.is_error));
    }

    #[test]
    fn pictures_of_the_model_and_of_instructions_move_to_the_next_user_turn() {
        let picture = |url: &str| Part::Image {
            source: crate::chat::request::Source::Url(url.to_owned()),
            cache: None,
            place: Place::NOWHERE,
        };
        let sorted = turns(vec![
            message(Role::System, vec![text("style"), picture("s")]),
            user(vec![text("draw")]),
            message(Role::Assistant, vec![picture("a")]),
            user(vec![text("what?")]),
            message(Role::Assistant, vec![text("so"), call("c"), picture("b")]),
            user(vec![result("c")]),
        ]);
        assert_eq!(sorted.system, [text("style")]);
        let expected = [
            user(vec![picture("s"), text("draw"), picture("a"), text("what?")]),
            message(Role::Assistant, vec![text("so"), call("c")]),
            user(vec![result("c"), picture("b")]),
        ];
        assert_eq!(sorted.turns, expected);
    }
}
