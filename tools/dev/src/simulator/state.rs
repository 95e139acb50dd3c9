//! The simulator: its memory, its answers, and its settings.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::time::sleep;

use super::aws::AwsCredentials;
use super::connection::Line;
use super::journal::{Entry, Journal, Row};
use super::listing::ListSize;
use super::marker::label_in;
use super::model_request::{Mode, ModelRequest};
use super::received::Received;
use super::refusal::{Refusal, Shape};
use super::scenario::Scenario;
use super::script::Script;
use super::session::Session;
use super::settable::Settable;
use super::stage::{Answer, Cue};
use super::tokens::Tokens;
use super::turns::Turns;
use super::wire::Wire;
use super::{dearest, gemini, sending, strict};

/// The provider simulator. Clones share the same journal, tokens and settings.
#[derive(Clone, Debug)]
pub struct Simulator {
    pace: Duration,
    pub(super) journal: Journal,
    pub(super) tokens: Tokens,
    turns: Turns,
    settable: Settable,
}

impl Simulator {
    /// A simulator with this pause before each streamed word, unless a script has its own.
    pub fn new(pace: Duration) -> Self {
        Self {
            pace,
            journal: Journal::default(),
            tokens: Tokens::default(),
            turns: Turns::default(),
            settable: Settable::default(),
        }
    }

    /// The requests so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Records a request to a model and answers it.
    pub(super) async fn answer(&self, received: Received, mut request: ModelRequest) -> Response {
        let wire = request.wire;
        let script = Script::of(&request.user_text, &request.marked_text, wire, &self.turns)
            .and_then(|script| strict::check(&request, &script, &received).map(|()| script));
        let script = match script {
            Ok(script) => script,
            Err(wrong) => return self.refuse(&received, wire, &Refusal::own(400, &wrong)),
        };
        if let Scenario::Dearest { percent } = script.scenario {
            let body = received.json().unwrap_or_default();
            request.dearest = Some(dearest::usage(&request, &body, percent));
        }
        if let Some(name) = &script.session {
            let session = self.settable.values().sessions.get(name).cloned();
            let Some(session) = session else {
                let unknown = format!("the simulator has no session `{name}`");
                return self.refuse(&received, wire, &Refusal::own(400, &unknown));
            };
            request.turn = Some(session.turn(&request));
        }
        request.is_listed = wire == Wire::OpenRouter && self.settable.values().charges_list_prices;
        let cue = Cue { pace: script.pace.unwrap_or(self.pace), request_id: &received.request_id };
        let answer = Answer::to(&request, &script, cue);
        let row = self.journal.begin(Entry {
            label: script.label,
            scenario: script.scenario.name().to_owned(),
            provider: wire.name().to_owned(),
            streaming: matches!(request.mode, Mode::Events | Mode::Array),
            model: request.model,
            status: answer.status,
            ..self.entry(&received)
        });
        sleep(answer.silence).await;
        let mut response = respond(answer, row, &received.line);
        if wire == Wire::Claude {
            sign(&mut response, &received.request_id);
        }
        response
    }

    /// Records an invalid request and answers with the error.
    pub(super) fn refuse(&self, received: &Received, wire: Wire, refusal: &Refusal) -> Response {
        let Refusal { status, shape, message } = refusal;
        let body = match shape {
            Shape::Own => wire.error(*status, message, &received.request_id),
            Shape::Google => gemini::error(*status, message),
        };
        let answer = Answer::plain(*status, body);
        let row = self.journal.begin(self.refused(wire.name(), *status, received));
        let mut response = respond(answer, row, &received.line);
        if wire == Wire::Claude && *shape == Shape::Own {
            sign(&mut response, &received.request_id);
        }
        response
    }

    pub(super) fn refused(&self, provider: &str, status: u16, received: &Received) -> Entry {
        Entry {
            label: label_in(&received.text()),
            scenario: "refused".to_owned(),
            provider: provider.to_owned(),
            status,
            ..self.entry(received)
        }
    }

