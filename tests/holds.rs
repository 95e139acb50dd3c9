//! Holds cover what is sent: no reply that a body allows costs more than what is held for it, and holds are near as well as enough.
//!
//! The bodies are those of all requests at hand, with the output limit raised in every way that a client has, for every model and
//! route. What a reply can cost is told by the simulator's own counter, which shares no code with the hold's.

use std::sync::LazyLock;
use std::time::Duration;

use gateway::auth::{ApiKey, mint};
use gateway::catalog::{Catalog, Model, Route};
use gateway::chat::Usage;
use gateway::ids::ProviderId;
use gateway::ledger::{self, Applicant};
use gateway::translate::outbound::Destination;
use gateway::wire::target::OutputBounds;
use gateway::wire::{ClientFormat, Measured};
use gateway_dev::simulator::{Judge, SimulatedUsage};
use gateway_tests::corpus::{case_requests, requests};
use gateway_tests::project;
use gateway_tests::relaying;
use gateway_tests::sending::{send_to, wire_of};
use serde_json::{Value, json};

fn judge_of(provider: ProviderId) -> Judge {
    match provider {
        ProviderId::OpenRouter => Judge::OpenRouter,
        ProviderId::VertexClaude => Judge::Claude,
        ProviderId::VertexGemini => Judge::Gemini,
    }
}

/// The ways to ask for more output than the limit says, and for less.
fn limits(format: ClientFormat) -> Vec<Value> {
    match format {
        ClientFormat::ChatCompletions => vec![
            json!({}),
            json!({"max_tokens": null, "max_completion_tokens": null}),
            json!({"max_tokens": 1}),
            json!({"max_tokens": 1, "reasoning_effort": "max"}),
            json!({"max_completion_tokens": 1, "max_tokens": 90_000, "reasoning_effort": "minimal"}),
            json!({"max_tokens": 600, "reasoning": {"max_tokens": 50_000}}),
            json!({"max_tokens": 10_000_000, "reasoning_effort": "high"}),
            json!({"max_tokens": null, "reasoning": {"effort": "high", "max_tokens": 9_000}}),
        ],
        ClientFormat::Messages => vec![
            json!({}),
            json!({"max_tokens": 1}),
            json!({"max_tokens": 1, "thinking": {"type": "enabled", "budget_tokens": 60_000}}),
            json!({"max_tokens": 1, "thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
            json!({"max_tokens": 1_500, "thinking": {"type": "enabled", "budget_tokens": 1_400}}),
            json!({"max_tokens": 10_000_000, "thinking": {"type": "enabled", "budget_tokens": 10_000_000}}),
        ],
    }
}

/// The request with these fields; null takes one away.
fn with(body: &Value, fields: &Value) -> Value {
    let mut body = body.clone();
    for (name, value) in fields.as_object().unwrap() {
        if value.is_null() {
            drop(body.as_object_mut().unwrap().remove(name));
        } else {
            body[name] = value.clone();
        }
    }
    body
}

/// A hold in pico-dollars, and what the dearest reply and one of half its length cost.
#[derive(Debug)]
struct Held {
    hold: u128,
    dearest: u128,
    half: u128,
}

fn cost(usage: SimulatedUsage, model: &Model) -> u128 {
    let written = usage.written_tokens + usage.written_1h_tokens;
    let usage = Usage {
        input: usage.input_tokens - written,
        cache_write_5m: usage.written_tokens,
        cache_write_1h: usage.written_1h_tokens,
        output: usage.output_tokens,
        ..Usage::default()
    };
    ledger::cost(&usage, model).pico()
}

/// What is held for a body along a route; `None` where the route does not take it.
fn held(key: &ApiKey, format: ClientFormat, body: &Value, model: &Model, route: &Route) -> Option<Held> {
    let wire = wire_of(route.provider);
    let to = Destination { model, route, wire, output: OutputBounds::SAID };
    let sent = send_to(format, &body.to_string(), to, &[]).ok()?;
    let measured = Measured::of(wire, &sent.body, &model.capabilities.media).unwrap();
    let output = measured.output_limit.unwrap_or_else(|| panic!("{} is sent no limit", model.id));
    let applicant = Applicant { key, request: relaying::request(), markup_permille: 0, lease: Duration::ZERO };
    let demand = ledger::demand(applicant, &measured, output, model);
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    let usage = |percent| judge_of(route.provider).usage(route.upstream.as_str(), &sent, percent);
    let hold = demand.price.amount(demand.input_tokens, demand.output_tokens).pico();
    Some(Held { hold, dearest: cost(usage(100), model), half: cost(usage(50), model) })
}

/// What is held for every request at hand and every route of a model: our own requests and the cases for all models, with the
/// limit raised in every way; recorded ones for some models, in one way each.
static ALL: LazyLock<Vec<(String, Held)>> = LazyLock::new(|| {
    let catalog = Catalog::embedded().unwrap();
    let (_, key) = mint(&ring::rand::SystemRandom::new()).unwrap();
    let mut all = Vec::new();
    let recorded = requests().into_iter().enumerate();
    let recorded = recorded.map(|(number, request)| (request.1.starts_with(project().join("tests")), number, request));
    let cases = case_requests().into_iter().map(|request| (true, 0, request));
    for (in_every_way, number, (format, path, body)) in recorded.chain(cases) {
        let ways = limits(format);
        let way = number % ways.len();
        for limit in if in_every_way { &ways[..] } else { &ways[way..=way] } {
            let body = with(&body, limit);
            let to = |model: &Model| {
                let held = model.routes.iter().filter_map(|route| held(&key, format, &body, model, route));
                held.map(|held| (format!("{} for {} with {limit}", path.display(), model.id), held)).collect::<Vec<_>>()
            };
            let models = catalog.models().enumerate();
            let models = models.filter(|(place, _)| in_every_way || (place + number).is_multiple_of(5));
            all.extend(models.flat_map(|(_, model)| to(model)));
        }
    }
    all
});

#[test]
fn no_reply_that_a_body_allows_costs_more_than_its_hold() {
    let short: Vec<_> = ALL.iter().filter(|(_, held)| held.dearest > held.hold).collect();
    assert!(short.is_empty(), "{} of {}: {:#?}", short.len(), ALL.len(), &short[..short.len().min(20)]);
    assert!(ALL.len() > 1_000, "only {} bodies", ALL.len());
}

#[test]
fn the_median_hold_is_at_most_four_times_what_a_reply_of_half_its_limit_costs() {
    let mut ratios: Vec<u128> = ALL.iter().map(|(_, held)| held.hold * 1_000 / held.half.max(1)).collect();
    ratios.sort_unstable();
    let at = |percent: usize| ratios[ratios.len() * percent / 100];
    let said = |percent: usize| format!("{}.{:03}", at(percent) / 1_000, at(percent) % 1_000);
    println!("hold to charge: median {}, nine of ten below {}", said(50), said(90));
    assert!(at(50) <= 4_000, "the median is {}", said(50));
}
