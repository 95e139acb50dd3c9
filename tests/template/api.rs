//! One base URL with API Gateway. Its REST API sends each path to the right function, and streams the answers.

use gateway::endpoints::Endpoint;
use serde_json::{Value, json};

use crate::parsed::{functions, properties, template};

const STREAMING: [&str; 3] = ["chat-completions", "messages", "responses"];

fn paths() -> serde_json::Map<String, Value> {
    properties("Api")["DefinitionBody"]["paths"].as_object().unwrap().clone()
}

/// The integration of a request: of the path itself, or else of the longest greedy path that it is under.
fn integration(path: &str) -> Value {
    let paths = paths();
    let greedy = |known: &&String| known.strip_suffix("{proxy+}").is_some_and(|start| path.starts_with(start));
    let of =
        paths.keys().find(|known| *known == path).or_else(|| paths.keys().filter(greedy).max_by_key(|known| known.len()));
    paths[of.unwrap()]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"].clone()
}

/// The required integration with a function. A streaming function needs another operation of Lambda, with other limits.
fn expected(function: &str) -> Value {
    let (id, _) = functions().remove(function).unwrap();
    let streams = STREAMING.contains(&function);
    let (version, operation) =
        if streams { ("2021-11-15", "response-streaming-invocations") } else { ("2015-03-31", "invocations") };
    let start = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path";
    let uri = json!({"Fn::Sub": format!("{start}/{version}/functions/${{{id}Aliaslive}}/{operation}")});
    if streams {
        json!({"type": "aws_proxy", "httpMethod": "POST", "responseTransferMode": "STREAM", "timeoutInMillis": 900_000, "uri": uri})
    } else {
        json!({"type": "aws_proxy", "httpMethod": "POST", "uri": uri})
    }
}

#[test]
fn every_path_reaches_the_function_that_answers_it() {
    for path in super::PATHS {
        for prefix in ["/", "/v1/", "/v1/v1/"] {
            let path = format!("{prefix}{path}");
            let function = Endpoint::function(Endpoint::of_path(&path).as_ref());
            assert_eq!(integration(&path), expected(function), "{path}");
        }
    }
}

#[test]
fn every_method_passes_so_that_the_functions_answer_preflights_and_refuse_methods_themselves() {
    for (path, item) in paths() {
        assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), ["x-amazon-apigateway-any-method"], "{path}");
    }
}

#[test]
fn the_api_is_regional_open_and_leaves_bodies_as_they_are() {
    let template = template();
    assert_eq!(template["Resources"]["Api"]["Condition"], "HasApi");
    let api = properties("Api");
    assert_eq!((&api["EndpointConfiguration"], &api["StageName"]), (&json!({"Type": "REGIONAL"}), &json!("live")));
    assert_eq!(api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"], json!(["*/*"]));
    // Keys are the functions' own.
    assert!(api.get("Auth").is_none() && !api["DefinitionBody"].to_string().contains("security"));
}

#[test]
fn its_stage_is_part_of_the_base_url_and_its_calls_prove_no_origin() {
    let template = template();
    let url = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live";
    assert_eq!(template["Outputs"]["BaseUrl"]["Value"]["Fn::If"][0], "HasApi");
    assert_eq!(template["Outputs"]["BaseUrl"]["Value"]["Fn::If"][1], json!({ "Fn::Sub": url }));
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    for (variable, parameter) in [("ORIGIN_SECRET", "OriginSecret"), ("ORIGIN_SECRET_PREVIOUS", "OriginSecretPrevious")] {
        assert_eq!(variables[variable], json!({"Fn::If": ["HasEdge", {"Ref": parameter}, ""]}));
    }
}
