//! What is sent is what its provider takes: every request at hand, for every model and route, judged by the simulator's strict rules.

use std::collections::BTreeMap;

use gateway::catalog::Catalog;
use gateway::ids::ProviderId;
use gateway::translate::outbound::Destination;
use gateway::wire::target::OutputBounds;
use gateway_dev::simulator::Judge;
use gateway_tests::corpus::{case_requests, requests};
use gateway_tests::sending::{send_to, wire_of};
use serde_json::Value;

fn judge_of(provider: ProviderId) -> Judge {
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
    for (format, path, body) in requests().into_iter().chain(case_requests()) {
        let body = body.to_string();
        for model in catalog.models() {
            for route in &model.routes {
                let wire = wire_of(route.provider);
                let to = Destination { model, route, wire, output: OutputBounds::NONE };
                let Ok(sent) = send_to(format, &body, to, &[]) else { continue };
                let sent: Value = serde_json::from_slice(&sent.body).unwrap();
                seen += 1;
                if let Some(refusal) = judge_of(route.provider).refusal(route.upstream.as_str(), &sent) {
                    let place = format!("{} for {} at {}", path.display(), model.id, route.provider);
                    refusals.entry(refusal).or_default().push(place);
                }
            }
        }
    }
    for (refusal, places) in &refusals {
        println!("{} x {refusal}: {}", places.len(), places[0]);
    }
    assert!(refusals.is_empty(), "{} kinds of {seen}", refusals.len());
}
