//! The endpoints of the models: OpenRouter, Vertex AI, and unknown paths.

use std::collections::BTreeMap;

use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::model_request::Mode;
use super::received::Received;
use super::refusal::Refusal;
use super::state::{Simulator, unknown};
use super::wire::Wire;
use super::{claude, gemini, openrouter, retired};

pub(super) async fn openrouter_endpoint(State(simulator): State<Simulator>, request: Request) -> Response {
    let received = Received::read(request).await;
    let read = || {
        if !simulator.accepts_key(received.authorization()) {
            return Err(Refusal::own(401, "No auth credentials found"));
        }
        let request = openrouter::read(&received.json()?)?;
        retired::check(Wire::OpenRouter, &request.model)?;
        Ok(request)
    };
    match read() {
        Ok(request) => simulator.answer(received, request).await,
        Err(refusal) => simulator.refuse(&received, Wire::OpenRouter, &refusal),
    }
}

pub(super) async fn vertex_endpoint(
    State(simulator): State<Simulator>,
    Path(place): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let received = Received::read(request).await;
    let named = |name: &str| place.get(name).map(String::as_str).unwrap_or_default();
    let Some((model, method)) = named("target").rsplit_once(':') else {
        return unknown(&simulator, &received);
    };
    let wire = match (named("publisher"), method) {
        ("anthropic", "rawPredict" | "streamRawPredict") => Wire::Claude,
        ("google", "generateContent" | "streamGenerateContent" | "countTokens") => Wire::Gemini,
        (_, _) => return unknown(&simulator, &received),
    };
    let read = || {
        if !simulator.tokens.accept(received.authorization()) {
            return Err(Refusal::google(401, "Request had invalid authentication credentials."));
        }
        let body = received.json()?;
        retired::check(wire, model)?;
        match wire {
            Wire::Claude => claude::read(model, method, &body),
            Wire::Gemini | Wire::OpenRouter => gemini::read(model, gemini_mode(method, &received.query), &body),
        }
    };
    match read() {
        Ok(request) => simulator.answer(received, request).await,
        Err(refusal) => simulator.refuse(&received, wire, &refusal),
    }
}

fn gemini_mode(method: &str, query: &str) -> Mode {
    match method {
        "countTokens" => Mode::Count,
        "streamGenerateContent" if query.split('&').any(|pair| pair == "alt=sse") => Mode::Events,
        "streamGenerateContent" => Mode::Array,
        _ => Mode::Whole,
    }
}

pub(super) async fn unknown_endpoint(State(simulator): State<Simulator>, request: Request) -> Response {
    unknown(&simulator, &Received::read(request).await)
}
