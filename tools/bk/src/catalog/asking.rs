//! Asks one route for one token, as the gateway does: with the same body, call and reader, but without a key, a ledger or a
//! retry.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use gateway::catalog::Candidate;
use gateway::dispatch::{Allowance, Dispatch, Plan, PreparedRequest, ReplyReader, RoutableRequest, Upstreams};
use gateway::error::{GatewayError, UpstreamError, UpstreamErrorKind};
use gateway::ids::RequestId;
use gateway::ledger::{Sent, worst_cost};
use gateway::money::PicoUsd;
use gateway::providers::{ReplyForm, UpstreamReply};
use gateway::translate::{Progress, Relay};
use gateway::wire::target::OutputBounds;
use gateway::wire::{self, ClientFormat, Delivery, Estimate, Identity, ReplyContext};
use serde::Serialize;
use tokio::time::{Instant, timeout};

/// Longest wait for a route. A model that needs longer for one token cannot be used.
const PATIENCE: Duration = Duration::from_mins(1);
const FORMAT: ClientFormat = ClientFormat::ChatCompletions;

#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    messages: [Message; 1],
    /// The library raises it to the model's minimum.
    max_tokens: u64,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: &'static str,
}

/// A prepared call to a route.
pub(super) struct Question {
    pub(super) candidate: Candidate,
    /// Its highest possible cost.
    pub(super) most: PicoUsd,
    plan: Plan,
}

/// How a route responded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The route answered with status 200.
    Answers,
    /// The provider does not know the name of the model.
    Gone,
    /// The provider refused the request or the operator's credential.
    Refused,
    /// The provider could not be reached, or failed. The route may work at another time.
    Failed,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn of(error: &UpstreamError) -> Self {
        match error.kind {
            // One token may be too few for an answer, but the route works.
            UpstreamErrorKind::NoAnswer => Self::Answers,
            UpstreamErrorKind::NotServed { .. } => Self::Gone,
            UpstreamErrorKind::Refused(408 | 429 | 500..)
            | UpstreamErrorKind::Connect
            | UpstreamErrorKind::Reset
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::Malformed
            | UpstreamErrorKind::Truncated
            | UpstreamErrorKind::TooLarge => Self::Failed,
            UpstreamErrorKind::Refused(_) | UpstreamErrorKind::Moderated | UpstreamErrorKind::Credential => Self::Refused,
        }
    }
}

/// The result of a call.
pub(super) struct Heard {
    pub(super) verdict: Verdict,
    /// The provider's status or, if it sent none, the closest equivalent.
    pub(super) status: u16,
    /// The provider's message, if it failed.
    pub(super) words: String,
}

impl Question {
    /// Prepares the call to a route. Sends nothing.
    pub(super) fn new(upstreams: &Upstreams, candidate: Candidate) -> Result<Self> {
        let model = Arc::clone(&candidate.model);
        let (messages, max_tokens) = ([Message { role: "user", content: "Say one word." }], 1);
        let body = serde_json::to_string(&Asked { model: model.id.as_str(), messages, max_tokens })?;
        let failed = |error: GatewayError| anyhow!("{}: {}", candidate.route.upstream, error.message());
        let request = wire::open_request(FORMAT, body).map_err(failed)?;
        let routable = RoutableRequest::new(request, model, vec![candidate.clone()]);
        let plan = Plan::of(upstreams, routable, OutputBounds::WITH_LIMIT).map_err(failed)?;
        let prepared = plan.prepared();
        let sent = Sent { body: prepared.measured(), output_tokens: prepared.output_limit() };
        Ok(Self { most: worst_cost(sent, &candidate), candidate, plan })
    }

    /// Sends the call.
    pub(super) async fn ask(self, upstreams: &Upstreams) -> (Candidate, Heard) {
        let heard = match timeout(PATIENCE, exchange(upstreams, self.plan)).await {
            Ok(Ok(())) => Heard { verdict: Verdict::Answers, status: 200, words: String::new() },
            Ok(Err(error)) => Heard::failure(&error),
            Err(_) => Heard::failure(&late()),
        };
        (self.candidate, heard)
    }
}

