//! `OpenRouter`'s public list of models, generated. Most models can be used; some cannot, for reasons that occur in the real
//! list.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::journal::Entry;
use super::received::Received;
use super::stage::Answer;
use super::state::{Simulator, respond};

const VENDORS: [&str; 4] = ["acme", "globex", "initech", "hooli"];

/// The content of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSize {
    /// Number of models.
    pub models: usize,
    /// Number of models without prices, from the start of the list.
    pub without_prices: usize,
}

impl Default for ListSize {
    fn default() -> Self {
        Self { models: 400, without_prices: 0 }
    }
}

pub(super) async fn endpoint(State(simulator): State<Simulator>, request: Request) -> Response {
    let received = Received::read(request).await;
    let row = simulator.journal.begin(Entry {
        label: Some("models".to_owned()),
        scenario: "models".to_owned(),
        provider: "openrouter".to_owned(),
        path: received.path.clone(),
        headers: received.headers.clone(),
        status: 200,
        received_at_ms: received.at_ms,
        ..Entry::default()
    });
    respond(Answer::plain(200, body(simulator.list_size())), row, &received.line)
}

/// The body of the list.
fn body(size: ListSize) -> String {
    let data: Vec<Value> = (0..size.models).map(|number| model(number, number < size.without_prices)).collect();
    json!({ "data": data }).to_string()
}

/// The model with this number. Every twenty models the list repeats.
fn model(number: usize, without_price: bool) -> Value {
    let mut pricing = if without_price { json!({ "prompt": "-1", "completion": "-1" }) } else { prices(number) };
    let mut output = json!(["text"]);
    let vendor = VENDORS.get(number % VENDORS.len()).copied().unwrap_or_default();
    let mut id = format!("{vendor}/model-{number}");
    match number % 20 {
        _ if number == 0 => "openrouter/auto".clone_into(&mut id),
        _ if number == 1 => "openai/gpt-5.2".clone_into(&mut id),
        3 => id += ":free",
        7 => pricing = json!({ "prompt": "-1", "completion": "-1" }),
        11 => output = json!(["image", "text"]),
        13 => set(&mut pricing, "per_hour", json!("0.1")),
        _ => {}
    }
    json!({
        "id": id,
        "canonical_slug": format!("{id}-20261101"),
        "name": format!("Model {number}"),
        "created": 1_790_000_000 + number,
        "description": "A model that does not exist.",
        "context_length": 131_072,
        "architecture": { "modality": "text->text", "input_modalities": ["text"], "output_modalities": output, "tokenizer": "Other" },
        "pricing": pricing,
        "top_provider": { "context_length": 131_072, "max_completion_tokens": 16_384, "is_moderated": false },
        "per_request_limits": null,
        "supported_parameters": parameters(number),
        "reasoning": reasoning(number),
        "expiration_date": (number % 50 == 9).then_some("2027-03-31"),
    })
}

/// The prices per token in pico-dollars of a model of the list: input and output.
pub(super) fn pico_per_token(model: &str) -> Option<(u64, u64)> {
    let (vendor, name) = model.split_once('/')?;
    let number = name.strip_prefix("model-").filter(|_| VENDORS.contains(&vendor))?;
    let (prompt, completion) = tenths(number.split(':').next()?.parse().ok()?);
    let pico = |tenths: usize| u64::try_from(tenths).ok()?.checked_mul(100_000);
    Some((pico(prompt)?, pico(completion)?))
}

/// Tenths of a dollar per million tokens: input and output.
const fn tenths(number: usize) -> (usize, usize) {
    (10 + number % 9, 5 * (10 + number % 9))
}

/// From one dollar per million tokens upwards, and five times as much for output. Replies of the simulator cost at most
/// that.
fn prices(number: usize) -> Value {
    let (prompt, completion) = tenths(number);
    let mut prices = json!({
        "prompt": format!("0.{prompt:07}"),
        "completion": format!("0.{completion:07}"),
        "request": "0",
        "image": "0",
        "web_search": "0.01",
        "input_cache_read": format!("0.{:07}", prompt / 10),
    });
    if number % 20 == 4 {
        let (prompt, completion) = (2 * prompt, 2 * completion);
        let long = json!({ "min_prompt_tokens": 65_536, "prompt": format!("0.{prompt:07}"), "completion": format!("0.{completion:07}") });
        set(&mut prices, "overrides", json!([long]));
    }
    prices
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn parameters(number: usize) -> Value {
    match number % 3 {
        0 => json!(["max_tokens", "temperature", "top_p", "top_k", "tools", "tool_choice", "response_format"]),
        1 => json!(["max_tokens", "temperature", "top_p", "tools", "structured_outputs", "reasoning", "include_reasoning"]),
        _ => json!(["max_tokens", "tools", "structured_outputs", "reasoning", "include_reasoning"]),
    }
}

fn reasoning(number: usize) -> Value {
    match number % 3 {
        0 => Value::Null,
        1 => json!({ "supported_efforts": null, "mandatory": false }),
        _ => json!({ "supported_efforts": ["low", "medium", "high"], "default_effort": "medium", "mandatory": false }),
    }
}
