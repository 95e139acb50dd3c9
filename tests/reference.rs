//! Compares the description of the API with the code, as far as a program can. `tests/openapi` compares it with a running
//! gateway.

use std::collections::BTreeSet;
use std::fs;

use gateway::endpoints;
use gateway::reference::Reference;
use gateway_tests::{code_of, files_under, project, shipped};
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&Reference::new().unwrap().json).unwrap()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// Every path with its methods. `OPTIONS`, and `HEAD` next to `GET`, are left out, because all paths have them and the
/// description's text says so.
#[test]
fn the_description_has_the_paths_and_methods_of_the_path_table() {
    let document = document();
    let methods = |methods: &str| {
        let own = methods.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
        own.map(str::to_lowercase).collect::<BTreeSet<_>>()
    };
    let known: BTreeSet<_> = endpoints::paths().map(|(path, all)| (path.to_owned(), methods(all))).collect();
    let described = document["paths"].as_object().unwrap().iter().map(|(path, operations)| {
        // Clients probe the base URL with HEAD, so this one is described.
        let operations = names(operations).into_iter().filter(|method| !(path == "/" && method == "head")).collect();
        (path.clone(), operations)
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), known);
    assert!(known.len() > 15, "{known:?}");
}

#[test]
fn every_path_of_the_table_leads_to_an_endpoint() {
    for (path, _) in endpoints::paths() {
        assert!(endpoints::Endpoint::of_path(path).is_some(), "{path}");
    }
}

/// The library's code without unit tests and comments.
fn code() -> String {
    files_under(&project().join("shared/src"), "rs").iter().map(|path| code_of(&shipped(path))).collect()
}

/// The text in quotes that follows each of these words.
fn quoted(code: &str, before: &[&str]) -> BTreeSet<String> {
    let found = before.iter().flat_map(|word| code.split(*word).skip(1).filter_map(|rest| rest.split('"').next()));
    found.map(str::to_owned).collect()
}

#[test]
fn the_description_the_code_and_the_page_have_the_same_error_codes() {
    let document = document();
    let described = document["components"]["schemas"]["ErrorCode"]["oneOf"].as_array().unwrap().iter();
    let described: BTreeSet<String> = described.map(|code| code["const"].as_str().unwrap().to_owned()).collect();
    assert_eq!(described, quoted(&code(), &["with_code(\"", "limited(\""]));
    let page = fs::read_to_string(project().join("docs/api.md")).unwrap();
    let (_, table) = page.split_once("| Code | Status | Meaning |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells = table.lines().filter_map(|line| line.split('|').nth(1));
    let listed = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned);
    assert_eq!(described, listed.collect());
}

/// Headers of requests, and of the gateway's own calls, that are written in the same modules.
const NOT_SENT: [&str; 4] = ["x-gateway-origin-secret", "x-forwarded-for", "access-control-request-headers", "origin"];

/// The names of the headers that are written by the modules that make responses: as text, or as a constant of the crate
/// `http`.
fn sent() -> BTreeSet<String> {
    let source = project().join("shared/src");
    let makers = ["respond.rs", "endpoints", "flow", "dispatch/attempts.rs", "admission/refusal.rs"];
    let files = files_under(&source, "rs");
    let made = files.iter().filter(|path| makers.iter().any(|maker| path.starts_with(source.join(maker))));
    let code: String = made.map(|path| code_of(&shipped(path))).collect();
    let is_header = |text: &&str| {
        let prefixes =
            ["x-", "anthropic-ratelimit", "request-id", "retry-after", "content-security", "referrer", "cross-origin"];
        let is_name = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        is_name && (*text == "upgrade" || prefixes.iter().any(|prefix| text.starts_with(prefix)))
    };
    let written = code.split('"').filter(is_header).map(str::to_owned);
    let imports = code.split("http::header::").skip(1).filter_map(|rest| rest.split(';').next());
    let is_constant = |word: &&str| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let words = imports.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).filter(is_constant);
    let constants = words.map(|word| word.to_lowercase().replace('_', "-"));
    // Of these the description has no header objects: what OpenAPI describes as the content, and what requests have.
    let others = ["content-type", "sec-websocket-key", "x-api-key"];
    written.chain(constants).filter(|name| !NOT_SENT.contains(&&**name) && !others.contains(&&**name)).collect()
}

#[test]
fn the_description_has_the_headers_that_the_code_sends() {
    assert_eq!(names(&document()["components"]["headers"]), sent());
}

#[test]
fn every_header_that_scripts_may_read_is_described() {
    let code = code_of(&shipped(&project().join("shared/src/respond.rs")));
    let (_, exposed) = code.split_once("const EXPOSED: &str = \"").unwrap();
    let (exposed, _) = exposed.split_once('"').unwrap();
    let exposed: BTreeSet<String> = exposed.split(',').map(|name| name.trim_matches([' ', '\\', '\n']).to_owned()).collect();
    let described = names(&document()["components"]["headers"]);
    assert!(exposed.len() > 20 && exposed.is_subset(&described), "{exposed:?}");
}

#[test]
fn the_versions_are_those_of_the_project() {
    assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// Statuses of the page's table of errors.
#[test]
fn the_description_has_every_status_of_an_error() {
    let document = document();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut described: BTreeSet<String> = operations.flat_map(|operation| names(&operation["responses"])).collect();
    // This status belongs to no operation. It is the answer to a method that has no operation.
    assert!(document["components"]["responses"]["MethodNotAllowed"].is_object());
    described.insert("405".to_owned());
    let page = fs::read_to_string(project().join("docs/api.md")).unwrap();
    let (_, table) = page.split_once("| Status | `type` (OpenAI shape)").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells = table.lines().skip(2).filter_map(|line| line.split('|').nth(1));
    let listed = cells.flat_map(|cell| cell.split('/')).map(|status| status.trim().to_owned());
    assert_eq!(described.into_iter().filter(|status| !status.starts_with('2')).collect::<BTreeSet<_>>(), listed.collect());
}
