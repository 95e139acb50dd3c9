//! Each fixture of a native pair against the exact bytes that go out. The folders are the list of cases: adding a case is adding
//! a file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gateway::error::GatewayError;
use gateway::translate::outbound;
use gateway::wire::anthropic::betas;
use gateway::wire::{self, ClientFormat};
use gateway_tests::relaying::{self, catalog, events, identity, relay, request};

/// Beta headers that every Messages fixture is sent with.
const BETAS: &str = "interleaved-thinking-2025-05-14,claude-code-20250219";

/// The client format of a fixture, by its folder.
fn format_of(path: &Path) -> ClientFormat {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let is_chat = ["chat-completions", "openrouter"].iter().any(|name| folder == *name);
    let is_messages = ["messages", "vertex-claude"].iter().any(|name| folder == *name);
    assert!(is_chat || is_messages, "no format for the folder {}", folder.display());
    if is_chat { ClientFormat::ChatCompletions } else { ClientFormat::Messages }
}

#[test]
fn client_requests_become_upstream_bodies() {
    insta::glob!("fixtures/requests/*/*.json", |path| {
        let format = format_of(path);
        let body = fs::read_to_string(path).unwrap();
        let opened = wire::open_request(format, &body).unwrap();
        let model = catalog().unwrap().resolve(&opened.model).unwrap();
        let (accepted, _) = betas::for_vertex(BETAS.split(','));
        let outbound = outbound::forward(format, opened, &model, &accepted).unwrap();
        let body = String::from_utf8(outbound.fields.to_json().unwrap()).unwrap();
        insta::assert_snapshot!("upstream", format!("dropped: {}\n\n{body}", outbound.dropped.join(", ")));
    });
}

#[test]
fn whole_replies_become_client_bodies() {
    insta::glob!("fixtures/replies/*/*.json", |path| {
        let format = format_of(path);
        let body = fs::read_to_string(path).unwrap();
        let seen = match wire::forward_whole(format, &body, &identity(format)) {
            Ok(reply) => {
                let body = String::from_utf8(reply.body.to_vec()).unwrap();
                format!("finish: {:?}\nusage: {:?}\nupstream id: {}\n\n{body}", reply.finish, reply.usage, reply.upstream_id)
            }
            Err(error) => {
                let error = GatewayError::from(error);
                let body = wire::error_body(format.dialect(), &error, request());
                format!("{}\n\n{}", error.status(format.dialect()), String::from_utf8(body).unwrap())
            }
        };
        insta::assert_snapshot!("client", seen);
    });
}

#[test]
fn streams_become_events_and_client_streams() {
    insta::glob!("fixtures/replies/*/*.sse", |path| {
        let format = format_of(path);
        let stream = fs::read(path).unwrap();
        let (events, result) = events(format, &stream);
        assert_eq!(relaying::broken_rule(&events), None, "{}", path.display());
        let mut seen = String::new();
        for event in &events {
            writeln!(seen, "{event:?}").unwrap();
        }
        let relayed = relay(format, std::iter::once(stream.as_slice()));
        let bytes = String::from_utf8(relayed.bytes).unwrap();
        insta::assert_snapshot!("client", format!("{seen}{result:?}\n\n--- to the client ---\n{bytes}"));
    });
}
