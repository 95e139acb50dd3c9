//! The prices of a listed model. The hold uses the highest price in the list, because the charge is the cost that OpenRouter
//! reports.

use serde_json::{Map, Value};

use super::{ListedModel, Refusal};
use crate::capability::MediaTokens;
use crate::catalog::{LongContext, Price, Tariff};
use crate::money::PicoUsdPerToken;

type Rate = Option<PicoUsdPerToken>;

/// The prices in a map.
#[derive(Clone, Copy, Default)]
struct Rates {
    prompt: Rate,
    completion: Rate,
    reasoning: Rate,
    cache_read: Rate,
    cache_write: Rate,
    cache_write_1h: Rate,
    audio: Rate,
    audio_cache_read: Rate,
    request: Rate,
    image: Rate,
    image_token: Rate,
}

impl ListedModel {
    /// Its maximum prices. Prices for times of the day count as if they always applied. Prices of long prompts begin with
    /// the shortest prompt that the list names. Missing or zero cache prices are the input price.
    pub fn tariff(&self) -> Result<Tariff, Refusal> {
        let base = rates(&self.pricing, Rates::default())?;
        let mut price = base.price()?;
        let mut tiers: Vec<LongContext> = Vec::new();
        for entry in overrides(&self.pricing)? {
            let entry = entry.as_object().ok_or_else(|| refusal("overrides"))?;
            let own = rates(entry, base)?.price()?;
            match above(entry)? {
                0 => price = price.dearest(own),
                above => tiers.push(LongContext { above, price: own }),
            }
        }
        let long = |above| LongContext { above, price: tiers.iter().fold(price, |sum, tier| sum.dearest(tier.price)) };
        let long_context = tiers.iter().map(|tier| tier.above).min().map(long);
        Ok(Tariff { price, long_context, from: None, surcharge_permille: 0, moves: true })
    }
}

fn refusal(field: &str) -> Refusal {
    Refusal::Price { field: field.to_owned() }
}

/// Prices for some prompts or hours.
fn overrides(pricing: &Map<String, Value>) -> Result<&[Value], Refusal> {
    match pricing.get("overrides") {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(refusal("overrides")),
    }
}

/// The longest prompt in tokens to which an override does not apply.
fn above(entry: &Map<String, Value>) -> Result<u64, Refusal> {
    match entry.get("min_prompt_tokens") {
        None | Some(Value::Null) => Ok(0),
        Some(tokens) => tokens.as_u64().ok_or_else(|| refusal("min_prompt_tokens")),
    }
}

/// The prices of a map, with `base` for missing ones.
fn rates(map: &Map<String, Value>, base: Rates) -> Result<Rates, Refusal> {
    let mut rates = base;
    for (field, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        let mut unused = None;
        let place = match field.as_str() {
            "overrides" | "min_prompt_tokens" | "utc_start" | "utc_end" => continue,
            "prompt" => &mut rates.prompt,
            "completion" => &mut rates.completion,
            "internal_reasoning" => &mut rates.reasoning,
            "input_cache_read" => &mut rates.cache_read,
            "input_cache_write" => &mut rates.cache_write,
            "input_cache_write_1h" => &mut rates.cache_write_1h,
            "audio" => &mut rates.audio,
            "input_audio_cache" => &mut rates.audio_cache_read,
            "request" => &mut rates.request,
            "image" => &mut rates.image,
            "image_token" => &mut rates.image_token,
            // These are never requested, or they reduce the price: only text is generated, and searches belong to a plugin.
            "image_output" | "audio_output" | "web_search" | "discount" => &mut unused,
            _ => return Err(Refusal::UnknownPrice { field: field.clone() }),
        };
        *place = Some(read(value).ok_or_else(|| refusal(field))?);
    }
    Ok(rates)
}

