//! Sessions: the replies of a model as a test wrote them, so that a real client can work through a task with its own tools.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::model_request::ModelRequest;
use super::reply::Call;

/// The replies of one session, in order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Session(Vec<SessionReply>);

/// One reply: calls of tools, or a text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionReply {
    #[serde(default)]
    calls: Vec<SessionCall>,
    #[serde(default)]
    text: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionCall {
    name: String,
    arguments: Map<String, Value>,
}

/// The reply to one request of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    pub(super) calls: Vec<Call>,
    pub(super) text: String,
}

impl Session {
    /// The reply after the tool results that the conversation contains. After the last reply of the session, the last reply
    /// is repeated. Clients also send other requests, for example for a title, with no tools or with other tools; the reply
    /// to those says which tools are missing.
    pub(super) fn turn(&self, request: &ModelRequest) -> Turn {
        let mut answered = 0;
        let next = self.0.iter().find(|reply| {
            let place = answered;
            answered += reply.calls.len();
            place >= request.tool_results
        });
        let Some(reply) = next.or(self.0.last()) else { return Turn::default() };
        let missing = reply.calls.iter().find(|call| request.tools.iter().all(|tool| tool.name != call.name));
        if let Some(missing) = missing {
            let declared: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
            let text = format!("The session wants to call {}. Declared are: {}.", missing.name, declared.join(", "));
            return Turn { calls: Vec::new(), text };
        }
        let call = |call: &SessionCall| Call {
            name: call.name.clone(),
            arguments: Value::Object(call.arguments.clone()).to_string(),
        };
        Turn { calls: reply.calls.iter().map(call).collect(), text: reply.text.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model_request::{Mode, Tool};
    use super::super::transcript::Transcript;
    use super::super::wire::Wire;
    use super::*;

    const SESSION: &str = r#"[
        {"calls":[{"name":"read","arguments":{"path":"a"}},{"name":"read","arguments":{"path":"b"}}]},
        {"calls":[{"name":"run","arguments":{}}]},
        {"text":"done"}
    ]"#;

    fn turn(tool_results: usize, tools: &[&str]) -> (Vec<String>, String) {
        let session: Session = serde_json::from_str(SESSION).unwrap();
        let transcript = Transcript { tool_results, ..Transcript::default() };
        let tool = |name: &&str| Tool { name: (*name).to_owned(), schema: Value::Null };
        let request = ModelRequest::new(Wire::Claude, Mode::Events, "m", transcript);
        let turn = session.turn(&request.with_tools(tools.iter().map(tool).collect()));
        (turn.calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect(), turn.text)
    }

    #[test]
    fn replies_follow_the_results_of_their_calls() {
        let tools = ["run", "read"];
        for (results, calls, text) in [
            (0, vec![r#"read {"path":"a"}"#, r#"read {"path":"b"}"#], ""),
            (2, vec!["run {}"], ""),
            (3, vec![], "done"),
            (4, vec![], "done"),
        ] {
            assert_eq!(
                turn(results, &tools),
                (calls.into_iter().map(str::to_owned).collect(), text.to_owned()),
                "{results}"
            );
        }
    }

    #[test]
    fn a_request_without_the_tool_is_told_what_it_declares() {
        let said = "The session wants to call read. Declared are: run.";
        assert_eq!(turn(0, &["run"]), (Vec::new(), said.to_owned()));
    }
}
