//! One HTTP server that simulates the three providers, Google's token endpoints and AWS's parameter store. With it you can
//! try and test the gateway without any account.
//!
//! Markers in the text of the last user message decide what it answers: `[[sim:NAME key=value key=value]]`.
//!
//! | NAME | Settings | Behaviour |
//! |---|---|---|
//! | `echo` | | says which provider it simulates and repeats the message; also the default without a marker |
//! | `tool` | | calls the first declared tool with the fewest arguments that its schema allows, and quotes the result afterwards |
//! | `thinking` | | reasons before it answers, with a signature |
//! | `error` | `status`, `retry-after` | fails before any byte, with the provider's own error |
//! | `cut` | `after` | breaks the connection after this many words |
//! | `midstream-error` | `after` | sends the provider's error event after this many words, then ends |
//! | `silent` | `ms` | waits before the response head |
//! | `stall` | `after`, `ms` | waits after this many words |
//! | `no-usage` | | never reports usage |
//! | `html` | | answers 200 with a web page |
//! | `empty` | | answers 200 with an empty body |
//! | `secret` | | fails with a message that contains a key, an internal address and the last user message |
//! | `long` | `words`, `bytes`, `usage` | answers with this many words, each of at least this many bytes; with `usage=0` without usage |
//! | `truncated` | | stops half-way at the output limit |
//! | `reset` | | breaks the connection instead of answering |
//! | `error-event` | `status` | answers 200 with the provider's error (529) as the only event; if not streamed, as the body |
//! | `malformed` | `after` | sends an event that is not JSON after this many words, then continues; if not streamed, half a body |
//! | `comments` | `ms` | sends a comment every 20 ms after the head, then continues; if not streamed, the same as `silent` |
//! | `huge-event` | | sends 64 MiB of one event without an end; if not streamed, a body of that size |
//! | `strange` | | an echo with unknown events, fields, blocks and deltas, and with its end twice |
//! | `flaky` | `percent`, `seed` | fails this percentage of requests with 500, 502, 503, 529 or 429, and echoes the others |
//! | `no-answer` | | ends without any content |
//! | `broken-call` | `after` | ends after this many words with an invalid tool call, as the provider reports it |
//! | `json` | | an echo as one JSON body, even if a stream was requested |
//! | `moderated` | | rejects with 403 and, for OpenRouter, with the moderation result |
//! | `close` | | echoes, then closes the connection without announcing it |
//! | `dearest` | `percent` | an echo whose usage is the most expensive that the body allows |
//! | `unverified` | | rejects the model's earlier reasoning, as the provider does if it cannot verify it; otherwise an echo |
//! | `complex` | | rejects schemas that the model must follow exactly, as the provider does if they are too complex; otherwise an echo |
//! | `strict` | `steps`, `parallel`, `session` | rejects what the real provider rejects; otherwise plays a loop of tool calls |
//!
//! Every marker accepts these settings:
//!
//! - `label` names its rows in the journal. The first label in the text is used for all its requests, including invalid ones.
//! - `on` limits it to one wire format: `openrouter`, `claude` or `gemini`.
//! - `times` is the number of requests to which it applies, counted per label, marker and wire format.
//! - `pace` is the pause before each streamed word, in milliseconds.
//! - `cached` is the number of input tokens that are reported as read from a cache.
//! - `sources` is the number of sources that OpenRouter's reply cites.
//!
//! If a reply is not streamed, `cut` and `stall` act in the middle of the body. A text may contain several markers. The
//! first one that applies is used; if none applies, the answer is an echo. If a message has several parts, only the last
//! part with a marker counts. For example, `[[sim:error status=500 times=2 label=x on=claude]] [[sim:html times=1]]` fails
//! twice for Claude, then sends a web page, then echoes. A hash of seed, label, wire format and request number decides which
//! requests `flaky` fails.
//!
//! A request for JSON is not echoed: the answer is the smallest value that its schema allows, or an object with the echo if
//! it has no schema. A request that demands a tool call gets a call of the first tool.
//!
//! `strict` answers 400 with the provider's own words to every request that the provider rejects, according to the module
//! `strict`. It calls the first declared tool while the conversation contains fewer than `steps` tool results (5), with
//! `parallel` calls in the first reply (1), and then says `done after 5 steps`. If the request asks for visible reasoning,
//! each reply starts with signed reasoning. The script stays active when later user messages have no marker. `session=NAME`
//! plays a stored session instead: a list of replies, each with `calls` or a `text`. The number of tool results in the
//! conversation selects the reply.
//!
//! Usage is counted. Input tokens are the bytes of all message, tool-result and system text, including the marker, divided
//! by four and rounded up, at least 1. Output tokens are the words of the reasoning, the text and the call. OpenRouter
//! charges a millionth of a dollar for an input token and five for an output token, or what the list says
//! ([`Simulator::charge_list_prices`]). A reply never exceeds the request's own output limit, including reasoning. A reply
//! that reaches the limit is cut and says so; a call that does not fit is left out.
//!
//! `dearest` reports `percent` (100) of the output limit, or of the model's maximum without a limit. At 100 the reply ends
//! because of the limit. It reports more tokens than it has words; the rest counts as reasoning if the model may have
//! reasoned. Its input is the full count of the module `dearest`, also for requests that only count tokens.
//!
//! Three endpoints issue tokens for Vertex AI: `/token` for [`service_account_json`], and `/sts/v1/token` and
//! `/impersonate/…` for [`external_account_json`], which check AWS signatures. `/ssm/` is the parameter store, also with
//! signatures. You can change all of this while the simulator runs, by the methods of [`Simulator`] or over HTTP:
//!
//! | `POST` | Body | Effect |
//! |---|---|---|
//! | `/_simulator/tokens` | `{"status":503}` | the three token endpoints fail with this status; 200 ends it |
//! | | `{"revoke":true}` | Vertex AI rejects all earlier tokens |
//! | | `{"expires_in":n}` | new tokens are valid for n seconds |
//! | `/_simulator/parameters` | `{"name":"…","value":"…"}` | stores this secret in the parameter store |
//! | `/_simulator/openrouter-key` | `{"key":"…"}` | OpenRouter accepts only this key |
//! | `/_simulator/sessions` | `{"name":"…","replies":[{"calls":[{"name":"…","arguments":{}}]},{"text":"…"}]}` | stores a session |
//! | `/_simulator/models` | `{"models":n,"without_prices":m}` | OpenRouter's public list (`GET /api/v1/models`) has n models (400), and the first m have no prices (0) |
//!
//! The [`Journal`] records all requests. Tests read it in the process or at `GET /_simulator/journal?label=…`.
//!
//! The simulator is as strict as the real endpoints where an error of the gateway could go unnoticed (credentials, fields
//! that Vertex AI rejects). It must not use the gateway's code, because it would repeat the gateway's mistakes.