impl Heard {
    fn failure(error: &UpstreamError) -> Self {
        let verdict = Verdict::of(error);
        let status = if verdict == Verdict::Answers { 200 } else { error.status() };
        Self { verdict, status, words: error.public_words() }
    }
}

fn late() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Timeout, format!("no answer within {} s", PATIENCE.as_secs()))
}

async fn exchange(upstreams: &Upstreams, plan: Plan) -> Result<(), UpstreamError> {
    // A request whose deadline has passed gets no retry.
    let begun = Dispatch::begin(upstreams, plan, Allowance::unlimited(), Instant::now()).await;
    let unready = |error: GatewayError| UpstreamError::new(UpstreamErrorKind::Malformed, error.message());
    let mut dispatch = begun.map_err(unready)?;
    Box::pin(dispatch.run(upstreams, &Reading)).await
}

/// Reads a reply to its end, as for a client that does not stream.
struct Reading;

impl ReplyReader for Reading {
    type Read = ();

    async fn read(&self, prepared: &PreparedRequest, mut reply: UpstreamReply) -> Result<(), UpstreamError> {
        let mut relay = Relay::new(context(prepared), prepared.conversion.clone());
        let mut out = bytes::BytesMut::new();
        let end = match reply.form {
            ReplyForm::Json => {
                let body = reply.text().await?;
                match wire::upstream_error::decode_instead_of_reply(&body) {
                    Some(error) => Progress::Failed(error),
                    None => relay.whole(&body, &mut out),
                }
            }
            ReplyForm::Stream => loop {
                let progress = match reply.chunk().await? {
                    Some(chunk) => relay.push(&chunk, &mut out),
                    None => break relay.end(&mut out),
                };
                if matches!(progress, Progress::Finished | Progress::Failed(_)) {
                    break progress;
                }
            },
        };
        match end {
            Progress::Finished => Ok(()),
            Progress::Failed(error) => Err(error),
            Progress::Waiting | Progress::Flowing => Err(UpstreamError::truncated()),
        }
    }
}

fn context(prepared: &PreparedRequest) -> ReplyContext {
    let request = RequestId::generate();
    ReplyContext {
        format: FORMAT,
        request,
        identity: Identity::new(request, prepared.candidate.model.id.clone(), FORMAT),
        delivery: Delivery::Whole,
        include_usage: false,
        estimate: Estimate { input: 0, output_limit: prepared.output_limit() },
        cost: Arc::new(|_| PicoUsd::ZERO),
        asked: wire::Asked::default(),
    }
}

#[cfg(test)]
mod tests {
    use gateway::error::Absence;

    use super::*;

    #[test]
    fn only_an_unknown_name_is_gone() {
        let not_served = |status| UpstreamErrorKind::NotServed { status, absence: Absence::ForThisRequest };
        for (kind, words, verdict) in [
            (not_served(404), "Publisher Model was not found", Verdict::Gone),
            (not_served(410), "", Verdict::Gone),
            (not_served(400), "x/y is not a valid model ID", Verdict::Gone),
            (UpstreamErrorKind::Refused(400), "max_tokens", Verdict::Refused),
            (UpstreamErrorKind::Refused(401), "", Verdict::Refused),
            (UpstreamErrorKind::Refused(402), "", Verdict::Refused),
            (UpstreamErrorKind::Credential, "", Verdict::Refused),
            (UpstreamErrorKind::Refused(429), "", Verdict::Failed),
            (UpstreamErrorKind::Refused(503), "", Verdict::Failed),
            (UpstreamErrorKind::Timeout, "", Verdict::Failed),
            (UpstreamErrorKind::NoAnswer, "", Verdict::Answers),
        ] {
            assert_eq!(Verdict::of(&UpstreamError::new(kind.clone(), words)), verdict, "{kind:?} {words}");
        }
    }
}
