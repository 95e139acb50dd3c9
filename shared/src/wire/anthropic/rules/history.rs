//! What Claude requires of a conversation in addition to the order of turns from [`Turns`](crate::chat::Turns).

use super::thinking::{Obstacle, Plan, Told};
use crate::chat::request::{Message, Role, ToolChoice};
use crate::chat::turns::{Piece, PieceKind};
use crate::wire::target::Target;

/// Whether the last assistant turn with sent content, if it called tools, begins with reasoning. `is_sent` is false for
/// dropped content.
fn can_resume<P: Piece>(turns: &[Message<P>], is_sent: impl Fn(&P) -> bool) -> bool {
    let mut answers = turns.iter().rev().filter(|turn| turn.role == Role::Assistant);
    let Some(last) = answers.find(|turn| turn.parts.iter().any(&is_sent)) else { return true };
    !calls(last) || last.parts.iter().find(|part| is_sent(part)).is_some_and(|first| first.kind() == PieceKind::Thought)
}

/// Whether a turn calls tools.
fn calls<P: Piece>(turn: &Message<P>) -> bool {
    turn.parts.iter().any(|part| matches!(part.kind(), PieceKind::Call(_)))
}

/// The content of a result that reports an error without a word. Claude rejects such a result
/// (bytedance/trae-agent#231).
pub const FAILED: &str = "The tool failed without a message.";

/// The first text of a failed result with images or documents, which is not sent as an error: Claude accepts only texts in
/// an error (vellum-ai/vellum-assistant#18387).
pub const FAILED_WITH: &str = "The tool failed. Its result:";

/// The first reason, in the tool choice or in the turns, why the model cannot reason by budget.
pub fn obstacle<P: Piece>(
    choice: &ToolChoice,
    turns: &[Message<P>],
    is_sent: impl Fn(&P) -> bool,
    target: &Target<'_>,
) -> Option<Obstacle> {
    let last = turns.iter().rev().find(|turn| turn.parts.iter().any(&is_sent));
    let is_begun = target.capabilities.prefill && last.is_some_and(|last| last.role == Role::Assistant);
    if choice.is_forced() {
        Some(Obstacle::ForcedCall)
    } else if is_begun {
        Some(Obstacle::BegunAnswer)
    } else {
        (!can_resume(turns, is_sent)).then_some(Obstacle::UnsignedToolTurn)
    }
}

/// The indexes of the turns whose reasoning is not sent. A model that does not reason rejects the reasoning of a begun
/// answer and of an open tool turn (tailcallhq/forgecode#1195, #1853), and ignores the reasoning of earlier turns. The
/// reasoning of every tool turn is left out, so that a turn stays the same when the conversation grows, and a cached prompt
/// matches. A model that reasons by budget rejects reasoning in a turn that does not begin with it
/// (anthropics/claude-code#20705, OpenHands/software-agent-sdk#738).
pub fn without_thoughts<P: Piece>(turns: &[Message<P>], plan: &Plan, is_sent: impl Fn(&P) -> bool) -> Vec<usize> {
    let first =
        |turn: &Message<P>| turn.parts.iter().find(|part| is_sent(part)).map(|first| first.kind() == PieceKind::Thought);
    let answers = turns.iter().enumerate().filter(|(_, turn)| turn.role == Role::Assistant);
    match (plan.thinks, plan.told) {
        (true, Told::Budget(_)) => answers.filter(|(_, turn)| first(turn) == Some(false)).map(|(at, _)| at).collect(),
        (true, _) => Vec::new(),
        (false, _) => {
            let is_open = |(at, turn): &(usize, &Message<P>)| at.saturating_add(1) == turns.len() || calls(turn);
            answers.filter(is_open).map(|(at, _)| at).collect()
        }
    }
}

/// Whether a system message stays one: between a user turn and an assistant turn, or at the end after a user turn
/// (platform.claude.com, mid-conversation system messages). Elsewhere, and if the model rejects the role, it becomes a
/// marked user text. Turns without sent content do not count.
pub fn stays_system<P: Piece>(
    before: Option<&Message<P>>,
    after: Option<&Message<P>>,
    is_sent: impl Fn(&P) -> bool,
    target: &Target<'_>,
) -> bool {
    let says = |message: &Message<P>, role: Role| {
        let is_of_role = |part: &P| match part.kind() {
            PieceKind::Text => true,
            PieceKind::Media | PieceKind::Result(_) => role == Role::User,
            PieceKind::Call(_) => role == Role::Assistant,
            PieceKind::Blank | PieceKind::Thought => false,
        };
        message.role == role && message.parts.iter().any(|part| is_sent(part) && is_of_role(part))
    };
    target.capabilities.system_turns
        && before.is_some_and(|before| says(before, Role::User))
        && after.is_none_or(|after| says(after, Role::Assistant))
}

/// What the end of a conversation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing.
    Fine,
    /// The prefilled text must not end in white space.
    Trimmed,
    /// A user turn: from 4.6 on, a trailing assistant message is rejected.
    UserTurn,
}

/// What the end of these turns needs.
pub fn ending<P>(turns: &[Message<P>], target: &Target<'_>) -> Ending {
    match turns.last() {
        Some(last) if last.role == Role::Assistant && !target.capabilities.prefill => Ending::UserTurn,
        Some(last) if last.role == Role::Assistant => Ending::Trimmed,
        Some(_) | None => Ending::Fine,
    }
}
