//! One base URL with `CloudFront`. The distribution sends each path to the right function.

use gateway::endpoints::Endpoint;
use serde_json::{Value, json};

use crate::parsed::{properties, template};

const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
const ALL_VIEWER_EXCEPT_HOST: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

fn distribution() -> Value {
    properties("Edge")["DistributionConfig"].clone()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

/// `CloudFront`'s rule: the first behaviour whose pattern matches the path, or else the default behaviour.
fn target(distribution: &Value, path: &str) -> String {
    let matches = |pattern: &str| {
        let pieces: Vec<&str> = pattern.split('*').collect();
        match pieces[..] {
            [start, ""] => path.starts_with(start),
            [start, middle, ""] => path.strip_prefix(start).is_some_and(|rest| rest.contains(middle)),
            _ => panic!("{pattern}: no such pattern is understood here"),
        }
    };
    let behaviours = list(&distribution["CacheBehaviors"]);
    let first = behaviours.iter().find(|behaviour| matches(behaviour["PathPattern"].as_str().unwrap()));
    let behaviour = first.unwrap_or(&distribution["DefaultCacheBehavior"]);
    behaviour["TargetOriginId"].as_str().unwrap().to_owned()
}

#[test]
fn every_path_reaches_the_function_that_answers_it_in_every_spelling() {
    let distribution = distribution();
    for path in super::PATHS {
        for prefix in ["/", "/v1/", "/v1/v1/", "//", "//v1/", "/v1//"] {
            for end in ["", "/"] {
                let path = format!("{prefix}{path}{end}");
                let endpoint = Endpoint::of_path(&path);
                assert_eq!(target(&distribution, &path), Endpoint::function(endpoint.as_ref()), "{path}");
            }
        }
    }
}

#[test]
fn every_behaviour_passes_everything_but_the_host_and_keeps_nothing() {
    let distribution = distribution();
    let mut behaviours = list(&distribution["CacheBehaviors"]);
    assert_eq!(behaviours.len(), 24);
    behaviours.push(distribution["DefaultCacheBehavior"].clone());
    for behaviour in behaviours {
        assert_eq!(behaviour["CachePolicyId"], CACHING_DISABLED);
        assert_eq!(behaviour["OriginRequestPolicyId"], ALL_VIEWER_EXCEPT_HOST);
        assert_eq!(behaviour["Compress"], false);
        // A redirect would turn a POST into a GET.
        assert_eq!(behaviour["ViewerProtocolPolicy"], "https-only");
        assert_eq!(behaviour["AllowedMethods"], json!(["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]));
    }
}

#[test]
fn errors_are_not_kept_either() {
    let responses = list(&distribution()["CustomErrorResponses"]);
    // The error statuses that CloudFront would otherwise cache for ten seconds.
    let codes = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];
    assert_eq!(responses, codes.map(|code| json!({"ErrorCode": code, "ErrorCachingMinTTL": 0})));
}

#[test]
fn every_origin_is_a_functions_url_and_gets_the_secret_if_there_is_one() {
    for origin in list(&distribution()["Origins"]) {
        let id = origin["Id"].as_str().unwrap();
        let (function, _) = crate::parsed::functions().remove(id).unwrap();
        let url = json!({"Fn::GetAtt": format!("{function}Url.FunctionUrl")});
        assert_eq!(origin["DomainName"], json!({"Fn::Select": [2, {"Fn::Split": ["/", url]}]}), "{id}");
        let custom = &origin["CustomOriginConfig"];
        assert_eq!(
            (&custom["OriginReadTimeout"], &custom["OriginProtocolPolicy"]),
            (&json!({"Ref": "EdgeReadTimeout"}), &json!("https-only")),
            "{id}"
        );
        let header = json!([{"HeaderName": "x-gateway-origin-secret", "HeaderValue": {"Ref": "OriginSecret"}}]);
        let headers = json!({"Fn::If": ["HasOriginSecret", header, {"Ref": "AWS::NoValue"}]});
        assert_eq!(origin["OriginCustomHeaders"], headers, "{id}");
    }
}

/// The condition that a parameter is given.
fn given(parameter: &str) -> Value {
    json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]})
}

#[test]
fn what_would_be_ignored_without_its_other_half_is_refused() {
    let edge = json!({"Fn::Equals": [{"Ref": "WithEdge"}, "true"]});
    let expected = [
        ("DomainNeedsCertificate", "DomainName", given("CertificateArn")),
        ("DomainNeedsEdge", "DomainName", edge.clone()),
        ("CertificateNeedsDomain", "CertificateArn", given("DomainName")),
        ("ZoneNeedsDomain", "HostedZoneId", given("DomainName")),
        ("WebAclNeedsEdge", "WebAclArn", edge),
        ("CredentialsNeedProject", "GoogleCredentialsParameter", given("VertexProject")),
        ("OpenCatalogNeedsOpenRouter", "OpenCatalog", given("OpenRouterApiKeyParameter")),
        ("LayerNeedsFile", "ModelCatalogLayer", given("ModelCatalog")),
    ];
    let rules = template()["Rules"].clone();
    assert_eq!(rules.as_object().unwrap().len(), expected.len());
    for (rule, parameter, wanted) in expected {
        let assertion = &rules[rule]["Assertions"][0];
        assert_eq!((&rules[rule]["RuleCondition"], &assertion["Assert"]), (&given(parameter), &wanted), "{rule}");
        assert!(assertion["AssertDescription"].as_str().unwrap().contains(parameter), "{rule}");
    }
}

#[test]
fn the_edge_is_on_by_default_and_everything_of_it_can_be_left_out() {
    let template = template();
    let default = |name: &str| template["Parameters"][name]["Default"].clone();
    assert_eq!((default("WithEdge"), default("EdgeReadTimeout")), (json!("true"), json!(120)));
    assert_eq!(template["Conditions"]["HasEdge"], json!({"Fn::Equals": [{"Ref": "WithEdge"}, "true"]}));
    for (resource, condition) in [("Edge", "HasEdge"), ("EdgeRecords", "HasRecords")] {
        assert_eq!(template["Resources"][resource]["Condition"], condition);
    }
    let front = json!({"Fn::Or": [{"Condition": "HasEdge"}, {"Condition": "HasApi"}]});
    assert_eq!(
        (&template["Outputs"]["BaseUrl"]["Condition"], &template["Conditions"]["HasFront"]),
        (&json!("HasFront"), &front)
    );
    let distribution = distribution();
    for (property, condition) in [("Aliases", "HasDomain"), ("ViewerCertificate", "HasDomain"), ("WebACLId", "HasWebAcl")] {
        assert_eq!(distribution[property]["Fn::If"][0], condition, "{property}");
    }
}
