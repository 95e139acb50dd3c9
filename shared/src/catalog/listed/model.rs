//! Converts a listed model to a catalogue model with OpenRouter as its only route.

use jiff::civil::Date;

use super::{ListedModel, Reasoning, Refusal};
use crate::capability::{Capabilities, ForcedCalls, MediaTokens, SamplingSupport, Thinking};
use crate::catalog::entry::{DEFAULT_OUTPUT, FIRST_EVENT};
use crate::catalog::{Deprecation, Model, Route, Transfer};
use crate::ids::{ModelId, ProviderId, UpstreamModel};

/// The vendor name of OpenRouter's own models, which choose between others.
const ROUTERS: &str = "openrouter";
/// Vendors whose models sign their reasoning, or do not want it back.
const SIGNING: [&str; 4] = ["anthropic", "google", "openai", "x-ai"];

/// The beginnings of the ids of models that do not accept every forced call, as in the catalogue's profiles.
const FORCED_CALLS: [(&str, ForcedCalls); 6] = [
    ("anthropic/claude-fable-", ForcedCalls::Refused),
    ("anthropic/claude-mythos-", ForcedCalls::Refused),
    ("deepseek/", ForcedCalls::WithoutThinking),
    ("moonshotai/", ForcedCalls::WithoutThinking),
    ("qwen/qwen3.8", ForcedCalls::Refused),
    ("z-ai/", ForcedCalls::Refused),
];

impl ListedModel {
    /// The model as served, or why it is not served. `day` is when the list was read; a model's end date counts as known
    /// since then.
    pub fn model(&self, day: Date) -> Result<Model, Refusal> {
        let vendor = self.vendor()?;
        let upstream = UpstreamModel::parse(&self.id).ok_or(Refusal::Id)?;
        if self.architecture.output_modalities != ["text"] {
            return Err(Refusal::Output);
        }
        let window = self.context_length.filter(|tokens| *tokens > 0).ok_or(Refusal::Window)?;
        let tariff = self.tariff()?;
        let most = self.top_provider.max_completion_tokens.filter(|tokens| *tokens > 0);
        let max_output_tokens = most.unwrap_or(window).min(window);
        Ok(Model {
            id: ModelId::new(&self.id),
            name: if self.name.is_empty() { self.id.clone() } else { self.name.clone() },
            owned_by: vendor.to_owned(),
            aliases: Vec::new(),
            routes: vec![Route { provider: ProviderId::OpenRouter, upstream, transfer: Transfer::Stream }],
            tariff,
            later_tariffs: Vec::new(),
            regional_surcharge: 0,
            context_window: window,
            max_input_tokens: window,
            widest_window: window.max(self.top_provider.context_length.unwrap_or(0)),
            max_output_tokens,
            default_output: DEFAULT_OUTPUT.min(max_output_tokens),
            first_event: FIRST_EVENT,
            input_modalities: self.inputs(),
            output_modalities: self.architecture.output_modalities.clone(),
            capabilities: self.capabilities(vendor),
            always_listed: false,
            deprecation: self.deprecation(day),
        })
    }

    /// The vendor, if it is a single model with its own price.
    fn vendor(&self) -> Result<&str, Refusal> {
        let (vendor, name) = self.id.split_once('/').ok_or(Refusal::Id)?;
        if vendor == ROUTERS {
            return Err(Refusal::Router);
        }
        if name.contains(':') { Err(Refusal::Variant) } else { Ok(vendor) }
    }

    /// Its input modalities in the catalogue's words: files are PDFs.
    fn inputs(&self) -> Vec<String> {
        let word = |word: &String| if word == "file" { "pdf".to_owned() } else { word.clone() };
        self.architecture.input_modalities.iter().map(word).collect()
    }

    /// Whether some host supports a request field. Without a list of fields, yes.
    fn takes(&self, field: &str) -> bool {
        self.supported_parameters.is_empty() || self.supported_parameters.iter().any(|known| known == field)
    }

    /// Whether its reasoning cannot be switched off.
    fn must_reason(&self) -> bool {
        self.reasoning.as_ref().is_some_and(|reasoning| {
            reasoning.mandatory == Some(true) && !reasoning.supported_efforts.iter().any(|word| word == "none")
        })
    }

