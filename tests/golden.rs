//! Sends each fixture through each combination of formats, and compares the exact output bytes with a golden file. The folders
//! and enums define the cases, so a new file is a new case. If a combination cannot carry a fixture, the golden file has the
//! error.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gateway::catalog::{Model, Route};
use gateway::error::GatewayError;
use gateway::translate::Meter;
use gateway::wire::anthropic::betas;
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::relaying::{self, FORMATS, catalog, events, relay_from, request, whole_from};
use gateway_tests::sending::send_along;

/// Beta headers that every Messages fixture is sent with.
const BETAS: &str = "interleaved-thinking-2025-05-14,claude-code-20250219";

/// A model for each wire format, and for each generation whose rules differ.
const MODELS: [&str; 6] =
    ["gpt-5.2", "claude-opus-4.6", "claude-haiku-4.5", "claude-opus-4.8", "gemini-3-pro", "gemini-2.5-flash"];

fn folder(path: &Path) -> String {
    path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
}

/// The client format of a request fixture, by its folder.
fn format_of(path: &Path) -> ClientFormat {
    let folder = folder(path);
    let format = FORMATS.into_iter().find(|format| format.name().replace('_', "-") == folder);
    format.unwrap_or_else(|| panic!("no client format for the folder {folder}"))
}

/// The wire of a reply fixture, by its folder.
fn wire_of(path: &Path) -> WireFormat {
    match folder(path).as_str() {
        "openrouter" => WireFormat::OpenAi,
        "vertex-claude" => WireFormat::Anthropic,
        "vertex-gemini" => WireFormat::Gemini,
        other => panic!("no wire for the folder {other}"),
    }
}

fn upstream_body(format: ClientFormat, body: &str, model: &Model, route: &Route) -> String {
    let (accepted, _) = betas::for_vertex(BETAS.split(','));
    match send_along(format, body, model, route, &accepted) {
        Ok(sent) => {
            let body = String::from_utf8(sent.body).unwrap();
            format!("dropped: {}\n{body}", sent.dropped.join(", "))
        }
        Err(error) => format!("{}: {} ({:?})", error.status(format.error_words()), error.message(), error.param()),
    }
}

#[test]
fn client_requests_become_upstream_bodies() {
    let catalog = catalog().unwrap();
    insta::glob!("fixtures/requests/*/*.json", |path| {
        let format = format_of(path);
        let body = fs::read_to_string(path).unwrap();
        let mut seen = String::new();
        for name in MODELS {
            let model = catalog.resolve(name).unwrap();
            let route = &model.routes[0];
            let body = upstream_body(format, &body, &model, route);
            writeln!(seen, "=== {} {}\n{body}\n", route.provider, route.upstream).unwrap();
        }
        insta::assert_snapshot!("upstream", seen);
    });
}

#[test]
fn whole_replies_become_client_bodies() {
    insta::glob!("fixtures/replies/*/*.json", |path| {
        let wire = wire_of(path);
        let body = fs::read_to_string(path).unwrap();
        let mut seen = String::new();
        for format in FORMATS {
            let reply = match whole_from(format, wire, &body) {
                Ok((body, Meter { finish, usage, upstream_id, .. })) => {
                    format!("finish: {finish:?}\nusage: {usage:?}\nupstream id: {upstream_id}\n{body}")
                }
                Err(error) => {
                    let error = GatewayError::from(error);
                    let body = format.error_body(&error, request());
                    format!("{}\n{}", error.status(format.error_words()), String::from_utf8(body).unwrap())
                }
            };
            writeln!(seen, "=== {}\n{reply}\n", format.name()).unwrap();
        }
        insta::assert_snapshot!("client", seen);
    });
}

#[test]
fn streams_become_events_and_client_streams() {
    insta::glob!("fixtures/replies/*/*.sse", |path| {
        let wire = wire_of(path);
        let stream = fs::read(path).unwrap();
        let (events, result) = events(wire, &stream);
        assert_eq!(relaying::broken_rule(&events), None, "{}", path.display());
        let mut seen = String::new();
        for event in &events {
            writeln!(seen, "{event:?}").unwrap();
        }
        writeln!(seen, "{result:?}").unwrap();
        for format in FORMATS {
            let relayed = relay_from(format, wire, std::iter::once(stream.as_slice()));
            let bytes = String::from_utf8(relayed.bytes).unwrap();
            writeln!(seen, "\n=== {}\n{bytes}", format.name()).unwrap();
        }
        insta::assert_snapshot!("client", seen);
    });
}
