//! How a request ends: one table of endings, and one function that ends every request that was sent upstream, whether
//! streamed, whole or after a panic.
//!
//! | Ending | At fault | Charged | The circuit learns | Record | The client sees |
//! |---|---|---|---|---|---|
//! | complete: stop, length, tool calls, refusal; with or without usage; the client may have left | no one | yes | success | 200 | the reply |
//! | the client stopped reading | client | what was generated | success | 499 | nothing more |
//! | deadline after content | no one | what was generated | nothing | 504 | 504 or an error event, no retry |
//! | deadline before content | provider | no | nothing | 504 | 504 or an error event, no retry |
//! | refused as wrong, or by moderation | request | no | success; for moderation nothing | its status | its kind |
//! | a reply that is too large | provider | no | nothing | 502 | 502 or an error event |
//! | the model is not served | provider | no | nothing, or that the model is gone for everyone | its status | 404 |
//! | credential or credit refused | account | no | failure | its status | 502 or 503, no retry |
//! | failed, cut, stalled, unreadable | provider | no | failure | its status | its kind |
//! | no answer: empty, a broken tool call, cut arguments | provider | no | nothing | 502 | 502 or an error event |
//! | panic | gateway | no | nothing | 500 | 500 or an error event |
//! | kill | gateway | no | nothing | 500, by `reconcile` or `bk ledger replay` | a broken connection |
//!
//! Clients pay for the replies that they requested, whether or not they read them. A failure of the provider or the gateway
//! costs nothing. After a kill no process is left to end the request: the log's checkpoints and the hold are used instead.

mod conclude;

use std::time::Instant;

use crate::circuit::CircuitOutcome;
use crate::dispatch;
use crate::error::{ErrorKind, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::retry::{self, Severity};
use crate::translate::{Metered, Relay};

pub use conclude::{Ended, conclude};

/// The record's status if the client stopped reading, as in nginx: the client closed the request.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The reply is complete, whatever its finish reason. It does not matter whether the client disconnected: the gateway
    /// reads the reply to its end.
    Complete,
    /// The client did not read until the deadline, or so long that the provider closed the connection.
    ClientStopped,
    /// The deadline passed while the gateway waited for the provider.
    Deadline(Generated),
    /// No attempt gave a complete reply; this is the last failure.
    Failed(UpstreamError),
    /// The gateway's own code panicked.
    Panicked,
}

/// What the gateway had of a reply at its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// No content.
    Nothing,
    /// Some content, which is charged.
    Something,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing failed. The client pays for the reply.
    None,
    /// The client, which did not read.
    Client,
    /// The request: it would fail again.
    Request,
    /// The gateway's account at the provider: its credential or its credit.
    Account,
    /// The provider or the model.
    Provider,
    /// The gateway.
    Gateway,
}

/// What a request is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The tokens that were generated, as the meter counted them.
    Generated,
    /// Nothing. The record keeps the cost at the provider.
    Nothing,
}

/// What follows from an ending: a row of the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who is at fault.
    pub fault: Fault,
    /// What is charged.
    pub charge: Charge,
    /// What the route's circuit learns, unless it already learned from this attempt.
    pub circuit: CircuitOutcome,
    /// The record's status: 200, or the status of the failure.
    pub status: u16,
}

/// The reply of an attempt so far.
pub struct Received {
    /// The relay, which translated and metered the reply so far.
    pub relay: Relay,
    /// When its first content came.
    pub first_event: Instant,
    /// Whether it failed, and another attempt is in progress.
    pub has_failed: bool,
}

impl Received {
    /// The usage that is charged so far.
    pub fn metered(&self) -> Metered {
        self.relay.metered()
    }
}

impl Ending {
    /// The ending of a request whose deadline passed while the gateway waited for its provider.
    pub fn deadline(received: Option<&Received>) -> Self {
        let has_content = received.is_some_and(|received| !received.has_failed && received.relay.meter().has_content);
        Self::Deadline(if has_content { Generated::Something } else { Generated::Nothing })
    }

    /// The ending of a request whose last attempt failed. If the client has just not read for a long time, the provider was not
    /// read either, and may have closed the connection for that reason.
    pub fn failed(error: UpstreamError, client_stalled: bool) -> Self {
        let is_cut = error.kind == UpstreamErrorKind::Truncated;
        if client_stalled && is_cut { Self::ClientStopped } else { Self::Failed(error) }
    }

