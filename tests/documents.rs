//! Checks the parts of the documents that a program can check: links lead to existing targets, lists are complete, and the
//! README is short.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use gateway::config::VARIABLES;
use gateway_tests::{code_of, files_under, project, shipped};

/// Words that are hard to understand, and that plain technical English does not need.
const AVOIDED: [&str; 5] = ["shall", "nobody", "whoever", "beside", "stands for"];

const LONGEST_README: usize = 150;

/// The Markdown files of the repository.
fn documents() -> Vec<PathBuf> {
    let found = files_under(&project(), "md");
    assert!(found.len() > 10, "{found:?}");
    found
}

/// A text without its code blocks, because brackets in code are not links.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of the inline links of a text.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.trim().to_owned()).collect()
}

/// The anchors that GitHub gives the headings of a text: lower case, punctuation removed, spaces as hyphens.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let mut seen = BTreeMap::new();
    let mut anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = seen.entry(anchor.clone()).and_modify(|count| *count += 1).or_insert(0_u32);
        if *count == 0 { anchor } else { format!("{anchor}-{count}") }
    };
    headings.map(&mut anchor).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut faults = Vec::new();
    for document in documents() {
        let text = prose(&fs::read_to_string(&document).unwrap());
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            let has_anchor =
                |anchor: &str| anchors(&prose(&fs::read_to_string(&target).unwrap_or_default())).contains(anchor);
            if !target.exists() || !anchor.is_none_or(has_anchor) {
                faults.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn anchors_are_githubs() {
    let text = "# `bk keys`: create, list\n## Why `ring`?\n## Why `ring`?\n### POST /v1/messages";
    let expected = ["bk-keys-create-list", "post-v1messages", "why-ring", "why-ring-1"];
    assert_eq!(anchors(text), expected.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(project().join("README.md")).unwrap().lines().count();
    assert!(lines <= LONGEST_README, "{lines} lines");
}

/// The avoided words of a text, as whole words. A name such as `beside_it` is one word.
fn avoided_in(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let text = format!(" {} ", words.join(" "));
    AVOIDED.into_iter().filter(|avoided| text.contains(&format!(" {avoided} "))).collect()
}

/// The avoided words in files. `read_in` selects the part of a file that people read.
fn avoided(files: Vec<PathBuf>, read_in: impl Fn(&str) -> String) -> Vec<String> {
    let faults = files.into_iter().flat_map(|file| {
        let text = read_in(&fs::read_to_string(&file).unwrap());
        avoided_in(&text).into_iter().map(move |word| format!("{}: {word}", file.display()))
    });
    faults.collect()
}

/// The comments and the strings of Rust code, one per line.
fn comments_and_strings(code: &str) -> String {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = code[at..].find(['/', '"', '\'']) {
        let (before, rest) = code.split_at(at + next);
        let length = match rest.as_bytes() {
            [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'"', ..] => string(before, rest),
            [b'\'', b'\\', ..] => rest[3..].find('\'').map_or(rest.len(), |end| end + 4),
            // A character in single quotes is not a string. A single quote alone begins a lifetime.
            [b'\'', ..] if rest.chars().nth(2) == Some('\'') => 2 + rest.chars().nth(1).map_or(0, char::len_utf8),
            _ => 1,
        };
        if length > 1 && !rest.starts_with('\'') {
            found.push(&rest[..length]);
        }
        at += next + length;
    }
    found.join("\n")
}

/// The length of the string at the start of `rest`, quotes included. It is a raw one if an `r` and hashes are before it.
fn string(before: &str, rest: &str) -> usize {
    let bare = before.trim_end_matches('#');
    if bare.ends_with('r') {
        let end = format!("\"{}", &before[bare.len()..]);
        return rest[1..].find(&end).map_or(rest.len(), |at| 1 + at + end.len());
    }
    let mut is_escaped = false;
    let end = rest[1..].find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    end.map_or(rest.len(), |at| at + 2)
}

#[test]
fn documents_use_plain_words() {
    let faults = avoided(documents(), prose);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn comments_and_messages_of_the_code_use_plain_words() {
    // This file contains the list of words, so it is left out.
    let files = files_under(&project(), "rs").into_iter().filter(|file| !file.ends_with("tests/documents.rs")).collect();
    let faults = avoided(files, comments_and_strings);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn scripts_and_settings_use_plain_words() {
    let extensions = ["toml", "py", "yaml", "yml", "sh", "mjs"];
    let files: Vec<PathBuf> = extensions.iter().flat_map(|extension| files_under(&project(), extension)).collect();
    let files =
        [files, vec![project().join("Makefile"), project().join(".ci/run"), project().join("tools/deploy/bk")]].concat();
    let faults = avoided(files, str::to_owned);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn names_in_code_are_no_comments_and_strings_are_found_after_every_quote() {
    let code = r##"
        let shall = '"'; // one
        f::<'static>('\'', "two \" three"); let nobody = r#"four "five" "#; /// six
        let whoever = "seven";
    "##;
    let expected = ["// one", "\"two \\\" three\"", "\"four \"five\" \"#", "/// six", "\"seven\""];
    assert_eq!(comments_and_strings(code).lines().collect::<Vec<_>>(), expected);
    assert_eq!(avoided_in("It Stands\n/// for nobody_else, beside."), ["beside", "stands for"]);
}

/// The texts in backticks in the first cells of the tables of a section. A cell may contain several.
fn listed(document: &str, heading: &str) -> Vec<String> {
    let text = fs::read_to_string(project().join(document)).unwrap();
    let (_, after) = text.split_once(&format!("\n{heading}\n")).unwrap();
    let level = format!("\n{} ", heading.split(' ').next().unwrap());
    let section = after.split(level.as_str()).next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_page_about_operations_lists_every_variable() {
    let listed = listed("docs/operations.md", "## Configuration");
    let missing: Vec<&&str> = VARIABLES.iter().filter(|variable| !listed.iter().any(|name| name == **variable)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The library's source without unit tests and comments.
fn sources() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let code = code_of(&shipped(&path));
        (path, code)
    };
    files_under(&project().join("shared/src"), "rs").into_iter().map(read).collect()
}

/// The text up to the bracket that closes the one before it.
fn within_brackets(text: &str) -> &str {
    let mut depth = 1_i32;
    let end = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    &text[..end.unwrap_or(text.len())]
}

/// A text cut at the commas that are within no bracket and no string.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut in_string, mut start, mut found) = (0_i32, false, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '(' | '[' | '{' if !in_string => depth += 1,
            ')' | ']' | '}' if !in_string => depth -= 1,
            ',' if !in_string && depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found.into_iter().map(str::trim).filter(|argument| !argument.is_empty()).collect()
}

/// The fields of `tracing`'s macros.
fn traced(code: &str) -> Vec<String> {
    let macros = ["tracing::error!(", "tracing::warn!(", "tracing::info!(", "tracing::info_span!("];
    let calls = macros.iter().flat_map(|name| code.split(*name).skip(1).map(within_brackets));
    let fields = calls.flat_map(arguments).filter(|argument| !argument.starts_with('"'));
    let names = fields.map(|field| field.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']));
    names.filter(|name| !name.contains('(')).map(str::to_owned).collect()
}

/// The fields of the structures that are written as lines.
fn serialised(code: &str) -> Vec<String> {
    let structures = code.split("struct ").skip(1).filter_map(|rest| {
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        let written = ["Answering", "CheckpointLine", "Tokens", "FinalLine", "RequestMetrics"].contains(&name.as_str());
        rest.split_once('{').and_then(|(_, body)| body.split_once("\n}")).map(|(body, _)| body).filter(|_| written)
    });
    let lines = structures.flat_map(str::lines).map(|line| line.trim().trim_start_matches("pub "));
    let fields = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'));
    fields.map(|(name, _)| name.to_owned()).filter(|name| !["answering", "tokens"].contains(&name.as_str())).collect()
}

/// Every field of the log, and where it is written.
fn logged() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for (path, code) in sources() {
        let written = path.ends_with("ledger/lines.rs") || path.ends_with("telemetry.rs");
        let fields = traced(&code).into_iter().chain(if written { serialised(&code) } else { Vec::new() });
        found.extend(fields.map(|field| (field, path.clone())));
    }
    found.extend(
        ["function", "settlement_failures", "refused_lists"].map(|name| (name.to_owned(), PathBuf::from("telemetry.rs"))),
    );
    found
}

#[test]
fn the_page_about_logging_lists_every_field_once_and_no_other() {
    let listed = listed("docs/logging.md", "## Fields");
    let unique: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a field is listed twice");
    let logged = logged();
    let missing: Vec<_> = logged.iter().filter(|(field, _)| !unique.contains(field)).collect();
    assert!(missing.is_empty(), "not listed: {missing:#?}");
    let invented: Vec<_> = unique.iter().filter(|field| !logged.contains_key(**field)).collect();
    assert!(invented.is_empty(), "not logged: {invented:?}");
}

#[test]
fn durations_and_money_in_the_log_carry_their_unit() {
    let unclear = ["ms", "duration", "elapsed", "held", "charged", "listed", "reported", "cost"];
    let found: Vec<_> = logged().into_iter().filter(|(field, _)| unclear.contains(&field.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_page_about_logging_lists_every_event() {
    let mut listed: Vec<String> = listed("docs/logging.md", "## The lines of a request");
    listed.extend(self::listed("docs/logging.md", "## Other events"));
    let code: String = sources().into_iter().map(|(_, code)| code).collect();
    let is_event = |text: &&str| ["ledger.", "models."].iter().any(|prefix| text.starts_with(prefix)) && !text.contains(' ');
    let written: BTreeSet<&str> = code.split('"').filter(is_event).collect();
    let written: BTreeSet<&str> = written.into_iter().filter(|text| !text.contains(".toml")).collect();
    assert_eq!(listed.iter().map(String::as_str).collect::<BTreeSet<_>>(), written);
}
