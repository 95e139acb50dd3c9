//! AWS's parameter store, limited to reading secrets.

use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal::Entry;
use super::json::json;
use super::received::Received;
use super::sigv4::{Signed, Wrong};
use super::stage::Answer;
use super::state::{Simulator, respond};

const JSON_1_1: &str = "application/x-amz-json-1.1";
const TARGET: &str = "AmazonSSM.GetParameter";

/// `POST /ssm/`: AWS's JSON protocol 1.1.
pub(super) async fn endpoint(State(simulator): State<Simulator>, request: Request) -> Response {
    let received = Received::read(request).await;
    let (status, body, entry) = match simulator.parameter(&received) {
        Ok(body) => {
            let entry = simulator.refused("ssm", 200, &received);
            (200, body, Entry { scenario: "get-parameter".to_owned(), ..entry })
        }
        Err(Wrong { kind, message }) => {
            let body = json(&Failure { kind, message });
            (400, body, simulator.refused("ssm", 400, &received))
        }
    };
    let answer = Answer { content_type: JSON_1_1, ..Answer::plain(status, body) };
    respond(answer, simulator.journal.begin(entry), &received.line)
}

#[derive(Serialize)]
struct Failure {
    #[serde(rename = "__type")]
    kind: &'static str,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    parameter: Parameter,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    #[serde(rename = "ARN")]
    arn: String,
    data_type: &'static str,
    last_modified_date: f64,
    name: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    value: String,
    version: u32,
}

impl Simulator {
    /// The answer to a request for a parameter.
    fn parameter(&self, received: &Received) -> Result<String, Wrong> {
        let wrong = |kind: &'static str, message: &str| Err(Wrong { kind, message: message.to_owned() });
        let text = received.text();
        let signed = Signed {
            method: "POST",
            path: &received.path,
            query: &received.query,
            headers: &received.headers,
            payload: text.as_bytes(),
        };
        let region = signed.check("ssm", &["x-amz-target"], &self.aws_credentials(), Timestamp::now())?;
        let header = |name: &str| received.headers.get(name).map(String::as_str);
        if header("x-amz-target") != Some(TARGET) || header("content-type") != Some(JSON_1_1) {
            return wrong("UnknownOperationException", "");
        }
        let Ok(request) = serde_json::from_str::<GetParameter>(&text) else {
            return wrong("SerializationException", "The body is not a GetParameter request.");
        };
        let Some(value) = self.parameter_value(&request.name) else {
            return wrong("ParameterNotFound", "");
        };
        let value = if request.with_decryption { value } else { ciphertext(&request.name) };
        let slash = if request.name.starts_with('/') { "" } else { "/" };
        let arn = format!("arn:aws:ssm:{region}:000000000000:parameter{slash}{}", request.name);
        let (name, last_modified_date) = (request.name, 1_700_000_000.5);
        let parameter =
            Parameter { arn, data_type: "text", last_modified_date, name, kind: "SecureString", value, version: 1 };
        Ok(json(&Found { parameter }))
    }
}

/// The value without decryption. It contains nothing of the secret.
fn ciphertext(name: &str) -> String {
    STANDARD.encode(format!("still encrypted: {name}").repeat(4))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::super::aws::AwsCredentials;
    use super::super::sigv4::tests::sign;
    use super::*;

    /// The headers of a signed `GetParameter` request, without the host.
    pub(crate) fn headers(host: &str, credentials: &AwsCredentials, body: &str) -> BTreeMap<String, String> {
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut names = "content-type;host;x-amz-date".to_owned();
        let mut headers: BTreeMap<String, String> =
            [("content-type", JSON_1_1), ("host", host), ("x-amz-date", now.as_str()), ("x-amz-target", TARGET)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        if let Some(token) = &credentials.session_token {
            headers.insert("x-amz-security-token".to_owned(), token.clone());
            names.push_str(";x-amz-security-token");
        }
        names.push_str(";x-amz-target");
        let signed = Signed { method: "POST", path: "/ssm/", query: "", headers: &headers, payload: body.as_bytes() };
        let scope = format!("{}/{}/us-east-1/ssm/aws4_request", credentials.access_key_id, &now[..8]);
        let authorization = sign(&signed, &scope, &names, &credentials.secret_access_key);
        headers.insert("authorization".to_owned(), authorization);
        headers
    }
}
