//! Holds cover the cost of every reply that a body allows, and are not much higher than necessary.
//!
//! The tests use all available requests for every model and route, with the output limit raised in every way that a client
//! has. The simulator computes the highest cost of a reply. It shares no code with the hold.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use gateway::auth::{ApiKey, mint};
use gateway::catalog::{Candidate, Catalog, Model};
use gateway::chat::Usage;
use gateway::ids::ProviderId;
use gateway::ledger::{self, Applicant, Sent};
use gateway::translate::outbound::Destination;
use gateway::wire::target::OutputBounds;
use gateway::wire::{ClientFormat, Measured};
use gateway_dev::simulator::{Judge, SimulatedUsage};
use gateway_tests::corpus::{case_requests, requests};
use gateway_tests::project;
use gateway_tests::relaying;
use gateway_tests::sending::{send_to, wire_of};
use jiff::civil::Date;
use serde_json::{Value, json};

const CHAT: ClientFormat = ClientFormat::ChatCompletions;
const MESSAGES: ClientFormat = ClientFormat::Messages;

/// The day of all requests. It is before the first day of any later price.
const DAY: Date = Date::constant(2026, 11, 26);

fn judge_of(provider: ProviderId) -> Judge {
    match provider {
        ProviderId::OpenRouter => Judge::OpenRouter,
        ProviderId::VertexClaude => Judge::Claude,
        ProviderId::VertexGemini => Judge::Gemini,
    }
}

/// The ways to ask for more output than the limit, and for less.
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
        ClientFormat::Responses => vec![
            json!({}),
            json!({"max_output_tokens": 1}),
            json!({"max_output_tokens": 1, "reasoning": {"effort": "xhigh"}}),
            json!({"max_output_tokens": 10_000_000, "reasoning": {"effort": "high", "summary": "auto"}}),
        ],
    }
}

/// The request with these fields. A null removes a field.
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

/// A hold, the cost of the most expensive reply, and the cost of a reply of half its length, in pico-dollars.
#[derive(Debug)]
struct Held {
    hold: u128,
    dearest: u128,
    half: u128,
    /// Whether the body has an output limit.
    has_limit: bool,
}

/// The cost of a usage. A prompt that does not fit its window is refused, and costs nothing.
fn cost(usage: SimulatedUsage, to: &Candidate) -> u128 {
    if usage.input_tokens > to.model.widest_window {
        return 0;
    }
    let written = usage.written_tokens + usage.written_1h_tokens;
    let usage = Usage {
        input: usage.input_tokens - written,
        cache_write_5m: usage.written_tokens,
        cache_write_1h: usage.written_1h_tokens,
        output: usage.output_tokens,
        ..Usage::default()
    };
    ledger::cost(&usage, &to.tariff).pico()
}

/// The candidates for a model: one for each route.
fn candidates(model: &Arc<Model>) -> Vec<Candidate> {
    model.routes.iter().map(|route| Candidate::new(model, route, DAY, false)).collect()
}

/// The hold of a body that goes to the first of these candidates within these bounds, computed for all of them. `None` if the
/// first one cannot carry the body.
fn held(
    key: &ApiKey,
    (format, body): (ClientFormat, &Value),
    candidates: &[Candidate],
    output: OutputBounds,
) -> Option<Held> {
    let (to, Candidate { model, route, .. }) = (candidates.first()?, candidates.first()?);
    let wire = wire_of(route.provider);
    let destination = Destination { model, route, wire, output };
    let sent = send_to(format, &body.to_string(), destination, &[]).ok()?;
    let measured = Measured::of(wire, &sent.body, &model.capabilities.media).unwrap();
    let said = measured.output_tokens(&model.capabilities);
    assert!(said.is_some() || !output.must_say, "{} is sent no limit", model.id);
    let output = said.unwrap_or(model.default_output);
    let applicant = Applicant { key, request: relaying::request(), lease: Duration::ZERO };
    let demand = ledger::demand(applicant, Sent { body: &measured, output_tokens: output }, model, candidates);
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    let usage = |percent| judge_of(route.provider).usage(route.upstream.as_str(), &sent, percent);
    let hold = demand.price.amount(demand.input_tokens, demand.paid_output).pico();
    Some(Held { hold, dearest: cost(usage(100), to), half: cost(usage(50), to), has_limit: said.is_some() })
}

