//! One HTTP server that stands in for the three providers, for Google's endpoints that give out tokens and for AWS's parameter
//! store, so that the gateway can be tried and tested without an account anywhere.
//!
//! What it answers is decided by markers in the text of the last user message, `[[sim:NAME key=value key=value]]`:
//!
//! | NAME | Settings | Behaviour |
//! |---|---|---|
//! | `echo` | | says who it stands in for and repeats the message; also without any marker |
//! | `tool` | | calls the first declared tool with the fewest arguments its schema allows; quotes the result afterwards |
//! | `thinking` | | thinks before it answers, with a signature |
//! | `error` | `status`, `retry-after` | fails before any byte, in the wire's own shape |
//! | `cut` | `after` | breaks the connection after so many words |
//! | `midstream-error` | `after` | sends the wire's own error event after so many words, then ends |
//! | `silent` | `ms` | waits before the response head |
//! | `stall` | `after`, `ms` | waits after so many words |
//! | `no-usage` | | never tells its usage |
//! | `html` | | answers 200 with a web page |
//! | `empty` | | answers 200 with an empty body |
//! | `secret` | | fails with a message that holds a key, an internal address and the last user message |
//! | `long` | `words`, `bytes` | says so many words, each of at least so many bytes |
//! | `truncated` | | stops half-way for want of room |
//! | `reset` | | breaks the connection instead of an answer |
//! | `error-event` | `status` | answers 200 with the wire's own error (529) as the only event; whole: as the body |
//! | `malformed` | `after` | sends an event that is no JSON after so many words, then goes on; whole: half a body |
//! | `comments` | `ms` | sends a comment every 20 ms after the head, then goes on; whole: as `silent` |
//! | `huge-event` | | sends 64 MiB of one event without an end; whole: a body of that size |
//! | `strange` | | an echo with unknown events, fields, blocks and deltas in it, and its end twice |
//! | `flaky` | `percent`, `seed` | fails so many percent of the requests with 500, 502, 503, 529 or 429, else echoes |
//! | `no-answer` | | comes to its end without having said anything |
//! | `broken-call` | `after` | ends after so many words with a tool call that the model got wrong, in the wire's own way |
//! | `json` | | an echo as one JSON body, also where a stream was asked for |
//! | `moderated` | | refuses with 403 and, on OpenRouter's wire, with what moderation found |
//! | `close` | | echoes, and closes the connection afterwards without having announced it |
//! | `dearest` | `percent` | an echo whose usage is the dearest that the body allows |
//! | `strict` | `steps`, `parallel`, `session` | refuses what the real provider refuses; else a loop of tool calls |
//!
//! Each takes `label`, which names its rows in the journal, `on`, `times`, `pace`, the milliseconds before each streamed word, and
//! `cached`, the number of input tokens that are reported as read from a cache. A reply in one piece has no words on the wire: there
//! `cut` and `stall` strike in the middle of the body.
//!
//! A text may hold several markers; the first that applies decides, and if none does it is an echo. `on` names the only wire on which
//! a marker applies (`openrouter`, `claude`, `gemini`), `times` the number of requests after which it no longer does, counted for
//! each label, marker and wire. The first label in the text holds for all its requests, wrong ones too. For example,
//! `[[sim:error status=500 times=2 label=x on=claude]] [[sim:html times=1]]` fails twice on Claude's wire, then sends a web page, then
//! echoes. Which requests `flaky` fails is decided by a hash of seed, label, wire and the number of the request. Of a message in
//! several parts only the last one with a marker counts.
//!
//! `strict` answers 400, in the wire's own shape and the provider's words, to whatever the module of that name knows the provider
//! to refuse. It calls the first declared tool as long as the conversation holds fewer than `steps` results of tools (5), in its
//! first reply `parallel` tools at once (1), and then says `done after 5 steps`. Where the request asks for visible reasoning, each
//! reply begins with some, signed. The script stays in force when later messages of the user have no marker. With `session=NAME` it
//! plays the session of that name, instead of calls with the fewest arguments: a list of replies, each with `calls` of tools or a
//! `text`, of which the one is due that follows the results of tools in the conversation.
//!
//! Usage is a matter of counting. Input tokens are the bytes of all message, tool-result and system text, the marker included,
//! divided by four, rounded up, at least 1. Output tokens are the words of the reasoning, of the text and of the call. OpenRouter
//! charges a millionth of a dollar for an input token and five for an output token.
//!
//! A reply never has more output tokens than the request's own limit allows, reasoning included; where that cuts it, it ends for want
//! of room, and a call that would not fit is left out.
//!
//! `dearest` reports `percent` of the output limit (100), or of the model's most output without one. At 100 it ends for want of room,
//! below as usual; the words that it says are fewer than what it reports. What was not said counts as reasoning where the model may
//! have thought. Its input is the full count of the module of that name, in the answer to a request that only counts as well.
//!
//! Tokens for the Vertex side come from three endpoints: `/token` for [`service_account_json`], and `/sts/v1/token` and
//! `/impersonate/…` for [`external_account_json`], which check AWS's signature. `/ssm/` is the parameter store, signed as well.
//! All that can be changed while it runs, in the process by the methods of [`Simulator`], or by
//!
//! | `POST` | Body | From then on |
//! |---|---|---|
//! | `/_simulator/tokens` | `{"status":503}` | the three endpoints for tokens fail so; 200 lets them work again |
//! | | `{"revoke":true}` | the Vertex side refuses all earlier tokens |
//! | | `{"expires_in":n}` | new tokens live so many seconds |
//! | `/_simulator/parameters` | `{"name":"…","value":"…"}` | the parameter store holds this secret |
//! | `/_simulator/openrouter-key` | `{"key":"…"}` | the OpenRouter side accepts this key only |
//! | `/_simulator/sessions` | `{"name":"…","replies":[{"calls":[{"name":"…","arguments":{}}]},{"text":"…"}]}` | there is a session of this name |
//! | `/_simulator/models` | `{"models":n,"without_prices":m}` | OpenRouter's public list (`GET /api/v1/models`) has n models (400), of which the first m have no prices (0) |
//!
//! What it was asked is kept in the [`Journal`], which tests read in the process or at `GET /_simulator/journal?label=…`.
//!
//! It is as strict as the real endpoints where the gateway could go wrong unseen (credentials, fields that Vertex refuses). It must
//! not know the gateway's code: it would repeat its mistakes.

#![expect(clippy::disallowed_macros, reason = "bodies whose field order does not matter are written with `json!` here")]

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

/// How long replies under way may go on after the shutdown.
const GRACE: Duration = Duration::from_secs(1);

impl Simulator {
    /// Serves until the shutdown; replies under way get a moment to end.
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
