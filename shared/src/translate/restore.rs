//! Restores in a reply what a translated request changed: names of tools and properties, and the tool that replaces
//! structured output. Removes reasoning that the client does not want, and blocks that only the provider's format knows.

use crate::chat::{BlockStart, Delta, StreamEvent};
use crate::wire::names::ToolNames;

/// What a request changed.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a request and its reply")]
#[derive(Clone, Debug, Default)]
pub struct Restore {
    /// Tool names of the provider and of the client.
    pub names: ToolNames,
    /// The tool whose arguments are the answer.
    pub answer_tool: Option<String>,
    /// Whether the client wants to see reasoning.
    pub visible_reasoning: bool,
    /// Whether the client only knows `function_call`.
    pub function_calls: bool,
    in_answer: bool,
    in_opaque: bool,
    /// The provider's tool name of the open call and its arguments so far, if properties were renamed: names and values can
    /// only be distinguished in complete arguments.
    renamed: Option<(String, String)>,
}

impl Restore {
    /// For a request with these names, this answer tool, and this wish to see reasoning.
    pub fn new(names: ToolNames, answer_tool: Option<String>, visible_reasoning: bool) -> Self {
        Self { names, answer_tool, visible_reasoning, ..Self::default() }
    }

    /// Whether the open block is the answer tool's.
    pub fn is_in_answer(&self) -> bool {
        self.in_answer
    }

    /// The arguments that waited for this event and are sent before it.
    pub fn release(&mut self, event: &StreamEvent) -> Option<StreamEvent> {
        let (tool, arguments) = self.renamed.take_if(|_| *event == StreamEvent::BlockStop)?;
        let restored = self.names.properties_back(&tool).map(|names| names.back(&arguments));
        let whole = restored.unwrap_or(arguments);
        Some(StreamEvent::Delta(if self.in_answer { Delta::Text(whole) } else { Delta::Arguments(whole) }))
    }

    /// The event for the client; `None` if it is removed.
    pub fn apply(&mut self, event: StreamEvent) -> Option<StreamEvent> {
        match event {
            StreamEvent::BlockStart(BlockStart::ToolCall { id, name }) => {
                self.in_answer = self.answer_tool.as_deref() == Some(name.as_str());
                self.renamed = self.names.properties_back(&name).map(|_| (name.clone(), String::new()));
                if self.in_answer {
                    return Some(StreamEvent::BlockStart(BlockStart::Text));
                }
                let name = self.names.original(&name).to_owned();
                Some(StreamEvent::BlockStart(BlockStart::ToolCall { id, name }))
            }
            StreamEvent::Delta(Delta::Arguments(json)) if self.renamed.is_some() => {
                self.renamed.iter_mut().for_each(|(_, arguments)| arguments.push_str(&json));
                None
            }
            StreamEvent::Delta(Delta::Arguments(json)) if self.in_answer => Some(StreamEvent::Delta(Delta::Text(json))),
            StreamEvent::Delta(Delta::Signature(_)) if self.in_answer => None,
            StreamEvent::Delta(Delta::Reasoning(_)) if !self.visible_reasoning => None,
            StreamEvent::BlockStart(BlockStart::Opaque) => {
                self.in_opaque = true;
                None
            }
            StreamEvent::BlockStop => {
                let is_told = !self.in_opaque;
                (self.in_answer, self.in_opaque) = (false, false);
                is_told.then_some(StreamEvent::BlockStop)
            }
            StreamEvent::Start { .. }
            | StreamEvent::BlockStart(_)
            | StreamEvent::Delta(_)
            | StreamEvent::Usage(_)
            | StreamEvent::Refusal(_)
            | StreamEvent::Finish(_) => Some(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::request::ToolDefinition;
    use crate::wire::names::PropertyNames;

    #[test]
    fn the_answer_tools_arguments_become_text() {
        let mut restore = Restore::new(ToolNames::default(), Some("json_output".to_owned()), true);
        let call = BlockStart::ToolCall { id: "1".into(), name: "json_output".into() };
        let seen: Vec<StreamEvent> =
            [StreamEvent::BlockStart(call), StreamEvent::Delta(Delta::Arguments("{}".into())), StreamEvent::BlockStop]
                .into_iter()
                .filter_map(|event| restore.apply(event))
                .collect();
        let expected = [
            StreamEvent::BlockStart(BlockStart::Text),
            StreamEvent::Delta(Delta::Text("{}".into())),
            StreamEvent::BlockStop,
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_answer_with_renamed_properties_comes_whole_and_under_the_clients_names() {
        let schema = serde_json::value::RawValue::from_string(r#"{"properties":{"$top":{}}}"#.to_owned()).unwrap();
        let mut names = ToolNames::default();
        names.with_properties("json_output", PropertyNames::for_claude(&schema).unwrap());
        let mut restore = Restore::new(names, Some("json_output".to_owned()), true);
        let call = BlockStart::ToolCall { id: "1".into(), name: "json_output".into() };
        let piece = |json: &str| StreamEvent::Delta(Delta::Arguments(json.to_owned()));
        let events = [StreamEvent::BlockStart(call), piece(r#"{"_to"#), piece(r#"p":1}"#), StreamEvent::BlockStop];
        let seen: Vec<StreamEvent> = events
            .into_iter()
            .flat_map(|event| restore.release(&event).into_iter().chain(restore.apply(event)).collect::<Vec<_>>())
            .collect();
        let answer = StreamEvent::Delta(Delta::Text(r#"{"$top":1}"#.to_owned()));
        assert_eq!(seen, [StreamEvent::BlockStart(BlockStart::Text), answer, StreamEvent::BlockStop]);
    }

    #[test]
    fn a_call_comes_back_under_the_clients_name() {
        let name = "mcp__server.tool/x";
        let tool = ToolDefinition { name: name.to_owned(), description: None, schema: None, strict: None, cache: None };
        let mut restore = Restore::new(ToolNames::new(&[tool]), None, true);
        let call = |name: &str| StreamEvent::BlockStart(BlockStart::ToolCall { id: "1".into(), name: name.to_owned() });
        assert_eq!(restore.apply(call("mcp__server_tool_x")), Some(call(name)));
        assert_eq!(restore.apply(call("other")), Some(call("other")));
    }

    #[test]
    fn arguments_with_renamed_properties_come_whole_and_under_the_clients_names() {
        let schema = serde_json::value::RawValue::from_string(r#"{"properties":{"$top":{}}}"#.to_owned()).unwrap();
        let properties = PropertyNames::for_claude(&schema).unwrap();
        let mut names = ToolNames::default();
        names.with_properties("find", properties);
        let mut restore = Restore::new(names, None, true);
        let call = || StreamEvent::BlockStart(BlockStart::ToolCall { id: "1".into(), name: "find".into() });
        let piece = |json: &str| StreamEvent::Delta(Delta::Arguments(json.to_owned()));
        let events = [call(), piece(r#"{"_to"#), piece(r#"p":1}"#), StreamEvent::BlockStop];
        let seen: Vec<StreamEvent> = events
            .into_iter()
            .flat_map(|event| restore.release(&event).into_iter().chain(restore.apply(event)).collect::<Vec<_>>())
            .collect();
        assert_eq!(seen, [call(), piece(r#"{"$top":1}"#), StreamEvent::BlockStop]);
    }
}
