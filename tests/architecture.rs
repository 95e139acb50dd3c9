//! Checks which module may import which, how large files may be, and which crates must not be in the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use gateway_tests::{code_of, files_under, project, shipped};

/// Each module of the library, and the modules that it may import. A change of this table is a decision about the
/// architecture.
const MODULES: &[(&str, &[&str])] = &[
    ("http_client", &[]),
    ("aws", &["http_client"]),
    ("ids", &[]),
    ("money", &[]),
    ("config", &["ids"]),
    ("reason", &[]),
    ("error", &["reason"]),
    ("sse", &[]),
    ("chat", &["money"]),
    ("capability", &[]),
    ("document", &["chat", "error", "reason"]),
    ("telemetry", &["config"]),
    ("wire", &["capability", "chat", "document", "error", "ids", "money", "reason", "sse"]),
    ("catalog", &["capability", "ids", "money"]),
    ("auth", &["error", "ids"]),
    ("store", &["aws", "chat", "config", "ids", "money", "reason"]),
    ("body", &["error"]),
    ("respond", &["config", "error", "ids", "reason", "wire"]),
    ("protocol", &["ids", "money", "store"]),
    ("admission", &["auth", "error", "ids", "money", "protocol", "store"]),
    ("circuit", &["ids", "store"]),
    ("retry", &["error"]),
    ("ledger", &["auth", "catalog", "chat", "document", "error", "ids", "money", "protocol", "store", "telemetry", "wire"]),
    ("page", &[]),
    ("dashboard", &["ids", "ledger", "money", "page", "store"]),
    ("reference", &["page"]),
    ("translate", &["capability", "catalog", "chat", "document", "error", "ids", "sse", "wire"]),
    ("vault", &["ids", "store"]),
    ("providers", &["aws", "config", "error", "http_client", "ids", "money", "reason", "wire"]),
    ("open_catalog", &["catalog", "error", "ids", "providers", "store"]),
    ("scheduled", &["catalog", "config", "ledger", "open_catalog", "providers", "store", "telemetry"]),
    (
        "dispatch",
        &[
            "catalog",
            "chat",
            "circuit",
            "config",
            "document",
            "error",
            "ids",
            "providers",
            "retry",
            "store",
            "translate",
            "wire",
        ],
    ),
    ("ending", &["chat", "circuit", "dispatch", "error", "ledger", "retry", "store", "translate", "vault"]),
    ("pump", &["dispatch", "ending", "error", "ledger", "money", "providers", "store", "translate", "wire"]),
    (
        "gateway",
        &[
            "admission",
            "catalog",
            "circuit",
            "config",
            "dispatch",
            "error",
            "open_catalog",
            "providers",
            "reason",
            "retry",
            "store",
            "wire",
        ],
    ),
    (
        "flow",
        &[
            "admission",
            "auth",
            "body",
            "catalog",
            "config",
            "dispatch",
            "error",
            "gateway",
            "ids",
            "ledger",
            "open_catalog",
            "providers",
            "pump",
            "respond",
            "retry",
            "translate",
            "vault",
            "wire",
        ],
    ),
    (
        "endpoints",
        &[
            "admission",
            "auth",
            "body",
            "catalog",
            "config",
            "dashboard",
            "error",
            "flow",
            "gateway",
            "ids",
            "ledger",
            "money",
            "page",
            "reference",
            "respond",
            "store",
            "wire",
        ],
    ),
    ("runtime", &["endpoints", "gateway", "reason", "respond"]),
];

const LONGEST_FILE: usize = 400;
const LONGEST_MAIN: usize = 25;

