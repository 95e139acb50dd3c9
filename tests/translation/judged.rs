//! The provider must accept everything that is sent. All available requests are checked for every model and route with the
//! simulator's strict rules.

use std::collections::BTreeMap;

use gateway::catalog::Catalog;
use gateway::ids::ProviderId;
use gateway::translate::outbound::Destination;
use gateway::wire::target::OutputBounds;
use gateway_dev::simulator::Judge;
use gateway_tests::corpus::{all_cases, requests};
use gateway_tests::sending::{send_along, send_to, wire_of};
use serde_json::Value;

/// Rejections that only invented test data causes: invalid signatures and pictures, and an unknown field that must be
/// forwarded.
const OF_MADE_UP_DATA: [&str; 9] = [
    "Corrupted thought signature.",
    "Could not process image",
    "Provided image is not valid.",
    "Unable to process input image.",
    "You uploaded an unsupported image.",
    "Invalid `signature` in `thinking` block",
    "Invalid `data` in `redacted_thinking` block",
    "the signature is not valid.",
    "x_future: Extra inputs are not permitted",
];

/// Whether the rejection is caused only by invented test data.
pub fn is_made_up(refusal: &str) -> bool {
    OF_MADE_UP_DATA.iter().any(|words| refusal.contains(words))
}

/// The simulator's checks for what a provider is sent.
pub fn judge_of(provider: ProviderId) -> Judge {
    match provider {
        ProviderId::OpenRouter => Judge::OpenRouter,
        ProviderId::VertexClaude => Judge::Claude,
        ProviderId::VertexGemini => Judge::Gemini,
    }
}

#[test]
fn strict_providers_take_what_they_are_sent() {
    let catalog = Catalog::embedded().unwrap();
    let (mut refusals, mut seen) = (BTreeMap::<String, Vec<String>>::new(), 0_u32);
    let requests = requests().into_iter().map(|(format, path, body)| (format, path, body.to_string(), Vec::new()));
    let cases = all_cases().into_iter().map(|case| (case.format, case.path, case.text, case.betas));
    for (format, path, body, betas) in requests.chain(cases) {
        for model in catalog.models() {
            for route in &model.routes {
                let wire = wire_of(route.provider);
                let to = Destination { model, route, wire, output: OutputBounds::NONE };
                let Ok(sent) = send_to(format, &body, to, &betas) else { continue };
                let sent: Value = serde_json::from_slice(&sent.body).unwrap();
                seen += 1;
                let refusal = judge_of(route.provider).refusal(route.upstream.as_str(), &sent);
                if let Some(refusal) = refusal.filter(|refusal| !is_made_up(refusal)) {
                    let place = format!("{} for {} at {}", path.display(), model.id, route.provider);
                    refusals.entry(refusal).or_default().push(place);
                }
            }
        }
    }
    let told = refusals.iter().map(|(refusal, places)| format!("{} x {refusal}: {}", places.len(), places[0]));
    assert!(refusals.is_empty(), "{}", told.collect::<Vec<_>>().join("\n"));
    assert!(seen > 500, "only {seen} bodies");
}

#[test]
fn every_case_reaches_each_of_its_models_or_is_refused_where_the_book_says_so() {
    let catalog = Catalog::embedded().unwrap();
    for case in all_cases() {
        for name in &case.models {
            let model = catalog.resolve(name).unwrap();
            let (place, route) = (format!("{} for {name}", case.path.display()), &model.routes[0]);
            let sent = |text: &str| send_along(case.format, text, &model, route, &case.betas);
            match sent(&case.text) {
                Err(error) => assert!(case.is_refused && error.param().is_some(), "{place}: {error:?}"),
                Ok(whole) => {
                    assert!(!case.is_refused, "{place} is taken");
                    let body: Value = serde_json::from_slice(&whole.body).unwrap();
                    let refusal = judge_of(route.provider).refusal(route.upstream.as_str(), &body);
                    assert_eq!(refusal.filter(|refusal| !is_made_up(refusal)), None, "{place}: {body}");
                    // Providers are always asked for a stream, so the client's choice to stream changes nothing else.
                    if !case.text.contains("\"stream\":") {
                        let streamed = sent(&case.text.replacen('{', "{\"stream\":true,", 1)).unwrap();
                        assert_eq!((streamed.body, streamed.dropped), (whole.body, whole.dropped), "{place}");
                    }
                }
            }
        }
    }
}