    fn capabilities(&self, vendor: &str) -> Capabilities {
        let reasoning = self.reasoning.clone().filter(|_| self.takes("reasoning"));
        let thinking = reasoning.as_ref().map_or(Thinking::None, thinking);
        let is_claudes = vendor == "anthropic" && thinking != Thinking::None;
        let thinking = if is_claudes { claudes_thinking(&self.id) } else { thinking };
        let structured_output = self.takes("structured_outputs");
        // Gemini 2 does not combine them (`Function calling with a response mime type: 'application/json' is unsupported`).
        let combines_json = !self.id.starts_with("google/gemini-2");
        // xAI adds tokens of its own to each request, as in the catalogue's profile.
        let hidden = if vendor == "x-ai" { 1_000 } else { 0 };
        Capabilities {
            thinking,
            efforts: reasoning.as_ref().map(efforts).unwrap_or_default(),
            default_effort: reasoning.and_then(|reasoning| reasoning.default_effort),
            sampling: self.sampling(),
            structured_output,
            json_with_tools: structured_output && self.takes("tools") && combines_json,
            forced_calls: self.forced_calls(thinking),
            refuses_stop: !self.takes("stop"),
            refuses_penalties: vendor == "x-ai" && !self.takes("frequency_penalty"),
            media: MediaTokens { hidden, ..MediaTokens::default() },
            unsigned_reasoning: self.takes("reasoning") && !SIGNING.contains(&vendor),
            // OpenAI's reference of `max_completion_tokens`.
            min_output_tokens: if vendor == "openai" { 16 } else { 0 },
            ..Capabilities::default()
        }
    }

    /// When the model accepts a forced call. The hosts of some vendors never accept it, or not while the model reasons. The
    /// list does not say so.
    fn forced_calls(&self, thinking: Thinking) -> ForcedCalls {
        match known_forced_calls(&self.id) {
            // Reasoning that cannot be switched off goes on during a forced call.
            Some(ForcedCalls::WithoutThinking) if self.must_reason() => ForcedCalls::Refused,
            Some(ForcedCalls::WithoutThinking) if thinking == Thinking::None => ForcedCalls::default(),
            known => known.unwrap_or_default(),
        }
    }

    fn sampling(&self) -> SamplingSupport {
        match (self.takes("temperature") && self.takes("top_p"), self.takes("top_k")) {
            // Claude accepts one of them since Opus 4.1 (platform.claude.com, migration guide).
            (true, _) if self.id.starts_with("anthropic/") => SamplingSupport::One,
            (true, true) => SamplingSupport::All,
            (true, false) => SamplingSupport::Draws,
            (false, _) => SamplingSupport::Nothing,
        }
    }

    /// Its end, if the list has a readable date.
    fn deprecation(&self, day: Date) -> Option<Deprecation> {
        let ends: Date = self.expiration_date.as_deref()?.get(..10)?.parse().ok()?;
        let source = Some("OpenRouter's list of models".to_owned());
        Some(Deprecation { since: day.to_string(), ends: Some(ends.to_string()), replacement: None, gone: false, source })
    }
}

/// How the reasoning of a Claude model is controlled: by a budget before 4.6, by an effort since then (platform.claude.com,
/// adaptive thinking).
fn claudes_thinking(id: &str) -> Thinking {
    let mut numbers = id.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(u32::MAX), numbers.next().unwrap_or(0));
    if version < (4, 6) { Thinking::Budget } else { Thinking::Adaptive }
}

/// When the model with this id accepts a forced call, if its host does not always.
fn known_forced_calls(id: &str) -> Option<ForcedCalls> {
    FORCED_CALLS.iter().find(|(start, _)| id.starts_with(start)).map(|(_, forced)| *forced)
}

/// How the model's reasoning is controlled: by effort, if the model has efforts. A model that has no efforts and always
/// reasons gets no setting.
fn thinking(reasoning: &Reasoning) -> Thinking {
    match (reasoning.supported_efforts.is_empty(), reasoning.mandatory) {
        (false, _) => Thinking::Effort,
        (true, Some(true)) => Thinking::None,
        (true, _) => Thinking::Switch,
    }
}

