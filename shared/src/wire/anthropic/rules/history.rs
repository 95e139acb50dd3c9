//! What Claude asks of a conversation beside the order of turns that [`Turns`](crate::chat::Turns) gives it.

use crate::chat::request::{Message, Role};
use crate::chat::turns::{Piece, PieceKind};
use crate::wire::target::Target;

/// Whether the last assistant turn of which anything is sent, if it called tools, begins with a thought. `is_sent` is false for what
/// is left out.
pub fn can_resume<P: Piece>(turns: &[Message<P>], is_sent: impl Fn(&P) -> bool) -> bool {
    let mut answers = turns.iter().rev().filter(|turn| turn.role == Role::Assistant);
    let Some(last) = answers.find(|turn| turn.parts.iter().any(&is_sent)) else { return true };
    let calls = last.parts.iter().any(|part| matches!(part.kind(), PieceKind::Call(_)));
    !calls || last.parts.iter().find(|part| is_sent(part)).is_some_and(|first| first.kind() == PieceKind::Thought)
}

/// What the end of a conversation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing.
    Fine,
    /// The text that the model shall go on from must not end in white space.
    Trimmed,
    /// A turn of the user: from 4.6 on a trailing assistant message is refused.
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
