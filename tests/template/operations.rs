//! Alarms, the dashboard, and gradual deployments.

use std::collections::BTreeSet;

use gateway::telemetry::PUBLISHED;
use serde_json::{Value, json};

use crate::parsed::{functions, globals, properties, resources, template};

#[test]
fn alarms_are_these_and_each_reads_one_metric_so_that_idle_stays_free() {
    let mut alarms = resources("AWS::CloudWatch::Alarm");
    let gradual = alarms.remove("FailuresOfDeploymentAlarm").unwrap();
    assert_eq!((&gradual["Condition"], &gradual["Properties"]["Threshold"]), (&json!("IsGradual"), &json!(3)));
    // Ten alarm metrics are free; an alarm over an expression would count as many as it reads.
    assert!(alarms.len() <= 10);
    let mut read = BTreeSet::new();
    for (id, alarm) in &alarms {
        let alarm = &alarm["Properties"];
        assert!(alarm.get("Metrics").is_none(), "{id}");
        assert!(alarm["Period"].as_u64().unwrap() >= 60, "{id}: a shorter period is never free");
        let topic = json!({"Fn::If": ["TellsSomebody", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]});
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&topic, &topic), "{id}");
        let statistic = alarm.get("Statistic").or_else(|| alarm.get("ExtendedStatistic")).unwrap();
        let of = alarm["Dimensions"][0]["Value"]["Ref"].as_str().unwrap_or("-");
        read.insert(format!("{} {} {of}", alarm["MetricName"].as_str().unwrap(), statistic.as_str().unwrap()));
    }
    let expected = [
        "failures Sum -",
        "server_errors Sum -",
        "Throttles Sum -",
        "ConcurrentExecutions Maximum -",
        "first_event_ms p99 ChatCompletionsFunction",
        "first_event_ms p99 MessagesFunction",
        "first_event_ms p99 ResponsesFunction",
        "settlement_failures Sum -",
        "Invocations Sum ReconcileFunction",
        "refused_lists Sum ReconcileFunction",
    ];
    assert_eq!(read, expected.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_runbook_explains_every_alarm_and_no_other() {
    let page = std::fs::read_to_string(gateway_tests::project().join("tools/deploy/README.md")).unwrap();
    let explained: BTreeSet<String> = page.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    assert_eq!(explained, resources("AWS::CloudWatch::Alarm").into_keys().collect());
}

/// The functions whose log groups a metric is counted from, and its pattern.
fn counted(metric: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let filters = resources("AWS::Logs::MetricFilter").into_values().map(|filter| filter["Properties"].clone());
    let filters: Vec<Value> = filters.filter(|filter| filter["MetricTransformations"][0]["MetricName"] == metric).collect();
    let namespace = json!({"Fn::Sub": "LlmGateway/${AWS::StackName}"});
    assert!(filters.iter().all(|filter| filter["MetricTransformations"][0]["MetricNamespace"] == namespace));
    let groups: Vec<&str> = filters.iter().map(|filter| filter["LogGroupName"]["Ref"].as_str().unwrap()).collect();
    let of_group = |(name, (_, function)): (String, (String, Value))| {
        groups.contains(&function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap()).then_some(name)
    };
    let patterns = filters.iter().map(|filter| filter["FilterPattern"].as_str().unwrap().to_owned());
    (functions().into_iter().filter_map(of_group).collect(), patterns.collect())
}

#[test]
fn every_function_raises_the_alarm_of_failures() {
    let (functions_of, patterns) = counted("failures");
    assert_eq!(functions_of, functions().into_keys().collect());
    assert_eq!(patterns, BTreeSet::from([r#"{ $.type = "platform.report" && $.record.status != "success" }"#.to_owned()]));
}

#[test]
fn every_function_that_answers_requests_raises_the_alarm_of_server_errors() {
    let (functions_of, patterns) = counted("server_errors");
    let mut expected: BTreeSet<String> = functions().into_keys().collect();
    expected.remove("reconcile");
    assert_eq!(functions_of, expected);
    assert_eq!(patterns, BTreeSet::from(["{ $.http_status >= 500 }".to_owned()]));
}

#[test]
fn every_function_that_settles_raises_the_alarm_of_settlements() {
    let (functions_of, patterns) = counted("settlement_failures");
    assert_eq!(functions_of, ["chat-completions", "messages", "responses"].map(str::to_owned).into());
    assert_eq!(patterns, BTreeSet::from(["{ $.settlement_failures >= 1 }".to_owned()]));
}

#[test]
fn deployments_are_gradual_only_if_asked_for_and_roll_back_on_alarms_that_exist() {
    let preference = globals()["DeploymentPreference"].clone();
    assert_eq!(preference["Enabled"], json!({"Ref": "Canary"}));
    assert_eq!(template()["Parameters"]["Canary"]["Default"], "false");
    assert_eq!(preference["Alarms"]["Fn::If"][0], "IsGradual");
    let alarms = preference["Alarms"]["Fn::If"][1].as_array().unwrap().clone();
    assert_eq!(alarms.len(), 3);
    for alarm in alarms {
        let name = alarm["Ref"].as_str().unwrap();
        assert!(resources("AWS::CloudWatch::Alarm").contains_key(name), "{name}");
    }
}

#[test]
fn the_dashboard_is_json() {
    let body = properties("Dashboard")["DashboardBody"]["Fn::Sub"].as_str().unwrap().to_owned();
    let body: Value = serde_json::from_str(&body).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    assert_eq!(widgets.len(), 6);
}

#[test]
fn every_metric_that_functions_publish_is_read_by_an_alarm_or_the_dashboard() {
    let dashboard = properties("Dashboard")["DashboardBody"]["Fn::Sub"].as_str().unwrap().replace('\\', "");
    let alarms = serde_json::to_string(&resources("AWS::CloudWatch::Alarm")).unwrap();
    for metric in PUBLISHED {
        let name = format!("\"{metric}\"");
        let is_read = dashboard.contains(&name) || alarms.contains(&name);
        assert!(is_read, "no alarm or dashboard reads {metric}");
    }
}
