//! A conversation as strict formats want it: instructions apart, turns that alternate, every tool call answered at once.
//!
//! Clients trim, merge and reorder histories; providers refuse what does not pair. The repairs are local to a turn, so the encoding
//! of a longer history starts with that of the shorter one.

use super::request::{Message, Part, Role, ToolResult};

/// What stands in for a result that the client lost.
const LOST_RESULT: &str = "No result was recorded for this call.";
/// What opens or goes on with a conversation that has no user turn where one must be.
pub const CONTINUE: &str = "Continue.";

/// Instructions and turns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turns {
    /// The system messages that come before the first turn.
    pub system: Vec<Part>,
    /// User and assistant turns, alternating, the user first.
    pub turns: Vec<Message>,
}

impl Turns {
    /// Sorts a conversation. A system message in its middle becomes a marked text of the user turn before it: moving it to the
    /// front would change its meaning and break the prompt cache.
    pub fn of(messages: Vec<Message>) -> Self {
        let mut turns = Self::default();
        for Message { role, parts } in messages {
            match role {
                Role::System if turns.turns.is_empty() => turns.system.extend(parts),
                Role::System => turns.add(Role::User, parts.into_iter().map(reminder).collect()),
                Role::User | Role::Assistant => turns.add(role, parts),
            }
        }
        turns.system.retain(says_something);
        turns.pair_results();
        if turns.turns.first().is_none_or(|turn| turn.role == Role::Assistant) {
            turns.turns.insert(0, user(vec![text(CONTINUE)]));
        }
        turns
    }

    fn add(&mut self, role: Role, parts: Vec<Part>) {
        let parts: Vec<Part> = parts.into_iter().filter(says_something).collect();
        if parts.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            Some(_) | None => self.turns.push(Message { role, parts }),
        }
    }

    /// Puts the results of each assistant turn first into the next user turn, in the order of the calls; a missing one is made up
    /// as an error, one without a call becomes text.
    fn pair_results(&mut self) {
        let mut paired = Vec::with_capacity(self.turns.len());
        let mut waiting: Vec<String> = Vec::new();
        for turn in std::mem::take(&mut self.turns) {
            match turn.role {
                Role::User | Role::System => paired.push(user(answer(&mut waiting, turn.parts))),
                Role::Assistant => {
                    if !waiting.is_empty() {
                        paired.push(user(answer(&mut waiting, Vec::new())));
                    }
                    let ids = turn
                        .parts
                        .iter()
                        .filter_map(|part| if let Part::ToolCall(call) = part { Some(call.id.clone()) } else { None });
                    waiting = ids.collect();
                    paired.push(turn);
                }
            }
        }
        if !waiting.is_empty() {
            paired.push(user(answer(&mut waiting, Vec::new())));
        }
        self.turns = paired;
    }
}

fn answer(waiting: &mut Vec<String>, parts: Vec<Part>) -> Vec<Part> {
    let (mut results, mut rest) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::ToolResult(result) => results.push(result),
            Part::Text { .. } | Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } => rest.push(part),
            Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => {}
        }
    }
    let mut answered: Vec<Part> = Vec::with_capacity(waiting.len());
    for id in waiting.drain(..) {
        let position = results.iter().position(|result| result.call_id == id);
        let lost = || ToolResult { call_id: id.clone(), content: vec![text(LOST_RESULT)], is_error: true, cache: None };
        answered.push(Part::ToolResult(position.map_or_else(lost, |position| results.remove(position))));
    }
    let orphans = results
        .into_iter()
        .flat_map(|orphan| std::iter::once(text("Result of an earlier tool call:")).chain(orphan.content));
    answered.extend(orphans);
    answered.extend(rest);
    answered
}

fn user(parts: Vec<Part>) -> Message {
    Message { role: Role::User, parts }
}

/// A text without a cache mark.
pub fn text(text: &str) -> Part {
    Part::Text { text: text.to_owned(), cache: None }
}

fn reminder(part: Part) -> Part {
    match part {
        Part::Text { text, cache } => {
            let text = if text.is_empty() { text } else { format!("<system-reminder>\n{text}\n</system-reminder>") };
            Part::Text { text, cache }
        }
        other @ (Part::Image { .. }
        | Part::Document { .. }
        | Part::Audio { .. }
        | Part::Reasoning { .. }
        | Part::RedactedReasoning { .. }
        | Part::ToolCall(_)
        | Part::ToolResult(_)) => other,
    }
}

/// Blank texts are refused by strict formats and mean nothing in the others.
fn says_something(part: &Part) -> bool {
    !matches!(part, Part::Text { text, .. } if text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::request::{JsonText, ToolCall};

    fn call(id: &str) -> Part {
        let arguments = JsonText("{}".to_owned());
        Part::ToolCall(ToolCall { id: id.to_owned(), name: "f".to_owned(), arguments, signature: None })
    }

    fn result(id: &str) -> Part {
        Part::ToolResult(ToolResult { call_id: id.to_owned(), content: vec![text(id)], is_error: false, cache: None })
    }

    fn message(role: Role, parts: Vec<Part>) -> Message {
        Message { role, parts }
    }

    #[test]
    fn results_come_first_in_the_order_of_their_calls_and_gaps_are_filled() {
        let turns = Turns::of(vec![
            user(vec![text("go")]),
            message(Role::Assistant, vec![text(""), call("a"), call("b"), call("c")]),
            user(vec![result("b")]),
            user(vec![text("also"), result("a"), result("x")]),
        ]);
        let lost = ToolResult { call_id: "c".into(), content: vec![text(LOST_RESULT)], is_error: true, cache: None };
        let expected = [
            result("a"),
            result("b"),
            Part::ToolResult(lost),
            text("Result of an earlier tool call:"),
            text("x"),
            text("also"),
        ];
        assert_eq!(turns.turns[1].parts, [call("a"), call("b"), call("c")]);
        assert_eq!(turns.turns[2].parts, expected);
        assert_eq!(turns.turns.len(), 3);
    }

    #[test]
    fn calls_that_nobody_answered_are_answered_before_the_next_turn_and_at_the_end() {
        let turns = Turns::of(vec![user(vec![text("go")]), message(Role::Assistant, vec![call("a")])]);
        assert!(matches!(&turns.turns[2].parts[0], Part::ToolResult(result) if result.is_error));
    }

    #[test]
    fn leading_instructions_are_apart_and_later_ones_stay_where_they_are() {
        let turns = Turns::of(vec![
            message(Role::System, vec![text("a")]),
            message(Role::System, vec![text("b")]),
            user(vec![text("hi")]),
            message(Role::System, vec![text("late")]),
        ]);
        assert_eq!(turns.system, [text("a"), text("b")]);
        assert_eq!(turns.turns, [user(vec![text("hi"), text("<system-reminder>\nlate\n</system-reminder>")])]);
    }

    #[test]
    fn a_conversation_starts_with_the_user() {
        assert_eq!(Turns::of(Vec::new()).turns, [user(vec![text(CONTINUE)])]);
        let turns = Turns::of(vec![message(Role::Assistant, vec![text("hello")])]);
        assert_eq!(turns.turns.len(), 2);
    }
}