/// Its efforts, and `none` if it can be switched off.
fn efforts(reasoning: &Reasoning) -> Vec<String> {
    let words = &reasoning.supported_efforts;
    let is_missing = !words.is_empty() && reasoning.mandatory == Some(false) && !words.iter().any(|word| word == "none");
    is_missing.then(|| "none".to_owned()).into_iter().chain(words.iter().cloned()).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_macros, reason = "tests write entries of the list as JSON")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn day() -> Date {
        Date::constant(2026, 11, 27)
    }

    /// A listed model with these members replaced.
    fn listed(members: &Value) -> ListedModel {
        let mut entry = json!({
            "id": "acme/large-1", "name": "Acme: Large 1", "context_length": 200_000,
            "architecture": {"input_modalities": ["text", "file"], "output_modalities": ["text"]},
            "pricing": {"prompt": "0.000001", "completion": "0.000002"},
            "top_provider": {"context_length": 128_000, "max_completion_tokens": 64_000},
            "supported_parameters": ["temperature", "top_p", "top_k", "tools", "structured_outputs"],
        });
        for (name, value) in members.as_object().cloned().unwrap() {
            entry[name] = value;
        }
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn a_listed_model_is_served_through_openrouter_under_its_own_id() {
        let model = listed(&json!({})).model(day()).unwrap();
        assert_eq!(
            (model.id.as_str(), model.owned_by.as_str(), model.name.as_str()),
            ("acme/large-1", "acme", "Acme: Large 1")
        );
        let [route] = model.routes.as_slice() else { panic!("one route") };
        assert_eq!((route.provider, route.upstream.as_str()), (ProviderId::OpenRouter, "acme/large-1"));
        assert_eq!((model.context_window, model.widest_window, model.max_input_tokens), (200_000, 200_000, 200_000));
        assert_eq!((model.max_output_tokens, model.default_output), (64_000, 32_000));
        assert_eq!(model.input_modalities, ["text", "pdf"]);
        assert_eq!((model.tariff.moves, model.deprecation), (true, None));
    }

    #[test]
    fn an_output_limit_that_is_missing_or_too_large_is_the_window() {
        for limit in [Value::Null, json!(0), json!(900_000)] {
            let model = listed(&json!({"top_provider": {"max_completion_tokens": limit}})).model(day()).unwrap();
            assert_eq!((model.max_output_tokens, model.widest_window), (200_000, 200_000));
        }
    }

    #[test]
    fn a_model_thinks_as_the_list_says() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (reasoning, thinking, efforts) in [
            (Value::Null, Thinking::None, words(&[])),
            (json!({}), Thinking::Switch, words(&[])),
            (json!({"supported_efforts": null, "mandatory": true}), Thinking::None, words(&[])),
            (json!({"supported_efforts": ["low", "high"], "mandatory": true}), Thinking::Effort, words(&["low", "high"])),
            (json!({"supported_efforts": ["low", "high"]}), Thinking::Effort, words(&["low", "high"])),
            (json!({"supported_efforts": ["low"], "mandatory": false}), Thinking::Effort, words(&["none", "low"])),
            (json!({"supported_efforts": ["none", "low"], "mandatory": false}), Thinking::Effort, words(&["none", "low"])),
        ] {
            let entry = json!({"reasoning": reasoning, "supported_parameters": ["reasoning"]});
            let capabilities = listed(&entry).model(day()).unwrap().capabilities;
            assert_eq!((capabilities.thinking, capabilities.efforts), (thinking, efforts), "{reasoning}");
        }
    }

    #[test]
    fn fields_that_no_host_takes_are_not_sent() {
        for (fields, sampling, structured_output, json_with_tools) in [
            (json!([]), SamplingSupport::All, true, true),
            (json!(["temperature", "top_p", "top_k"]), SamplingSupport::All, false, false),
            (json!(["temperature", "top_p", "structured_outputs"]), SamplingSupport::Draws, true, false),
            (json!(["tools", "structured_outputs"]), SamplingSupport::Nothing, true, true),
            (json!(["temperature"]), SamplingSupport::Nothing, false, false),
        ] {
            let capabilities = listed(&json!({"supported_parameters": fields})).model(day()).unwrap().capabilities;
            let actual = (capabilities.sampling, capabilities.structured_output, capabilities.json_with_tools);
            assert_eq!(actual, (sampling, structured_output, json_with_tools), "{fields}");
        }
    }

    #[test]
    fn openais_models_want_sixteen_tokens_and_signing_vendors_no_unsigned_thoughts() {
        for (id, least, unsigned) in [("openai/gpt-9", 16, false), ("google/gemma-9", 0, false), ("acme/large-1", 0, true)] {
            let entry = json!({"id": id, "supported_parameters": ["reasoning"], "reasoning": {}});
            let capabilities = listed(&entry).model(day()).unwrap().capabilities;
            assert_eq!((capabilities.min_output_tokens, capabilities.unsigned_reasoning), (least, unsigned), "{id}");
        }
    }

    #[test]
    fn the_profiles_of_the_catalogue_agree_about_forced_calls() {
        let catalog = crate::catalog::Catalog::embedded().unwrap();
        let routes =
            catalog.models().flat_map(|model| model.routes.iter().map(move |route| (model, route.upstream.as_str())));
        // Claude's rules depend on the version.
        for (model, upstream) in routes.filter(|(_, upstream)| upstream.contains('/') && !upstream.starts_with("anthropic/"))
        {
            let known = known_forced_calls(upstream).unwrap_or_default();
            assert_eq!(model.capabilities.forced_calls, known, "{upstream}");
        }
    }

    #[test]
    fn a_call_is_forced_where_the_vendors_host_accepts_it() {
        for (id, reasoning, forced) in [
            ("acme/large-1", json!({}), ForcedCalls::Accepted),
            ("moonshotai/kimi-k9", json!({}), ForcedCalls::WithoutThinking),
            ("moonshotai/kimi-k9", Value::Null, ForcedCalls::Accepted),
            ("qwen/qwen3.8-flash", json!({}), ForcedCalls::Refused),
            ("qwen/qwen3-coder", Value::Null, ForcedCalls::Accepted),
            ("z-ai/glm-9", Value::Null, ForcedCalls::Refused),
        ] {
            let entry = json!({"id": id, "supported_parameters": ["reasoning"], "reasoning": reasoning});
            let capabilities = listed(&entry).model(day()).unwrap().capabilities;
            assert_eq!(capabilities.forced_calls, forced, "{id}");
        }
    }

    #[test]
    fn listed_models_follow_the_rules_of_their_vendors() {
        let of = |id: &str| {
            let supported = ["reasoning", "temperature", "top_p", "tools", "structured_outputs"];
            let entry = json!({"id": id, "supported_parameters": supported, "reasoning": {"supported_efforts": ["low"]}});
            listed(&entry).model(day()).unwrap().capabilities
        };
        for (id, thinking) in [
            ("anthropic/claude-3.7-sonnet", Thinking::Budget),
            ("anthropic/claude-sonnet-4", Thinking::Budget),
            ("anthropic/claude-opus-4.1", Thinking::Budget),
            ("anthropic/claude-fable-5.1", Thinking::Adaptive),
            ("acme/large-1", Thinking::Effort),
        ] {
            assert_eq!(of(id).thinking, thinking, "{id}");
        }
        assert_eq!(of("anthropic/claude-sonnet-4").sampling, SamplingSupport::One);
        assert_eq!(of("anthropic/claude-fable-5.1").forced_calls, ForcedCalls::Refused);
        assert_eq!([of("google/gemini-2.0-flash"), of("google/gemini-3-pro")].map(|of| of.json_with_tools), [false, true]);
        assert_eq!([of("x-ai/grok-4"), of("acme/large-1")].map(|of| of.media.hidden), [1_000, 0]);
        assert!(of("x-ai/grok-4").refuses_penalties);
    }

    #[test]
    fn a_last_day_is_told_since_the_list_was_read() {
        for (date, ends) in [
            (json!("2026-12-31"), Some("2026-12-31")),
            (json!("2026-12-31T00:00:00Z"), Some("2026-12-31")),
            (json!("soon"), None),
        ] {
            let deprecation = listed(&json!({"expiration_date": date})).model(day()).unwrap().deprecation;
            let told = deprecation.map(|end| (end.since, end.ends));
            assert_eq!(told, ends.map(|ends| ("2026-11-27".to_owned(), Some(ends.to_owned()))), "{date}");
        }
    }

    #[test]
    fn models_that_cannot_be_served_are_refused_with_the_reason() {
        for (entry, expected) in [
            (json!({"id": "openrouter/auto"}), Refusal::Router),
            (json!({"id": "acme/large-1:free"}), Refusal::Variant),
            (json!({"id": "acme/large-1:nitro"}), Refusal::Variant),
            (json!({"id": "large-1"}), Refusal::Id),
            (json!({"id": "acme/../x"}), Refusal::Id),
            (json!({"id": "~acme/latest"}), Refusal::Id),
            (json!({"architecture": {"output_modalities": ["image", "text"]}}), Refusal::Output),
            (json!({"architecture": null}), Refusal::Output),
            (json!({"context_length": null}), Refusal::Window),
            (json!({"pricing": {"prompt": "-1", "completion": "-1"}}), Refusal::Price { field: "prompt".to_owned() }),
        ] {
            assert_eq!(listed(&entry).model(day()).err(), Some(expected), "{entry}");
        }
    }
}