/// Requests with parts whose kind is ambiguous, or whose kind is named at an unusual place.
fn odd_requests() -> Vec<(ClientFormat, String, Value)> {
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let text = "{},".repeat(5_000);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x08\0\0\0\x08\0\x08\x02\0\0\0".to_vec();
    let pdf = format!("%PDF-1.4 {}", "<< /Type /Page >> ".repeat(40)).into_bytes();
    let format = b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0";
    let wav = [
        b"RIFF\0\0\0\0WAVEJUNK\x18\0\0\0fmt \x10\0\0\0\x01\0\xff\xff\xff\xff\xff\xff".to_vec(),
        vec![0xff; 12],
        format.to_vec(),
        b"data".to_vec(),
        vec![0; 30_000],
    ]
    .concat();
    let film = [b"\0\0\0\x20ftypisom\0\0\0\0isomiso2".to_vec(), vec![0xff; 30_000]].concat();
    let files: [(&str, Vec<u8>); 7] = [
        ("a text that begins like a picture", format!("BM{text}").into_bytes()),
        ("a text with a PDF's mark", format!(" %PDF /Type /Page {text}").into_bytes()),
        ("a text", text.clone().into_bytes()),
        ("a picture", png.clone()),
        ("a document", pdf),
        ("sound that says another format first", wav),
        ("a film", film),
    ];
    let mut all = Vec::new();
    for (name, bytes) in files {
        let data = encoded(&bytes);
        for label in ["image/png", "text/plain", "application/pdf", "audio/wav"] {
            let url = format!("data:{label};base64,{data}");
            let parts = [
                json!({"type": "image_url", "image_url": {"url": url}}),
                json!({"type": "file", "file": {"file_data": url}}),
                json!({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}),
            ];
            for part in parts {
                let body = json!({"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": [part]}]});
                all.push((ClientFormat::ChatCompletions, format!("{name} as {label}"), body));
            }
            let source = json!({"type": "base64", "media_type": label, "data": data});
            for kind in ["image", "document"] {
                let block = json!({"type": kind, "source": source, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
                let result = json!({"type": "tool_result", "tool_use_id": "a", "content": [block]});
                for block in [block, result] {
                    let body = json!({"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": [block]}]});
                    all.push((ClientFormat::Messages, format!("{name} as {label} in a {kind}"), body));
                }
            }
        }
    }
    all.extend(other_odd_requests());
    all
}

/// Pictures of unusual places and sizes, and tools that Anthropic declares by type.
fn other_odd_requests() -> Vec<(ClientFormat, String, Value)> {
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut all = Vec::new();
    let images = json!([{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]);
    let shown = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "x", "images": images}]);
    all.push((ClientFormat::ChatCompletions, "pictures of a reply".to_owned(), json!({"model": "m", "messages": shown})));
    // Some vendors enlarge small pictures.
    let dot = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0".as_slice(), &[0; 4]].concat();
    let dot = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{}", encoded(&dot))}});
    let dots = json!([{"role": "user", "content": vec![dot; 20]}]);
    let body = json!({"model": "m", "max_tokens": 16, "messages": dots});
    all.push((ClientFormat::ChatCompletions, "small pictures".to_owned(), body));
    let tools =
        ["bash_20250124", "text_editor_20250728", "computer_20250124"].map(|kind| json!({"type": kind, "name": kind}));
    let body = json!({"model": "m", "max_tokens": 16, "tools": tools, "messages": [{"role": "user", "content": "a"}]});
    all.push((ClientFormat::Messages, "typed tools".to_owned(), body));
    all
}

/// This many letters of an alphabet. They are the same in each run.
fn nonsense(alphabet: &[u8], letters: usize) -> String {
    let mut state = 1_u64;
    let mut letter = || {
        // Knuth's generator (MMIX).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()])
    };
    (0..letters).map(|_| letter()).collect()
}

/// Texts that have many tokens for their length.
fn dense_texts() -> Vec<(&'static str, String)> {
    let repeated = [
        ("digits", "1234567890"),
        ("digits apart", "1 "),
        ("letters and digits", "a1"),
        ("changing case", "aB"),
        ("letters that no word has together", "qo"),
        ("the same in words", "Ewqv"),
        ("the same in one word", "hxqoI"),
        ("the same with a blank", "Zq "),
        ("the same with two blanks", "wqg  "),
    ];
    let random: [(&str, &[u8]); 5] = [
        ("random letters", b"abcdefghijklmnopqrstuvwxyz"),
        ("rare letters", b"jqvwxzbk"),
        ("rare letters with blanks", b"jqvwxz  "),
        ("rare letters of both cases", b"jqvwxzJQVWXZ"),
        ("rare letters of both cases with vowels and blanks", b"jqvwxzJQVWXZaeoAEO  "),
    ];
    let repeated = repeated.map(|(name, unit)| (name, unit.repeat(9_000)));
    let random = random.map(|(name, alphabet)| (name, nonsense(alphabet, 40_000)));
    repeated.into_iter().chain(random).collect()
}