#![expect(clippy::disallowed_macros, reason = "bodies whose field order does not matter are written with `json!` here")]

mod answer_form;
mod aws;
mod claude;
mod connection;
mod control;
mod counting;
mod dearest;
mod encoding;
mod federation;
mod frame;
mod gemini;
mod identity;
mod ids;
mod journal;
mod json;
mod judge;
mod list_price;
mod listing;
mod marker;
mod model_request;
mod models;
mod odd;
mod openrouter;
mod openrouter_shapes;
mod picture;
mod received;
mod refusal;
mod reply;
mod retired;
mod room;
mod sample;
mod scenario;
mod script;
mod sending;
mod session;
mod settable;
mod settings;
mod signature;
mod sigv4;
mod ssm;
mod stage;
mod state;
mod strict;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod tokens;
mod transcript;
mod turns;
mod wire;

use std::io;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

pub use aws::{AWS_ACCESS_KEY_ID, AWS_REGION, AWS_SECRET_ACCESS_KEY, AwsCredentials};
pub use federation::external_account_json;
pub use journal::{Entry, Journal, SimulatedUsage};
pub use judge::Judge;
pub use listing::ListSize;
pub use settable::OPENROUTER_KEY;
pub use state::Simulator;
pub use token::service_account_json;

use connection::{Door, Line};

/// Time that running replies get after the shutdown signal.
const GRACE: Duration = Duration::from_secs(1);

impl Simulator {
    /// Serves until the shutdown signal. Running replies get a moment to end.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let routes = self.routes().into_make_service_with_connect_info::<Line>();
        let (fire, fired) = oneshot::channel();
        let shutdown = async move {
            shutdown.await;
            let _ = fire.send(());
        };
        let deadline = async {
            match fired.await {
                Ok(()) => sleep(GRACE).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = axum::serve(Door(listener), routes).with_graceful_shutdown(shutdown) => served,
            () = deadline => Ok(()),
        }
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/token", post(identity::token_endpoint))
            .route("/sts/v1/token", post(identity::sts_endpoint))
            .route("/impersonate/v1/projects/-/serviceAccounts/{target}", post(identity::impersonation_endpoint))
            .route("/ssm", post(ssm::endpoint))
            .route("/ssm/", post(ssm::endpoint))
            .route("/api/v1/chat/completions", post(models::openrouter_endpoint))
            .route("/api/v1/models", get(listing::endpoint))
            .route(
                "/v1/projects/{project}/locations/{location}/publishers/{publisher}/models/{target}",
                post(models::vertex_endpoint),
            )
            .merge(control::routes())
            .fallback(models::unknown_endpoint)
            .method_not_allowed_fallback(models::unknown_endpoint)
            .with_state(self)
    }
}
