//! A reply as a sequence of events, and the grammar every decoder obeys: `Start (BlockStart Delta* BlockStop)* Finish`, at
//! most one block open; `Usage` and `Refusal` may come anywhere after `Start`.

use super::request::Signature;
use super::response::FinishReason;
use super::usage::Usage;

/// One step of a streamed reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The reply begins, with the provider's id and model name, and the usage known so far.
    Start {
        /// The provider's id of the reply.
        id: String,
        /// The provider's name of the model that answers.
        model: String,
        /// Usage known so far.
        usage: Usage,
    },
    /// A block opens.
    BlockStart(BlockStart),
    /// A piece of the open block.
    Delta(Delta),
    /// The open block is complete.
    BlockStop,
    /// Usage so far, cumulative: the last one wins.
    Usage(Usage),
    /// Why there is no answer: the text of the provider that blocked it, or of the model that refused. Never content. Pieces
    /// concatenate.
    Refusal(String),
    /// The reply is complete. Comes exactly once, last.
    Finish(FinishReason),
}

/// What kind of block opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockStart {
    /// Answer text.
    Text,
    /// Reasoning text.
    Reasoning,
    /// Reasoning that only the provider can read; complete at once.
    RedactedReasoning {
        /// The provider's opaque bytes, as it wrote them.
        data: Signature,
    },
    /// A tool call; its arguments follow as deltas.
    ToolCall {
        /// The provider's id of the call.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// A block that only its own format knows, such as the block of a server-side tool. It has no deltas.
    Opaque,
}

/// A piece of the open block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Answer text.
    Text(String),
    /// Reasoning text.
    Reasoning(String),
    /// The provider's opaque signature of the open block.
    Signature(Signature),
    /// A piece of a tool call's arguments, which are one JSON text when joined.
    Arguments(String),
    /// A source of the answer text.
    Citation(Citation),
}

/// A source that the answer cites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The URL of the source.
    pub url: String,
    /// Its title; empty if the provider names none.
    pub title: String,
    /// Where the citing text begins, in characters of the answer; 0 to 0 if the provider does not say.
    pub start: u64,
    /// Where the citing text ends.
    pub end: u64,
    /// The cited text of the source.
    pub text: Option<String>,
}

/// Checks a sequence of events against the grammar.
#[derive(Debug, Default)]
pub struct Grammar {
    started: bool,
    open: Option<BlockStart>,
    finished: bool,
}

impl Grammar {
    /// Checks the next event. The error names the broken rule.
    pub fn check(&mut self, event: &StreamEvent) -> Result<(), &'static str> {
        if self.finished {
            return Err("an event after Finish");
        }
        if !self.started && !matches!(event, StreamEvent::Start { .. }) {
            return Err("an event before Start");
        }
        match event {
            StreamEvent::Start { .. } if self.started => return Err("a second Start"),
            StreamEvent::Start { .. } => self.started = true,
            StreamEvent::BlockStart(_) if self.open.is_some() => return Err("a block opens while another is open"),
            StreamEvent::BlockStart(block) => self.open = Some(block.clone()),
            StreamEvent::Delta(delta) => self.check_delta(delta)?,
            StreamEvent::BlockStop => drop(self.open.take().ok_or("a block closes that is not open")?),
            StreamEvent::Usage(_) | StreamEvent::Refusal(_) => {}
            StreamEvent::Finish(_) if self.open.is_some() => return Err("Finish while a block is open"),
            StreamEvent::Finish(_) => self.finished = true,
        }
        Ok(())
    }

    /// True once the reply is complete.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    fn check_delta(&self, delta: &Delta) -> Result<(), &'static str> {
        let fits = match self.open {
            Some(BlockStart::Text) => matches!(delta, Delta::Text(_) | Delta::Citation(_)),
            Some(BlockStart::Reasoning) => matches!(delta, Delta::Reasoning(_) | Delta::Signature(_)),
            Some(BlockStart::ToolCall { .. }) => matches!(delta, Delta::Arguments(_) | Delta::Signature(_)),
            Some(BlockStart::RedactedReasoning { .. } | BlockStart::Opaque) | None => false,
        };
        fits.then_some(()).ok_or("a delta that does not belong to the open block")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> StreamEvent {
        StreamEvent::Start { id: "a".into(), model: "m".into(), usage: Usage::default() }
    }

    fn verdict(events: &[StreamEvent]) -> Result<(), &'static str> {
        let mut grammar = Grammar::default();
        events.iter().try_for_each(|event| grammar.check(event))
    }

    #[test]
    fn the_grammar_accepts_a_reply_and_names_each_broken_rule() {
        let text = || StreamEvent::BlockStart(BlockStart::Text);
        let word = || StreamEvent::Delta(Delta::Text("hi".into()));
        let stop = || StreamEvent::BlockStop;
        let finish = || StreamEvent::Finish(FinishReason::Stop);
        assert_eq!(verdict(&[start(), text(), word(), stop(), finish()]), Ok(()));
        for (events, rule) in [
            (vec![text()], "an event before Start"),
            (vec![start(), start()], "a second Start"),
            (vec![start(), text(), text()], "a block opens while another is open"),
            (vec![start(), word()], "a delta that does not belong to the open block"),
            (vec![start(), stop()], "a block closes that is not open"),
            (vec![start(), text(), finish()], "Finish while a block is open"),
            (vec![start(), finish(), finish()], "an event after Finish"),
        ] {
            assert_eq!(verdict(&events), Err(rule));
        }
    }
}