/// Requests that cost more than they seem to: meaningless texts, more pages than a smaller window holds, and sound after the
/// header of a picture.
fn dear_requests() -> Vec<(ClientFormat, String, Value)> {
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x08\0\0\0\x08\0\x08\x02\0\0\0".to_vec();
    let mut all = Vec::new();
    for (name, dense) in dense_texts() {
        let body = json!({"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": dense}]});
        all.extend([CHAT, MESSAGES].map(|format| (format, name.to_owned(), body.clone())));
    }
    let body = json!({"model": "m", "max_tokens": 16.0, "messages": [{"role": "user", "content": "hi"}]});
    all.extend([CHAT, MESSAGES].map(|format| (format, "a limit with a fraction".to_owned(), body.clone())));
    let pages = format!("%PDF-1.4 {}", "<< /Type /Page >> ".repeat(218)).into_bytes();
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": encoded(&pages)});
    let content = json!([{"type": "document", "source": source}]);
    let body = json!({"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": content}]});
    all.push((MESSAGES, "many pages".to_owned(), body));
    let heard = json!({"type": "input_audio", "input_audio": {"format": "pcm", "data": encoded(&[png.clone(), vec![0; 400_000]].concat())}});
    let body = json!({"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": [heard]}]});
    all.push((CHAT, "sound behind a picture's head".to_owned(), body));
    all
}

/// The holds for every available request and every route of a model. The project's own requests and the case book are used for
/// all models, with the limit raised in every way. Recorded requests are used for some models, each in one way.
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
            let to = |model: &Arc<Model>| {
                let ways = candidates(model);
                let held = (0..ways.len())
                    .filter_map(|first| held(&key, (format, &body), &ways[first..], OutputBounds::WITH_LIMIT));
                held.map(|held| (format!("{} for {} with {limit}", path.display(), model.id), held)).collect::<Vec<_>>()
            };
            let models = catalog.models().enumerate();
            let models = models.filter(|(place, _)| in_every_way || (place + number).is_multiple_of(12));
            all.extend(models.flat_map(|(_, model)| to(model)));
        }
    }
    for (format, name, body) in odd_requests().into_iter().chain(dear_requests()) {
        for model in [
            "claude-opus-4.6",
            "claude-sonnet-4.5",
            "claude-opus-4.8",
            "gemini-3-flash",
            "gemini-2.5-pro",
            "gpt-5.2",
            "kimi-k2.5",
        ] {
            let model = catalog.resolve(model).unwrap();
            let ways = candidates(&model);
            let held =
                (0..ways.len()).filter_map(|first| held(&key, (format, &body), &ways[first..], OutputBounds::WITH_LIMIT));
            all.extend(held.map(|held| (format!("{name} for {}", model.id), held)));
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
fn a_hold_covers_the_longest_reply_to_a_body_without_a_limit() {
    let catalog = Catalog::embedded().unwrap();
    let (_, key) = mint(&ring::rand::SystemRandom::new()).unwrap();
    let own = requests().into_iter().filter(|(_, path, _)| path.starts_with(project().join("tests")));
    let (mut seen, mut unlimited) = (0, 0);
    for (format, path, body) in own {
        for model in catalog.models() {
            let ways = candidates(model);
            for first in 0..ways.len() {
                let Some(held) = held(&key, (format, &body), &ways[first..], OutputBounds::NONE) else { continue };
                assert!(held.dearest <= held.hold, "{} for {}: {held:?}", path.display(), model.id);
                seen += 1;
                unlimited += u32::from(!held.has_limit);
            }
        }
    }
    assert!(seen > 300 && unlimited > 100, "{seen} bodies, {unlimited} without a limit");
}

#[test]
fn the_median_hold_is_at_most_four_times_what_a_reply_of_half_its_limit_costs() {
    let mut ratios: Vec<u128> =
        ALL.iter().filter(|(_, held)| held.half > 0).map(|(_, held)| held.hold * 1_000 / held.half).collect();
    ratios.sort_unstable();
    let at = |percent: usize| ratios[ratios.len() * percent / 100];
    let said = |percent: usize| format!("{}.{:03}", at(percent) / 1_000, at(percent) % 1_000);
    println!("hold to charge: median {}, nine of ten below {}", said(50), said(90));
    assert!(at(50) <= 4_000, "the median is {}", said(50));
}