    /// The ending's row.
    pub fn verdict(&self) -> Verdict {
        let row = |fault, charge, circuit, status| Verdict { fault, charge, circuit, status };
        match self {
            Self::Complete => row(Fault::None, Charge::Generated, CircuitOutcome::Success, 200),
            Self::ClientStopped => row(Fault::Client, Charge::Generated, CircuitOutcome::Success, CLIENT_CLOSED_REQUEST),
            Self::Deadline(Generated::Something) => row(Fault::None, Charge::Generated, CircuitOutcome::Ignored, 504),
            Self::Deadline(Generated::Nothing) => row(Fault::Provider, Charge::Nothing, CircuitOutcome::Ignored, 504),
            Self::Failed(error) => row(fault_of(error), Charge::Nothing, dispatch::circuit_outcome(error), error.status()),
            Self::Panicked => row(Fault::Gateway, Charge::Nothing, CircuitOutcome::Ignored, 500),
        }
    }

    /// The error for the client, as an HTTP response or as the last event of a stream; `None` if the reply is complete.
    pub fn error(&self) -> Option<GatewayError> {
        let late = |message: &'static str| GatewayError::new(ErrorKind::Timeout, message).without_retry();
        match self {
            Self::Complete => None,
            Self::ClientStopped => Some(late("The reply was not read in time.")),
            Self::Deadline(Generated::Something) => {
                Some(late("The reply was cut off at the gateway's time limit; you are charged for what was generated."))
            }
            Self::Deadline(Generated::Nothing) => Some(late("The provider did not answer within the gateway's time limit.")),
            Self::Failed(error) => Some(error.clone().into()),
            Self::Panicked => Some(GatewayError::internal("the pump panicked")),
        }
    }
}

