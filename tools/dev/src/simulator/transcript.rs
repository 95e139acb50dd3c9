//! The texts of a conversation that the simulator needs.

use super::marker::has_marker;

/// The texts of a conversation, added message by message.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The size of all texts.
    pub(super) bytes: usize,
    /// The text of the last user message that has text.
    pub(super) user_text: String,
    /// The text of the last user message that has a marker.
    pub(super) marked_text: String,
    /// The tool results, if the last message has any.
    pub(super) tool_result: Option<String>,
    /// The number of tool results in the whole conversation.
    pub(super) tool_results: usize,
}

impl Transcript {
    /// Text of the system or the assistant, which is only counted.
    pub(super) fn other(&mut self, texts: &[&str]) {
        self.tool_result = None;
        self.count(texts);
    }

    /// A user message.
    pub(super) fn user(&mut self, texts: &[&str]) {
        self.tool_result = None;
        self.count(texts);
        // Clients append reminders to the user's text, so the marker may not be in the last part.
        let marked = texts.iter().rev().find(|text| has_marker(text));
        if let Some(text) = marked {
            (*text).clone_into(&mut self.marked_text);
        }
        if let Some(text) = marked.or(texts.last()) {
            (*text).clone_into(&mut self.user_text);
        }
    }

    /// A message of tool results, perhaps with additional text. Unless that text has a marker, the script of the user text
    /// that led to the call stays active.
    pub(super) fn results(&mut self, results: &[String], texts: &[&str]) {
        self.count(texts);
        self.tool_results += results.len();
        for result in results {
            self.bytes += result.len();
            let said = self.tool_result.get_or_insert_default();
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(result);
        }
        if let Some(text) = texts.iter().rev().find(|text| has_marker(text)) {
            (*text).clone_into(&mut self.user_text);
            (*text).clone_into(&mut self.marked_text);
        }
    }

    fn count(&mut self, texts: &[&str]) {
        self.bytes += texts.iter().map(|text| text.len()).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_stays_in_force_after_its_tool_call() {
        let mut transcript = Transcript::default();
        transcript.user(&["[[sim:tool label=x]]"]);
        transcript.other(&[]);
        transcript.results(&["18 degrees".to_owned(), "rain".to_owned()], &["a reminder"]);
        assert_eq!(transcript.user_text, "[[sim:tool label=x]]");
        assert_eq!(transcript.tool_result.as_deref(), Some("18 degrees\nrain"));
    }

    #[test]
    fn marked_part_wins_over_a_later_reminder() {
        let mut transcript = Transcript::default();
        transcript.user(&["[[sim:echo]] hello", "a reminder"]);
        assert_eq!(transcript.user_text, "[[sim:echo]] hello");
        transcript.user(&["first", "last"]);
        assert_eq!(transcript.user_text, "last");
    }
}
