//! Every binary has a function, a log group, an address and an alarm, and reads every variable.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use gateway::config::VARIABLES;
use gateway::endpoints::Endpoint;
use gateway_dev::stack::{FUNCTIONS, SCHEDULED};
use gateway_tests::project;
use serde_json::{Value, json};

use crate::parsed::{functions, globals, properties, resources, template, text};

const STREAMING: [&str; 3] = ["chat-completions", "messages", "responses"];

fn names() -> BTreeSet<String> {
    FUNCTIONS.into_iter().chain(SCHEDULED).map(str::to_owned).collect()
}

#[test]
fn every_binary_has_a_function() {
    assert_eq!(functions().into_keys().collect::<BTreeSet<_>>(), names());
    let folders = fs::read_dir(project().join("functions")).unwrap();
    let folders = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(folders, names());
    for (id, function) in resources("AWS::Serverless::Function") {
        assert_eq!(function["Metadata"], json!({"BuildMethod": "rust-cargolambda"}), "{id}");
    }
    let globals = globals();
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Architectures"], json!([{"Ref": "Architecture"}]));
    assert_eq!(template()["Parameters"]["Architecture"]["Default"], "arm64");
}

#[test]
fn every_function_has_every_variable() {
    let globals = globals();
    let declared = globals["Environment"]["Variables"].as_object().unwrap();
    assert_eq!(declared.keys().map(String::as_str).collect::<BTreeSet<_>>(), VARIABLES.into_iter().collect());
    for (name, (_, function)) in functions() {
        assert!(function.get("Environment").is_none(), "{name}");
    }
}

