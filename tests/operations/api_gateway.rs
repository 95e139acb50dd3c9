//! The functions behind API Gateway's REST API. They must read its events (proxy integration, version 1.0) like those of their
//! own URLs.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_tests::Harness;
use serde_json::{Map, Value, json};

use crate::bk::created;
use crate::events::{EXPECTED, check, event};

/// The event that API Gateway sends for the same request as a function URL's event. Its path has no stage. `headers` has only
/// the last value of each name. Every body is base64, because every content type is declared as binary.
fn rest(event: &str) -> Value {
    let event: Value = serde_json::from_str(event).unwrap();
    let (context, path) = (&event["requestContext"], event["rawPath"].as_str().unwrap());
    let lists =
        |pairs: Vec<(String, Value)>| pairs.into_iter().map(|(name, value)| (name, json!([value]))).collect::<Map<_, _>>();
    let headers = event["headers"].as_object().unwrap().clone();
    // No event contains an escape that must be decoded.
    let query = event["rawQueryString"].as_str().unwrap().split('&').filter_map(|pair| pair.split_once('='));
    let query: Map<_, _> = query.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let body = event["body"]
        .as_str()
        .map(|body| if event["isBase64Encoded"] == true { body.to_owned() } else { STANDARD.encode(body) });
    json!({
        "resource": path,
        "path": path,
        "httpMethod": context["http"]["method"],
        "headers": headers,
        "multiValueHeaders": lists(headers.clone().into_iter().collect()),
        "queryStringParameters": if query.is_empty() { Value::Null } else { json!(query) },
        "multiValueQueryStringParameters": if query.is_empty() { Value::Null } else { json!(lists(query.clone().into_iter().collect())) },
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "resourceId": "abc123",
            "resourcePath": path,
            "httpMethod": context["http"]["method"],
            "path": format!("/live{path}"),
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "live",
            "domainPrefix": "abcdefghij",
            "requestTimeEpoch": context["timeEpoch"],
            "requestId": context["requestId"],
            "identity": {"sourceIp": context["http"]["sourceIp"], "userAgent": context["http"]["userAgent"], "accountId": null},
            "domainName": "abcdefghij.execute-api.eu-central-1.amazonaws.com",
            "apiId": "abcdefghij",
        },
        "body": body,
        "isBase64Encoded": body.is_some(),
    })
}

async fn invoke(gateway: &Harness, function: &str, event: &Value) -> Result<Value> {
    let url = format!("{}/2015-03-31/functions/{function}/invocations", gateway.stack.url);
    Ok(serde_json::from_str(&gateway.client.post(url).body(event.to_string()).send().await?.text().await?)?)
}

#[tokio::test]
async fn every_event_is_answered_as_that_of_a_function_url() -> Result<()> {
    let gateway = Harness::start().await?;
    for expected in EXPECTED {
        let (event, function) = event(expected.event, gateway.stack.key());
        check(expected, &invoke(&gateway, function, &rest(&event)).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_key_is_held_to_the_address_that_api_gateway_saw() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--cidrs", "203.0.113.0/24"]).await?;
    for (peer, forwarded_for, status) in
        [("203.0.113.7", "198.51.100.1", 200), ("198.51.100.1", "203.0.113.7", 403), ("2001:db8::7", "203.0.113.7", 403)]
    {
        let (text, function) = event("chat-completions", &key);
        let mut event = rest(&text);
        event["requestContext"]["identity"]["sourceIp"] = json!(peer);
        event["headers"]["x-forwarded-for"] = json!(format!("{forwarded_for}, {peer}"));
        event["multiValueHeaders"]["x-forwarded-for"] = json!([event["headers"]["x-forwarded-for"]]);
        // CloudFront writes this header with the viewer's address. Behind API Gateway any client can send it.
        event["headers"]["cloudfront-viewer-address"] = json!("203.0.113.7:4711");
        let answer = invoke(&gateway, function, &event).await?;
        assert_eq!(answer["statusCode"], status, "{peer}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn the_stage_is_no_part_of_the_path_even_where_both_have_one_name() -> Result<()> {
    let gateway = Harness::start().await?;
    let (text, function) = event("model", gateway.stack.key());
    for stage in ["live", "v1"] {
        let mut event = rest(&text);
        event["requestContext"]["stage"] = json!(stage);
        event["requestContext"]["path"] = json!(format!("/{stage}{}", event["path"].as_str().unwrap()));
        let answer = invoke(&gateway, function, &event).await?;
        assert_eq!(answer["statusCode"], 200, "{stage}: {answer}");
    }
    Ok(())
}

/// Function URLs join such values with commas. Here only the last value arrives, as the deployment page says.
#[tokio::test]
async fn of_a_header_in_several_lines_the_last_one_counts() -> Result<()> {
    let gateway = Harness::start().await?;
    let (text, function) = event("usage", gateway.stack.key());
    for (values, status) in [(["wrong", gateway.stack.key()], 200), ([gateway.stack.key(), "wrong"], 401)] {
        let values = values.map(|key| format!("Bearer {key}"));
        let mut event = rest(&text);
        event["headers"]["authorization"] = json!(values[1]);
        event["multiValueHeaders"]["authorization"] = json!(values);
        let answer = invoke(&gateway, function, &event).await?;
        assert_eq!(answer["statusCode"], status, "{values:?}: {answer}");
    }
    Ok(())
}
