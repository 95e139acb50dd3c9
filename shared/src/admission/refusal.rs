//! Refusals for clients, and the remaining rates of a key.

use std::time::Duration;

use crate::error::{ErrorKind, GatewayError};
use crate::protocol::{Denial, WINDOW};
use crate::store::items::{OFF, StoredKey};

/// How many allowed models a refusal names.
const MOST_NAMED: usize = 20;

/// The remaining rates of a key in the current minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Limit and remaining requests; `None` if not limited.
    pub requests: Option<(u128, u128)>,
    /// Limit and remaining tokens; `None` if not limited.
    pub tokens: Option<(u128, u128)>,
    /// End of the minute, in seconds since the epoch.
    pub reset: u64,
}

impl Rates {
    /// The rates of a key from the table.
    pub fn of(key: &StoredKey) -> Self {
        let rate = |limit: u128, left: i128| (limit < OFF).then(|| (limit, u128::try_from(left).unwrap_or(0)));
        Self {
            requests: rate(key.rpm, key.requests_left),
            tokens: rate(key.tpm, key.tokens_left),
            reset: key.window.saturating_add(WINDOW),
        }
    }

    /// The rates of a key at this moment.
    pub fn now(key: &StoredKey) -> Self {
        Self::at(key, super::now())
    }

    /// The rates of a key whose item may have been written minutes ago. If the item's minute has passed, the key has used
    /// nothing of the current minute.
    pub(super) fn at(key: &StoredKey, now: u64) -> Self {
        let rates = Self::of(key);
        if rates.reset > now {
            return rates;
        }
        let full = |rate: Option<(u128, u128)>| rate.map(|(limit, _)| (limit, limit));
        let reset = (now - now % WINDOW).saturating_add(WINDOW);
        Self { requests: full(rates.requests), tokens: full(rates.tokens), reset }
    }
}

/// Limit, remaining and reset of a rate in OpenAI's spelling, then in Anthropic's.
const REQUEST_HEADERS: [&str; 6] = [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];
const TOKEN_HEADERS: [&str; 6] = [
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];

/// The rates as headers in both spellings: OpenAI's reset is a duration, Anthropic's a time (RFC 3339). A rate without a
/// limit has no headers.
pub fn rate_headers(rates: &Rates) -> Vec<(&'static str, String)> {
    let Rates { requests, tokens, reset } = rates;
    let now = jiff::Timestamp::now();
    let end = i64::try_from(*reset).ok().and_then(|reset| jiff::Timestamp::from_second(reset).ok()).unwrap_or(now);
    let left = end.as_second().saturating_sub(now.as_second()).max(0);
    let mut headers = Vec::with_capacity(12);
    for (rate, names) in [(requests, REQUEST_HEADERS), (tokens, TOKEN_HEADERS)] {
        if let Some((limit, rest)) = rate {
            let (limit, rest) = (limit.to_string(), rest.to_string());
            let values = [limit.clone(), rest.clone(), format!("{left}s"), limit, rest, end.to_string()];
            headers.extend(names.into_iter().zip(values));
        }
    }
    headers
}

/// A denial for the client.
pub(super) fn of(denial: &Denial) -> GatewayError {
    let limited = |code: &'static str, wait: u64, hint: &'static str| {
        GatewayError::new(ErrorKind::RateLimited, "Too many requests, please try again later.")
            .with_code(code)
            .with_hint(hint)
            .with_retry_after(Duration::from_secs(wait))
    };
    match *denial {
        Denial::Unauthorized => GatewayError::unauthorized(),
        Denial::Model(ref allowed) => {
            let error = GatewayError::new(ErrorKind::Forbidden, "This key may not use this model.");
            error.with_code("model_not_allowed").with_param("model").with_hint(models_hint(allowed))
        }
        Denial::Requests(wait) => limited("requests_per_minute", wait, "The key's requests per minute are used up."),
        Denial::Tokens(wait) => {
            limited("tokens_per_minute", wait, "The key's remaining tokens per minute do not cover this request.")
        }
        Denial::TokensNever(limit) => {
            let message = format!("messages: this request needs more tokens than the key's limit of {limit} per minute.");
            GatewayError::invalid("messages", message).with_code("tokens_per_minute")
        }
        Denial::Concurrency(limit) => {
            let hint = format!("The key may have {limit} requests at once.");
            limited("concurrency", 1, "").with_hint(hint)
        }
        Denial::Balance { needed, left } => {
            // Clients usually show only the message.
            let message =
                format!("The balance does not cover this request: it needs at least {needed} USD, and {left} USD is left.");
            let hint = "GET /v1/credits shows the balance; the gateway's operator can grant more.";
            GatewayError::new(ErrorKind::PaymentRequired, message).with_code("insufficient_balance").with_hint(hint)
        }
        Denial::Busy => limited("key_busy", 1, "Too many simultaneous requests with this key."),
        Denial::Contended => GatewayError::unavailable("the key's item had too many concurrent writes"),
    }
}

/// Which models a key may use, as a hint.
fn models_hint(allowed: &[String]) -> String {
    let named: Vec<&str> = allowed.iter().map(String::as_str).take(MOST_NAMED).collect();
    let rest = allowed.len().saturating_sub(named.len());
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("This key may use {}{more}.", named.join(", "))
}

/// Whether the denial proves that the client holds the key. No one else is told its rates.
pub(super) fn is_of_a_known_key(denial: &Denial) -> bool {
    match denial {
        Denial::Model(_)
        | Denial::Requests(_)
        | Denial::Tokens(_)
        | Denial::TokensNever(_)
        | Denial::Concurrency(_)
        | Denial::Balance { .. } => true,
        Denial::Unauthorized | Denial::Busy | Denial::Contended => false,
    }
}

/// Adds the rate headers to an error.
pub fn with_rates(error: GatewayError, rates: Option<&Rates>) -> GatewayError {
    let headers = rates.map(rate_headers).unwrap_or_default();
    headers.into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
}

/// The refusal of an address.
pub(super) fn address() -> GatewayError {
    GatewayError::new(ErrorKind::Forbidden, "This key may not be used from this address.").with_code("address_not_allowed")
}
