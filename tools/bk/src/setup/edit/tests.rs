//! What an edit changes, keeps and rejects.

use super::*;

const JSON: &str = r#"{ "env": { "URL": "u", "KEY": "k" }, "list": [1, { "a": true }] }"#;
const TOML: &str = "model = \"m\"\n\n[providers.gateway]\nurl = \"u\"\n";
const YAML: &str = "model: m\nmodels:\n  - name: gateway\n    url: u\n";

fn merged(format: Format, text: &str) -> String {
    let settings = match format {
        Format::Json => JSON,
        Format::Toml => TOML,
        Format::Yaml => YAML,
    };
    format.merge(text, settings).unwrap()
}

#[test]
fn json_keeps_order_comments_and_other_settings() {
    let text = "{\n  // mine\n  \"theme\": \"dark\", /* always */\n  \"env\": {\n    \"URL\": \"old\", // here\n    \"PATH\": \"p\"\n  },\n  \"z\": [1,2]\n}\n";
    let expected = "{\n  // mine\n  \"theme\": \"dark\", /* always */\n  \"env\": {\n    \"URL\": \"u\", // here\n    \"PATH\": \"p\",\n    \"KEY\": \"k\"\n  },\n  \"z\": [1,2],\n  \"list\": [\n    1,\n    {\n      \"a\": true\n    }\n  ]\n}\n";
    assert_eq!(merged(Format::Json, text), expected);
}

#[test]
fn toml_keeps_order_comments_and_other_settings() {
    let text = "# mine\nmodel = \"old\" # here\nsandbox = 'x'\n\n[a]\nb = 1 # one\n\n[providers.other]\nurl = 'o'\n\n[z]\n";
    let expected = "# mine\nmodel = \"m\" # here\nsandbox = 'x'\n\n[a]\nb = 1 # one\n\n[providers.other]\nurl = 'o'\n\n[providers.gateway]\nurl = \"u\"\n\n[z]\n";
    assert_eq!(merged(Format::Toml, text), expected);
}

#[test]
fn yaml_keeps_order_comments_and_other_settings() {
    let text =
        "# mine\nmodel: old\nother: [1, 2] # here\n\nmodels:\n- name: first\n  url: f\n\n# the end\nlast: |\n  text\n";
    let expected = "# mine\nmodel: m\nother: [1, 2] # here\n\nmodels:\n- name: first\n  url: f\n- name: gateway\n  url: u\n\n# the end\nlast: |\n  text\n";
    assert_eq!(merged(Format::Yaml, text), expected);
}

#[test]
fn yaml_list_takes_items_at_its_end() {
    let settings = "- model_id: gateway\n  url: u\n";
    assert_eq!(Format::Yaml.merge("- model_id: a # one\n", settings).unwrap(), format!("- model_id: a # one\n{settings}"));
}

#[test]
fn an_empty_file_gets_the_settings_as_they_are() {
    assert_eq!(merged(Format::Json, "\n"), JSON);
    assert_eq!(merged(Format::Toml, ""), TOML);
    assert_eq!(merged(Format::Yaml, "# mine\n"), format!("# mine\n{YAML}"));
}

#[test]
fn a_second_edit_of_json_or_toml_changes_nothing() {
    for (format, text) in [(Format::Json, "{\"env\": {\"a\": 1}}\n"), (Format::Toml, "a = 1\n[b]\nc = 2\n")] {
        let once = merged(format, text);
        assert_eq!(merged(format, &once), once);
    }
}

#[test]
fn what_cannot_be_edited_is_refused_with_the_reason() {
    for (format, text, reason) in [
        (Format::Json, "{\"env\": {", "Unterminated object"),
        (Format::Json, "[1]", "it does not contain a JSON object"),
        (Format::Json, "{\"env\": 1}", "`env` is not an object in it"),
        (Format::Toml, "model = ", "TOML parse error at line 1"),
        (Format::Toml, "providers = 1", "`providers` is not a table in it"),
        (Format::Yaml, "model: [", "did not find expected node content"),
        (Format::Yaml, "text", "it does not contain a mapping"),
        (Format::Yaml, "{model: a, b: c}", "cannot be edited safely"),
        (Format::Yaml, "models: [{name: a}]", "cannot be edited safely"),
        (Format::Yaml, "models:\n- name: gateway\n", "already has an entry of this name"),
    ] {
        let settings = match format {
            Format::Json => JSON,
            Format::Toml => TOML,
            Format::Yaml => YAML,
        };
        let refused = format!("{:#}", format.merge(text, settings).unwrap_err());
        assert!(refused.contains(reason), "{text}: {refused}");
    }
}
