//! The endpoints that issue tokens: for a service account's key, for a workload's identity, and for an impersonated account.

use std::collections::BTreeMap;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;

use super::journal::Entry;
use super::json::json;
use super::received::Received;
use super::stage::Answer;
use super::state::{Simulator, respond, unknown};
use super::tokens::TokenKind;
use super::{federation, gemini, token};

/// Lifetime of Google's tokens, in seconds.
const LIFETIME: u64 = 3_599;

/// `POST /token`.
pub(super) async fn token_endpoint(State(simulator): State<Simulator>, request: Request) -> Response {
    let received = Received::read(request).await;
    let host = received.headers.get("host").map(String::as_str).unwrap_or_default();
    let outcome = simulator.outcome(denied, || match token::check(host, &received.text()) {
        Ok(()) => Ok(simulator.grant(TokenKind::Models, None)),
        Err(wrong) => Err((400, denied(400, &format!("{wrong:#}")))),
    });
    simulator.told("token", &received, outcome)
}

/// `POST /sts/v1/token`.
pub(super) async fn sts_endpoint(State(simulator): State<Simulator>, request: Request) -> Response {
    let received = Received::read(request).await;
    let credentials = simulator.aws_credentials();
    let outcome = simulator.outcome(denied, || match federation::check(&received.text(), &credentials, Timestamp::now()) {
        Ok(()) => Ok(simulator.grant(TokenKind::Federated, Some(federation::ACCESS_TOKEN))),
        Err(wrong) => Err((400, denied(400, &format!("{wrong:#}")))),
    });
    simulator.told("sts", &received, outcome)
}

/// `POST /impersonate/v1/projects/-/serviceAccounts/{email}:generateAccessToken`.
pub(super) async fn impersonation_endpoint(
    State(simulator): State<Simulator>,
    Path(place): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let received = Received::read(request).await;
    let target = place.get("target").map(String::as_str).unwrap_or_default();
    let Some(email) = target.strip_suffix(":generateAccessToken") else { return unknown(&simulator, &received) };
    let outcome = simulator.outcome(gemini::error, || simulator.impersonated(email, &received));
    simulator.told("impersonate", &received, outcome)
}

/// The answer of an endpoint, and its kind.
enum Outcome {
    /// Correct, or failing as configured.
    Scripted(u16, String),
    /// The request is invalid.
    Refused(u16, String),
}

impl Simulator {
    /// The answer to the request, unless the endpoints are configured to fail.
    fn outcome(
        &self,
        error: impl FnOnce(u16, &str) -> String,
        answer: impl FnOnce() -> Result<String, (u16, String)>,
    ) -> Outcome {
        if let Some(status) = self.tokens.failure() {
            return Outcome::Scripted(status, error(status, &format!("Simulated error {status}")));
        }
        match answer() {
            Ok(body) => Outcome::Scripted(200, body),
            Err((status, body)) => Outcome::Refused(status, body),
        }
    }

    fn told(&self, scenario: &str, received: &Received, outcome: Outcome) -> Response {
        let (status, body, entry) = match outcome {
            Outcome::Scripted(status, body) => {
                let entry = Entry { scenario: scenario.to_owned(), ..self.refused("token", status, received) };
                (status, body, entry)
            }
            Outcome::Refused(status, body) => (status, body, self.refused("token", status, received)),
        };
        respond(Answer::plain(status, body), self.journal.begin(entry), &received.line)
    }

    fn grant(&self, kind: TokenKind, issued_token_type: Option<&str>) -> String {
        let (access_token, expires_in) = self.tokens.issue(kind, LIFETIME);
        json(&Grant { access_token: &access_token, issued_token_type, token_type: "Bearer", expires_in })
    }

    fn impersonated(&self, email: &str, received: &Received) -> Result<String, (u16, String)> {
        let refuse = |status: u16, message: &str| Err((status, gemini::error(status, message)));
        if !self.tokens.accept_federated(received.authorization()) {
            return refuse(401, "Request had invalid authentication credentials.");
        }
        if email != token::EMAIL {
            return refuse(403, "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).");
        }
        let seconds = match federation::impersonation(&received.text()) {
            Ok(seconds) => seconds,
            Err(wrong) => return refuse(400, &format!("{wrong:#}")),
        };
        let (access_token, seconds) = self.tokens.issue(TokenKind::Models, seconds);
        let lifetime = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let ends = Timestamp::now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let expire_time = ends.round(Unit::Second).unwrap_or(ends).to_string();
        Ok(json(&Impersonated { access_token: &access_token, expire_time }))
    }
}

#[derive(Serialize)]
struct Grant<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'a str>,
    token_type: &'a str,
    expires_in: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated<'a> {
    access_token: &'a str,
    expire_time: String,
}

#[derive(Serialize)]
struct Denial<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// An error in OAuth's format.
fn denied(status: u16, message: &str) -> String {
    let error = if status < 500 { "invalid_grant" } else { "internal_failure" };
    json(&Denial { error, error_description: message })
}
