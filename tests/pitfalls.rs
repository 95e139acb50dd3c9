//! Checks `pitfalls.toml`, the lists of known translation errors and of recorded cases. Each entry names the tests that
//! prevent the error, or says why there is none. If a test or fixture is renamed or removed, this test fails.

use std::collections::BTreeSet;
use std::fs;

use gateway_tests::project;
use toml::{Table, Value};

/// Why a reference is broken. `None` if it is correct.
fn broken(reference: &str) -> Option<String> {
    if let Some(fixture) = reference.strip_prefix("fixture:") {
        let missing = !project().join("tests/fixtures").join(fixture).is_file();
        return missing.then(|| format!("there is no fixture {fixture}"));
    }
    let Some((file, name)) = reference.split_once("::") else {
        return Some(format!("{reference} is neither file::test nor fixture:path"));
    };
    let Ok(text) = fs::read_to_string(project().join(file)) else { return Some(format!("there is no file {file}")) };
    let defined = [format!("fn {name}("), format!("def {name}(")].iter().any(|definition| text.contains(definition));
    (!defined).then(|| format!("{file} has no test {name}"))
}

/// The references of an entry.
fn references(entry: &Table) -> Vec<&str> {
    let many = entry.get("tests").and_then(Value::as_array).into_iter().flatten();
    entry.get("test").into_iter().chain(many).map(|reference| reference.as_str().unwrap()).collect()
}

/// What is wrong with an entry.
fn faults(entry: &Table) -> Vec<String> {
    let known = ["id", "says", "test", "tests", "open"];
    let mut faults: Vec<String> =
        entry.keys().filter(|key| !known.contains(&key.as_str())).map(|key| format!("{key} means nothing")).collect();
    let says = entry.get("says").and_then(Value::as_str).unwrap_or_default();
    if says.is_empty() || says.chars().count() > 100 {
        faults.push("says must be 1 to 100 characters".to_owned());
    }
    let reason = entry.get("open").is_some_and(|reason| reason.as_str().is_some_and(|reason| !reason.is_empty()));
    let references = references(entry);
    if references.is_empty() != reason {
        faults.push("needs either a test or a reason why it is open".to_owned());
    }
    faults.extend(references.into_iter().filter_map(broken));
    faults
}

/// The entries of one of the lists.
fn entries<'a>(lists: &'a Table, kind: &str) -> Vec<&'a Table> {
    lists[kind].as_array().unwrap().iter().map(|entry| entry.as_table().unwrap()).collect()
}

/// The faults in the ids and the entries of a list. The ids of cases have a prefix that distinguishes them from translation
/// errors.
fn wrongs(kind: &str, entries: &[&Table]) -> Vec<String> {
    let (mut ids, mut wrong) = (BTreeSet::new(), Vec::new());
    for entry in entries {
        let id = entry.get("id").and_then(Value::as_str).unwrap_or("an entry without id");
        if !ids.insert(id) {
            wrong.push(format!("{id}: twice"));
        }
        if id.starts_with("case:") != (kind == "case") {
            wrong.push(format!("{id}: is no id of a {kind}"));
        }
        wrong.extend(faults(entry).into_iter().map(|fault| format!("{id}: {fault}")));
    }
    wrong
}

fn summary(kind: &str, entries: &[&Table]) -> String {
    let open = entries.iter().filter(|entry| entry.contains_key("open")).count();
    format!("{} {kind}s: {} covered, {open} open", entries.len(), entries.len() - open)
}

#[test]
fn every_pitfall_and_case_has_a_test_that_exists_or_a_reason() {
    let lists: Table = fs::read_to_string(project().join("tests/pitfalls.toml")).unwrap().parse().unwrap();
    let kinds = ["pitfall", "case"];
    let wrong: Vec<String> = kinds.iter().flat_map(|kind| wrongs(kind, &entries(&lists, kind))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // One line: `make pitfalls` looks for it.
    println!("{}", kinds.map(|kind| summary(kind, &entries(&lists, kind))).join("; "));
}

#[test]
fn ids_are_unique_and_tell_cases_from_pitfalls() {
    let entry = |id: &str| -> Table { format!("id = \"{id}\"\nsays = \"a\"\nopen = \"b\"").parse().unwrap() };
    let (trap, case) = (entry("A1"), entry("case:requests-chat/a"));
    assert_eq!(wrongs("pitfall", &[&trap]), Vec::<String>::new());
    assert_eq!(wrongs("case", &[&case]), Vec::<String>::new());
    assert_eq!(wrongs("case", &[&trap]), ["A1: is no id of a case"]);
    assert_eq!(wrongs("pitfall", &[&trap, &trap]), ["A1: twice"]);
    assert_eq!(summary("case", &[&case]), "1 cases: 0 covered, 1 open");
}

#[test]
fn a_fault_is_noticed() {
    let faults_of = |entry: &str| faults(&entry.parse().unwrap()).join("; ");
    for (entry, expected) in [
        (r#"says = "a""#, "needs either a test or a reason why it is open"),
        (
            r#"says = "a"
            test = "fixture:requests/none.json""#,
            "there is no fixture requests/none.json",
        ),
        (
            r#"says = "a"
            test = "tests/pitfalls.rs::no_such_name""#,
            "tests/pitfalls.rs has no test no_such_name",
        ),
        (
            r#"says = "a"
            test = "tests/none.rs::a""#,
            "there is no file tests/none.rs",
        ),
        (
            r#"says = "a"
            tests = ["golden"]"#,
            "golden is neither file::test nor fixture:path",
        ),
        (
            r#"says = "a"
            test = "tests/pitfalls.rs::faults"
            open = "b""#,
            "needs either a test or a reason why it is open",
        ),
        (r#"open = "b""#, "says must be 1 to 100 characters"),
    ] {
        assert_eq!(faults_of(entry), expected, "{entry}");
    }
}