fn fault_of(error: &UpstreamError) -> Fault {
    match (&error.kind, retry::severity(error)) {
        (UpstreamErrorKind::Credential, _) | (_, Severity::Credential | Severity::Credit) => Fault::Account,
        (_, Severity::Final) => Fault::Request,
        (_, Severity::Reset | Severity::Transient | Severity::Elsewhere | Severity::Gone) => Fault::Provider,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;

    use super::*;
    use crate::circuit::Blame;
    use crate::error::Absence;
    use crate::ids::{ModelId, RequestId};
    use crate::money::PicoUsd;
    use crate::translate::{Conversion, Restore};
    use crate::wire::{Asked, ClientFormat, Delivery, Estimate, Identity, ReplyContext, WireFormat};

    /// What a client sees of an ending: the statuses in OpenAI's and Anthropic's formats, and whether it may retry.
    type Seen = Option<(u16, u16, bool)>;

    fn failed(kind: UpstreamErrorKind) -> Ending {
        Ending::Failed(UpstreamError::new(kind, "words"))
    }

    fn seen(ending: &Ending) -> Seen {
        let error = ending.error()?;
        let status = |format: ClientFormat| error.status(format.error_words()).as_u16();
        Some((status(ClientFormat::ChatCompletions), status(ClientFormat::Messages), error.is_retryable()))
    }

    /// A reply that has sent a word.
    fn received(has_failed: bool) -> Received {
        let (format, request) = (ClientFormat::ChatCompletions, RequestId::generate());
        let context = ReplyContext {
            format,
            request,
            identity: Identity::new(request, ModelId::new("the-model"), format),
            delivery: Delivery::Whole,
            include_usage: true,
            estimate: Estimate { input: 7, output_limit: 64 },
            cost: Arc::new(|_| PicoUsd::ZERO),
            asked: Asked::default(),
        };
        let conversion = Conversion::Translate { wire: WireFormat::OpenAi, restore: Restore::default() };
        let mut relay = Relay::new(context, conversion);
        let word = b"data: {\"id\":\"gen-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
        relay.push(word, &mut BytesMut::new());
        Received { relay, first_event: Instant::now(), has_failed }
    }

    #[test]
    fn a_deadline_charges_the_attempt_that_runs_and_none_that_has_failed() {
        assert_eq!(Ending::deadline(Some(&received(false))), Ending::Deadline(Generated::Something));
        assert_eq!(Ending::deadline(Some(&received(true))), Ending::Deadline(Generated::Nothing));
        assert_eq!(Ending::deadline(None), Ending::Deadline(Generated::Nothing));
    }

    #[test]
    fn a_connection_that_closes_while_the_client_does_not_read_is_the_clients_fault() {
        use UpstreamErrorKind as Kind;
        let ending = |kind, stalled| Ending::failed(UpstreamError::new(kind, "words"), stalled);
        assert_eq!(ending(Kind::Truncated, true), Ending::ClientStopped);
        for (kind, stalled) in [(Kind::Truncated, false), (Kind::Refused(500), true), (Kind::Malformed, true)] {
            assert_eq!(ending(kind.clone(), stalled), failed(kind));
        }
    }

    #[test]
    fn every_ending_has_its_row() {
        use UpstreamErrorKind as Kind;
        const OUTAGE: CircuitOutcome = CircuitOutcome::Failure(Blame::Outage);
        const NO_WAY: CircuitOutcome = CircuitOutcome::Failure(Blame::Unreachable);
        const CREDIT: CircuitOutcome = CircuitOutcome::Failure(Blame::Credit);
        const GONE: CircuitOutcome = CircuitOutcome::Failure(Blame::Gone);
        const WORKS: CircuitOutcome = CircuitOutcome::Success;
        const NOTHING: CircuitOutcome = CircuitOutcome::Ignored;
        let not_served = |absence| Kind::NotServed { status: 404, absence };
        let rows: [(Ending, Fault, Charge, CircuitOutcome, u16, Seen); 22] = [
            (Ending::Complete, Fault::None, Charge::Generated, WORKS, 200, None),
            (Ending::ClientStopped, Fault::Client, Charge::Generated, WORKS, 499, Some((504, 504, false))),
            (Ending::Deadline(Generated::Something), Fault::None, Charge::Generated, NOTHING, 504, Some((504, 504, false))),
            (Ending::Deadline(Generated::Nothing), Fault::Provider, Charge::Nothing, NOTHING, 504, Some((504, 504, false))),
            (failed(Kind::Refused(400)), Fault::Request, Charge::Nothing, WORKS, 400, Some((400, 400, false))),
            (
                failed(not_served(Absence::ForThisRequest)),
                Fault::Provider,
                Charge::Nothing,
                NOTHING,
                404,
                Some((404, 404, false)),
            ),
            (failed(not_served(Absence::ForEveryone)), Fault::Provider, Charge::Nothing, GONE, 404, Some((404, 404, false))),
            (failed(Kind::Moderated), Fault::Request, Charge::Nothing, NOTHING, 403, Some((400, 400, false))),
            (failed(Kind::Refused(401)), Fault::Account, Charge::Nothing, NO_WAY, 401, Some((502, 502, false))),
            (failed(Kind::Refused(403)), Fault::Account, Charge::Nothing, OUTAGE, 403, Some((502, 502, false))),
            (failed(Kind::Refused(402)), Fault::Account, Charge::Nothing, CREDIT, 402, Some((503, 503, false))),
            (failed(Kind::Credential), Fault::Account, Charge::Nothing, NO_WAY, 502, Some((503, 503, true))),
            (failed(Kind::Refused(429)), Fault::Provider, Charge::Nothing, OUTAGE, 429, Some((429, 429, true))),
            (failed(Kind::Refused(500)), Fault::Provider, Charge::Nothing, OUTAGE, 500, Some((502, 502, true))),
            (failed(Kind::Refused(529)), Fault::Provider, Charge::Nothing, OUTAGE, 529, Some((503, 529, true))),
            (failed(Kind::Connect), Fault::Provider, Charge::Nothing, NO_WAY, 502, Some((502, 502, true))),
            (failed(Kind::Timeout), Fault::Provider, Charge::Nothing, OUTAGE, 504, Some((504, 504, true))),
            (failed(Kind::Truncated), Fault::Provider, Charge::Nothing, OUTAGE, 502, Some((502, 502, true))),
            (failed(Kind::Malformed), Fault::Provider, Charge::Nothing, OUTAGE, 502, Some((502, 502, true))),
            (failed(Kind::TooLarge), Fault::Provider, Charge::Nothing, NOTHING, 502, Some((502, 502, true))),
            (failed(Kind::NoAnswer), Fault::Provider, Charge::Nothing, NOTHING, 502, Some((502, 502, true))),
            (Ending::Panicked, Fault::Gateway, Charge::Nothing, NOTHING, 500, Some((500, 500, true))),
        ];
        for (ending, fault, charge, circuit, status, client) in rows {
            assert_eq!(ending.verdict(), Verdict { fault, charge, circuit, status }, "{ending:?}");
            assert_eq!(seen(&ending), client, "{ending:?}");
        }
    }
}