#[test]
fn functions_have_the_time_memory_and_concurrency_of_their_kind() {
    for (name, (id, function)) in functions() {
        let streams = STREAMING.contains(&name.as_str());
        let (timeout, memory, concurrency) = if SCHEDULED.contains(&name.as_str()) {
            (json!(300), Value::Null, Value::Null)
        } else {
            let inference = |name: &str| if streams { json!({ "Ref": name }) } else { Value::Null };
            let timeout = if name == "count-tokens" { json!(30) } else { inference("InferenceTimeout") };
            let memory = if ["usage", "dashboard"].contains(&name.as_str()) {
                json!({"Ref": "UsageMemory"})
            } else {
                inference("InferenceMemory")
            };
            (timeout, memory, reserved(streams, "Inference"))
        };
        let is = |property: &str| function.get(property).cloned().unwrap_or_default();
        assert_eq!(is("Timeout"), timeout, "{id}");
        assert_eq!(is("MemorySize"), memory, "{id}");
        assert_eq!(is("ReservedConcurrentExecutions"), concurrency, "{id}");
    }
    let parameters = &template()["Parameters"];
    assert_eq!(parameters["InferenceTimeout"]["Default"], 900);
    let default = |name: &str| &parameters[name]["Default"];
    let memories = ["InferenceMemory", "UsageMemory", "EndpointMemory"].map(default);
    assert_eq!(memories, [&json!(256), &json!(256), &json!(128)]);
    // New accounts have too few environments to reserve any.
    assert_eq!(
        (&parameters["InferenceConcurrency"]["Default"], &parameters["EndpointConcurrency"]["Default"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(globals()["ReservedConcurrentExecutions"], reserved(true, "Endpoint"));
}

#[test]
fn streaming_functions_stream_from_their_urls_and_the_others_are_buffered() {
    let mut expected = BTreeMap::new();
    for (name, (id, function)) in functions() {
        assert!(function.get("FunctionUrlConfig").is_none(), "{id}: SAM's own URLs are there in front of API Gateway, too");
        if FUNCTIONS.contains(&name.as_str()) {
            let mode = if STREAMING.contains(&name.as_str()) { "RESPONSE_STREAM" } else { "BUFFERED" };
            let alias = json!({"Ref": format!("{id}.Alias")});
            let url = json!({"TargetFunctionArn": alias, "AuthType": "NONE", "InvokeMode": mode});
            expected
                .insert(format!("{id}Url"), json!({"Type": "AWS::Lambda::Url", "Condition": "HasUrls", "Properties": url}));
        }
    }
    assert_eq!(resources("AWS::Lambda::Url"), expected);
}

fn reserved(is: bool, whose: &str) -> Value {
    if !is {
        return Value::Null;
    }
    let condition = if whose == "Endpoint" { "ReservesEndpoints" } else { "ReservesInference" };
    json!({"Fn::If": [condition, {"Ref": format!("{whose}Concurrency")}, {"Ref": "AWS::NoValue"}]})
}

#[test]
fn every_function_logs_json_into_a_group_of_its_own_that_expires() {
    let globals = globals();
    assert_eq!(globals["LoggingConfig"], json!({"LogFormat": "JSON"}));
    assert_eq!(globals["Tracing"], json!({"Ref": "Tracing"}));
    assert_eq!(template()["Parameters"]["Tracing"]["Default"], "Active");
    let mut groups = BTreeSet::new();
    for (name, (_, function)) in functions() {
        let group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap().to_owned();
        assert_eq!(properties(&group)["RetentionInDays"], json!({"Ref": "LogRetentionDays"}), "{name}");
        assert!(groups.insert(group), "{name}");
    }
    assert_eq!(groups, resources("AWS::Logs::LogGroup").into_keys().collect());
}

#[test]
fn every_function_is_published_behind_an_alias_whenever_anything_of_it_changes() {
    assert_eq!(globals()["AutoPublishAlias"], "live");
    for (name, (_, function)) in functions() {
        assert_eq!(function["AutoPublishAliasAllProperties"], true, "{name}");
        assert_eq!(function["AutoPublishCodeSha256"], json!({"Ref": "Revision"}), "{name}");
    }
}

#[test]
fn reconcile_runs_by_schedule_and_nothing_else_does() {
    for (name, (_, function)) in functions() {
        let schedule = json!({"Schedule": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(15 minutes)", "OmitName": true}}});
        let expected = if name == "reconcile" { schedule } else { Value::Null };
        assert_eq!(function.get("Events").cloned().unwrap_or_default(), expected, "{name}");
    }
}

#[test]
fn every_function_with_an_address_has_an_event_and_an_output() {
    let mut with_event = BTreeSet::new();
    for file in fs::read_dir(project().join("events")).unwrap() {
        let event: Value = serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let path = event["rawPath"].as_str().unwrap();
        with_event.insert(Endpoint::function(Endpoint::of_path(path).as_ref()).to_owned());
    }
    assert_eq!(with_event, FUNCTIONS.into_iter().map(str::to_owned).collect());
    let outputs = &template()["Outputs"];
    for (name, (id, _)) in functions().into_iter().filter(|(name, _)| FUNCTIONS.contains(&name.as_str())) {
        let output = &outputs[format!("{}Url", id.trim_end_matches("Function"))];
        let url = json!({"Fn::GetAtt": format!("{id}Url.FunctionUrl")});
        assert_eq!(output, &json!({"Condition": "HasUrls", "Value": url}), "{name}");
    }
}

#[test]
fn secrets_are_named_and_never_there() {
    let variables = &globals()["Environment"]["Variables"];
    for by_value in ["OPENROUTER_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS_JSON"] {
        assert_eq!(variables[by_value], "", "{by_value}");
    }
    let template = template();
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        let is_secret =
            ["OriginSecret", "OriginSecretPrevious", "ReasoningSecret", "ReasoningSecretPrevious"].contains(&name.as_str());
        assert_eq!(parameter["NoEcho"] == true, is_secret, "{name}");
        let no_default = parameter["Default"] == "";
        assert!(!is_secret || no_default, "{name}");
    }
    let text = text();
    for shape in ["AKIA", "sk-or-", "bk_", "PRIVATE KEY", "AIza"] {
        assert!(!text.contains(shape), "{shape}");
    }
}