/// The first path segment after each `crate::`, outside comments.
fn imports(text: &str) -> BTreeSet<String> {
    let code = code_of(text);
    let after = code.split("crate::").skip(1);
    after.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn modules_import_only_what_their_table_allows() {
    let source = project().join("shared/src");
    let allowed: BTreeMap<&str, &[&str]> = MODULES.iter().copied().collect();
    let mut faults = Vec::new();
    for path in files_under(&source, "rs") {
        let relative = path.strip_prefix(&source).unwrap();
        let module = relative.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" {
            continue;
        }
        let Some(allowed) = allowed.get(module.as_str()) else {
            faults.push(format!("{}: the module is not in the table", relative.display()));
            continue;
        };
        for import in imports(&shipped(&path)) {
            if import != module && !allowed.contains(&import.as_str()) {
                faults.push(format!("{} imports {import}", relative.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The folders of the formats in `wire`.
const FORMATS: [&str; 4] = ["openai", "anthropic", "gemini", "responses"];

#[test]
fn formats_do_not_import_each_other() {
    let source = project().join("shared/src/wire");
    for format in FORMATS {
        for path in files_under(&source.join(format), "rs") {
            let text = shipped(&path);
            for other in FORMATS.iter().filter(|other| **other != format) {
                assert!(!text.contains(&format!("wire::{other}")), "{} imports {other}", path.display());
            }
        }
    }
}

/// What names a client format: its variants and its modules.
const FORMAT_NAMES: [&str; 7] = [
    "ClientFormat::ChatCompletions",
    "ClientFormat::Messages",
    "ClientFormat::Responses",
    "wire::openai",
    "wire::anthropic",
    "wire::gemini",
    "wire::responses",
];
/// What names a provider: its variants.
const PROVIDER_NAMES: [&str; 3] = ["ProviderId::VertexGemini", "ProviderId::VertexClaude", "ProviderId::OpenRouter"];

/// The lines of shipped code that contain one of these names, except in some files.
fn named_outside(allowed: &[&str], forbidden: &[&str]) -> Vec<String> {
    let source = project().join("shared/src");
    let mut found = Vec::new();
    for file in files_under(&source, "rs") {
        let relative = file.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        if allowed.iter().any(|place| relative.starts_with(place)) {
            continue;
        }
        let text = shipped(&file);
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let named = lines.filter(|line| forbidden.iter().any(|name| line.contains(name)));
        found.extend(named.map(|line| format!("{relative}: {}", line.trim())));
    }
    found
}

#[test]
fn formats_are_named_in_their_modules_and_in_the_path_table_alone() {
    let found = named_outside(&["wire", "endpoints/mod.rs", "endpoints/paths.rs"], &FORMAT_NAMES);
    println!("{} places outside `wire` and the path table name a client format", found.len());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn providers_are_named_in_their_module_and_in_the_catalogue_alone() {
    let found = named_outside(&["providers", "catalog"], &PROVIDER_NAMES);
    println!("{} places outside `providers` and the catalogue name a provider", found.len());
    assert!(found.is_empty(), "{found:#?}");
}

/// A request's text is private to the document: nothing else may look for patterns of JSON in a text.
#[test]
fn no_code_searches_a_text_for_json() {
    let escaped_quote = "\\\"";
    let mut found = Vec::new();
    for path in files_under(&project().join("shared/src"), "rs") {
        let text = shipped(&path);
        let searches = ["contains(\"", "contains(b\"", "find(\"", "memmem::"];
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let suspicious =
            lines.filter(|line| searches.iter().any(|search| line.contains(search)) && line.contains(escaped_quote));
        found.extend(suspicious.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The parameters of each function of a text.
fn parameters(text: &str) -> Vec<(String, Vec<String>)> {
    let mut functions = Vec::new();
    for (at, _) in text.match_indices("fn ") {
        let rest = &text[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let Some(open) = rest.find('(').filter(|_| !name.is_empty()) else { continue };
        let (mut depth, mut list, mut current) = (0_i32, Vec::new(), String::new());
        for character in rest[open + 1..].chars() {
            match character {
                ')' if depth == 0 => break,
                ',' if depth == 0 => list.push(std::mem::take(&mut current)),
                _ => {
                    depth += i32::from("([{<".contains(character)) - i32::from(")]}>".contains(character));
                    current.push(character);
                }
            }
        }
        list.push(current);
        functions.push((name, list));
    }
    functions
}

#[test]
fn no_parameter_is_a_tuple_and_no_two_flags_stand_in_one_signature() {
    let mut faults = Vec::new();
    for folder in ["shared/src", "tools/bk/src"] {
        for path in files_under(&project().join(folder), "rs") {
            for (name, list) in parameters(&shipped(&path)) {
                let is_tuple = |parameter: &String| parameter.trim_start().starts_with('(');
                let flags = list.iter().filter(|parameter| parameter.trim_end().ends_with(": bool")).count();
                if list.iter().any(is_tuple) || flags > 1 {
                    faults.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn files_are_short() {
    let mut faults = Vec::new();
    for folder in ["shared/src", "functions", "tools", "tests"] {
        for path in files_under(&project().join(folder), "rs") {
            let lines = shipped(&path).lines().count();
            if lines > LONGEST_FILE {
                faults.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_functions_main_is_short_and_holds_no_logic() {
    let mains: Vec<PathBuf> = files_under(&project().join("functions"), "rs");
    assert_eq!(mains.len(), gateway_dev::stack::FUNCTIONS.len() + gateway_dev::stack::SCHEDULED.len(), "{mains:?}");
    for path in mains {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() <= LONGEST_MAIN, "{}", path.display());
        assert!(!text.contains("if ") && !text.contains("match "), "{}", path.display());
    }
}

#[test]
fn the_lock_file_holds_one_tls_stack_and_no_banned_crate() {
    let lock: toml::Table = fs::read_to_string(project().join("Cargo.lock")).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let banned = [
        "openssl",
        "openssl-sys",
        "native-tls",
        "aws-lc-rs",
        "aws-lc-sys",
        "eventsource-stream",
        "reqwest-eventsource",
        "async-sse",
        "sonic-rs",
        "simd-json",
        "chrono",
    ];
    for name in banned {
        assert!(!names.contains(&name), "{name} is in Cargo.lock");
    }
    for name in ["rustls", "hyper-rustls", "tokio-rustls", "ring"] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{name}");
    }
}