    /// The row's columns that are the same for all kinds of request.
    fn entry(&self, received: &Received) -> Entry {
        let mut headers = received.headers.clone();
        if let Some(value) = headers.get_mut("authorization")
            && !self.knows(value)
        {
            "<redacted>".clone_into(value);
        }
        Entry {
            path: received.path.clone(),
            query: received.query.clone(),
            headers,
            body: received.text().into_owned(),
            received_at_ms: received.at_ms,
            ..Entry::default()
        }
    }

    /// Whether this `authorization` value is the simulator's own.
    fn knows(&self, authorization: &str) -> bool {
        self.knows_key(authorization) || self.tokens.know(authorization)
    }
}

impl Simulator {
    /// Sets the HTTP status of the token, STS and impersonation endpoints. 200 means that they work.
    pub fn set_token_status(&self, status: u16) {
        self.tokens.set_failure((status != 200).then_some(status));
    }

    /// Rejects all tokens issued so far, with 401.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke();
    }

    /// Sets the lifetime of new tokens, in seconds.
    pub fn set_token_lifetime(&self, seconds: u64) {
        self.tokens.set_lifetime(seconds);
    }

    /// Stores a secret in the parameter store.
    pub fn set_parameter(&self, name: impl Into<String>, value: impl Into<String>) {
        self.settable.values().parameters.insert(name.into(), value.into());
    }

    /// Sets the only key that the `OpenRouter` side accepts.
    pub fn set_openrouter_key(&self, key: impl Into<String>) {
        self.settable.values().openrouter_keys.push(key.into());
    }

    /// Sets the content of `OpenRouter`'s public list of models.
    pub fn set_list_size(&self, size: ListSize) {
        self.settable.values().list_size = size;
    }

    /// Reports the cost of `OpenRouter`'s replies by the lists' prices from now on, instead of a price of the simulator's
    /// own.
    pub fn charge_list_prices(&self) {
        self.settable.values().charges_list_prices = true;
    }

    /// Stores a session.
    pub(super) fn set_session(&self, name: String, session: Session) {
        self.settable.values().sessions.insert(name, session);
    }

    pub(super) fn list_size(&self) -> ListSize {
        self.settable.values().list_size
    }

    /// Sets the credentials with which requests to the parameter store and for federated tokens must be signed.
    pub fn set_aws_credentials(&self, credentials: AwsCredentials) {
        self.settable.values().aws = credentials;
    }

    pub(super) fn aws_credentials(&self) -> AwsCredentials {
        self.settable.values().aws.clone()
    }

    pub(super) fn parameter_value(&self, name: &str) -> Option<String> {
        self.settable.values().parameters.get(name).cloned()
    }

    /// Whether this `authorization` value is the current key.
    pub(super) fn accepts_key(&self, authorization: &str) -> bool {
        let key = authorization.strip_prefix("Bearer ");
        self.settable.values().openrouter_keys.last().is_some_and(|accepted| key == Some(accepted))
    }

    /// Whether this `authorization` value is an earlier key.
    pub(super) fn knows_key(&self, authorization: &str) -> bool {
        let key = authorization.strip_prefix("Bearer ");
        self.settable.values().openrouter_keys.iter().any(|known| key == Some(known))
    }
}

/// Records a request to an unknown path and answers it.
pub(super) fn unknown(simulator: &Simulator, received: &Received) -> Response {
    let body = gemini::error(404, "The requested URL was not found on this simulator.");
    let row = simulator.journal.begin(simulator.refused("unknown", 404, received));
    respond(Answer::plain(404, body), row, &received.line)
}

/// The response that sends this answer.
pub(super) fn respond(answer: Answer, row: Row, line: &Line) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (content_type, retry_after) = (answer.content_type, answer.retry_after);
    let mut response = Response::new(sending::body(answer.steps, row, line.clone()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Adds the id that Anthropic's models put on each response.
fn sign(response: &mut Response, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("request-id", id);
    }
}
