//! Cuts a reply to the request's output limit.

use super::counting::count;
use super::reply::{Call, Finish};

/// A reply and its remaining tokens.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) thoughts: Vec<String>,
    pub(super) words: Vec<String>,
    pub(super) calls: Vec<Call>,
    pub(super) finish: Finish,
}

impl Said {
    /// Output tokens of the reply.
    pub(super) fn tokens(&self) -> u64 {
        counted(&self.thoughts) + counted(&self.words) + self.call_tokens()
    }

    /// Output tokens of the reasoning.
    pub(super) fn thought_tokens(&self) -> u64 {
        counted(&self.thoughts)
    }

    /// Removes what does not fit into this many tokens. A call is removed completely.
    pub(super) fn cut(mut self, limit: Option<u64>) -> Self {
        let Some(limit) = limit.filter(|limit| self.tokens() > *limit) else { return self };
        truncate(&mut self.thoughts, limit);
        truncate(&mut self.words, limit - counted(&self.thoughts));
        while self.tokens() > limit && self.calls.pop().is_some() {}
        self.finish = Finish::Length;
        self
    }

    fn call_tokens(&self) -> u64 {
        self.calls.iter().map(|call| 1 + count(&call.arguments)).sum()
    }
}

fn counted(pieces: &[String]) -> u64 {
    count(&pieces.concat())
}

/// Each piece contains one word at most.
fn truncate(pieces: &mut Vec<String>, words: u64) {
    pieces.truncate(usize::try_from(words).unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        let pieces = |text: &str| text.split_inclusive(' ').map(str::to_owned).collect();
        let call = || Call { name: "a".to_owned(), arguments: "{}".to_owned() };
        Said {
            thoughts: pieces("one two three"),
            words: pieces("four five"),
            calls: vec![call(), call()],
            finish: Finish::Call,
        }
    }

    #[test]
    fn reply_that_fits_is_left_alone() {
        for limit in [None, Some(9), Some(10)] {
            let said = said().cut(limit);
            assert_eq!((said.tokens(), said.finish), (9, Finish::Call));
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_from_the_end() {
        for (limit, thoughts, words, calls) in [(8, 3, 2, 1), (5, 3, 2, 0), (4, 3, 1, 0), (1, 1, 0, 0), (0, 0, 0, 0)] {
            let said = said().cut(Some(limit));
            assert_eq!((said.thoughts.len(), said.words.len(), said.calls.len()), (thoughts, words, calls), "{limit}");
            assert!(said.tokens() <= limit && said.finish == Finish::Length);
        }
    }
}