fn read(value: &Value) -> Rate {
    match value {
        Value::String(text) => PicoUsdPerToken::parse_usd_per_token(text),
        Value::Number(number) => PicoUsdPerToken::parse_usd_per_token(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Rates {
    /// The price of each class of tokens.
    fn price(&self) -> Result<Price, Refusal> {
        let (input, output) = match (self.prompt, self.completion) {
            (None, _) => return Err(refusal("prompt")),
            (_, None) => return Err(refusal("completion")),
            (Some(input), Some(output)) => (input, output.max(self.reasoning.unwrap_or_default())),
        };
        if paid(Some(input)).is_none() || paid(self.completion).is_none() {
            return Err(Refusal::Free);
        }
        self.check_fees(input)?;
        let cache_write_5m = paid(self.cache_write).unwrap_or(input);
        let audio = paid(self.audio).unwrap_or(input);
        Ok(Price {
            input,
            output,
            cache_read: paid(self.cache_read).unwrap_or(input),
            cache_write_5m,
            cache_write_1h: paid(self.cache_write_1h).unwrap_or(cache_write_5m),
            audio,
            audio_cache_read: paid(self.audio_cache_read).unwrap_or(audio),
        })
    }

    /// Other fees must not exceed what is held for tokens: nothing per request, and per image the tokens of a large image.
    fn check_fees(&self, input: PicoUsdPerToken) -> Result<(), Refusal> {
        let picture = input.cost_of(MediaTokens::default().picture.most());
        if paid(self.request).is_some() {
            return Err(Refusal::Fee { field: "request" });
        }
        if self.image.is_some_and(|image| image.cost_of(1) > picture) {
            return Err(Refusal::Fee { field: "image" });
        }
        if self.image_token.is_some_and(|token| token > input) {
            return Err(Refusal::Fee { field: "image_token" });
        }
        Ok(())
    }
}

/// A price, unless it is zero.
fn paid(rate: Rate) -> Rate {
    rate.filter(|price| *price != PicoUsdPerToken::default())
}

#[cfg(test)]
#[expect(clippy::disallowed_macros, reason = "tests write entries of the list as JSON")]
mod tests {
    use serde_json::json;

    use super::*;

    fn tariff(pricing: &Value) -> Result<Tariff, Refusal> {
        ListedModel { pricing: pricing.as_object().cloned().unwrap(), ..ListedModel::default() }.tariff()
    }

    /// Input, output, cache reads, five-minute and one-hour writes, audio, and cached audio, in pico-dollars.
    fn classes(price: Price) -> [u64; 7] {
        let Price { input, output, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read } = price;
        [input, output, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read].map(PicoUsdPerToken::pico)
    }

    #[test]
    fn prices_are_exact_and_those_that_are_missing_or_zero_are_the_inputs() {
        for (pricing, expected) in [
            (
                json!({"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003",
                       "input_cache_write": "0.00000375", "input_cache_write_1h": "0.000006", "web_search": "0.01"}),
                [3_000_000, 15_000_000, 300_000, 3_750_000, 6_000_000, 3_000_000, 3_000_000],
            ),
            (
                json!({"prompt": "0.000002", "completion": 0.000_01}),
                [2_000_000, 10_000_000, 2_000_000, 2_000_000, 2_000_000, 2_000_000, 2_000_000],
            ),
            (
                json!({"prompt": "5e-7", "completion": "0.000003", "internal_reasoning": "0.000004", "input_cache_write": "0",
                       "audio": "0.000001", "discount": 0, "image": "0.0000005", "request": "0"}),
                [500_000, 4_000_000, 500_000, 500_000, 500_000, 1_000_000, 1_000_000],
            ),
        ] {
            let tariff = tariff(&pricing).unwrap();
            assert_eq!((classes(tariff.price), tariff.long_context, tariff.moves), (expected, None, true));
        }
    }

    #[test]
    fn the_dearest_override_is_held_from_the_shortest_long_prompt_on() {
        let tariff = tariff(&json!({"prompt": "0.000001", "completion": "0.000002", "overrides": [
            {"min_prompt_tokens": 200_000, "prompt": "0.000003"},
            {"min_prompt_tokens": 100_000, "completion": "0.000009"},
            {"utc_start": "01:00", "utc_end": "02:00", "prompt": "0.0000005", "completion": "0.000004"},
        ]}))
        .unwrap();
        let long = tariff.long_context.unwrap();
        let first_two = |price| <[u64; 2]>::try_from(&classes(price)[..2]).unwrap();
        assert_eq!(first_two(tariff.price), [1_000_000, 4_000_000]);
        assert_eq!((long.above, first_two(long.price)), (100_000, [3_000_000, 9_000_000]));
    }

    #[test]
    fn prices_that_cannot_be_held_are_refused() {
        let price = |field: &str| Refusal::Price { field: field.to_owned() };
        for (name, value, expected) in [
            ("prompt", json!("-1"), price("prompt")),
            ("prompt", Value::Null, price("prompt")),
            ("prompt", json!("0"), Refusal::Free),
            ("completion", json!("0"), Refusal::Free),
            ("completion", json!("free"), price("completion")),
            ("web_search", json!("-0.01"), price("web_search")),
            ("input_cache_read", json!({}), price("input_cache_read")),
            ("overrides", json!({}), price("overrides")),
            ("overrides", json!([7]), price("overrides")),
            ("overrides", json!([{"min_prompt_tokens": -1}]), price("min_prompt_tokens")),
            ("overrides", json!([{"prompt": "-1"}]), price("prompt")),
            ("overrides", json!([{"weekday": 1}]), Refusal::UnknownPrice { field: "weekday".to_owned() }),
            ("per_second", json!("0.1"), Refusal::UnknownPrice { field: "per_second".to_owned() }),
            ("request", json!("0.005"), Refusal::Fee { field: "request" }),
            ("image", json!("0.1"), Refusal::Fee { field: "image" }),
            ("image_token", json!("0.000002"), Refusal::Fee { field: "image_token" }),
        ] {
            let mut pricing = json!({"prompt": "0.000001", "completion": "0.000002"});
            pricing[name] = value.clone();
            assert_eq!(tariff(&pricing), Err(expected), "{name}: {value}");
        }
    }
}
