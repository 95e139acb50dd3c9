//! Generated requests with the oddities of real clients: roles in any order, repeated or missing ids, parts at unusual places,
//! cache marks everywhere. The provider must accept what is sent, every lost part must be named, and forwarding and
//! translation must name the same parts.

mod chat;
mod messages;
mod random;

use std::collections::BTreeMap;

use gateway::catalog::{Catalog, Model};
use gateway::translate::outbound::Destination;
use gateway::wire::target::OutputBounds;
use gateway::wire::{ClientFormat, Measured};
use gateway_tests::sending::{Sent, send_to, wire_of};
use serde_json::Value;

use super::judged::{is_made_up, judge_of};
use super::naming::{texts_and_lost, unnamed_by_translation};
use random::Random;

/// The number of generated requests for each format. Slower machines must have time for it, too.
const REQUESTS: u64 = 80;

/// Calls `each` for this many generated requests of each format, for every model and route. It gets the prepared body, or
/// `None` if the request was refused, and returns the faults.
pub fn for_all(requests: u64, mut each: impl FnMut(ClientFormat, &Value, Destination<'_>, Option<Sent>) -> Vec<String>) {
    let catalog = Catalog::embedded().unwrap();
    let models: Vec<&Model> = catalog.models().map(AsRef::as_ref).collect();
    let (mut faults, mut sound) = (BTreeMap::<String, String>::new(), 0_u32);
    for seed in 0..requests {
        let (chat, messages) = (chat::request(&mut Random::new(seed)), messages::request(&mut Random::new(seed)));
        for (format, body) in [(ClientFormat::ChatCompletions, chat), (ClientFormat::Messages, messages)] {
            let text = body.to_string();
            for model in &models {
                for route in &model.routes {
                    let to = Destination { model, route, wire: wire_of(route.provider), output: OutputBounds::NONE };
                    let sent = match send_to(format, &text, to, &[]) {
                        Ok(sent) => Some(sent),
                        Err(error) => {
                            assert!(error.param().is_some(), "{error:?} without a place: {text}");
                            None
                        }
                    };
                    sound += u32::from(sent.is_some());
                    for fault in each(format, &body, to, sent) {
                        faults
                            .entry(fault)
                            .or_insert_with(|| format!("seed {seed} for {} at {}: {text}", model.id, route.provider));
                    }
                }
            }
        }
    }
    let told = faults.iter().take(30).map(|(fault, place)| format!("{fault}\n    {place}"));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), told.collect::<Vec<_>>().join("\n"));
    assert!(u64::from(sound) > requests * 40, "only {sound} were sent");
}

/// Whether only one of forwarding and translation has to drop this field. A translation replaces an effort by a budget if the
/// Claude model has no efforts, and joins the reasoning of several messages. If there are too many cache marks, the ones that
/// are dropped depend on where the repairs of the translation put them.
fn is_of_one_way(path: &str) -> bool {
    path == "output_config.effort" || path.ends_with(".cache_control") || path.ends_with(".reasoning_content")
}

#[test]
fn strict_providers_take_what_they_are_sent_of_odd_requests() {
    for_all(REQUESTS, |_, _, to, sent| {
        let Some(sent) = sent else { return Vec::new() };
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        let refusal = judge_of(to.route.provider).refusal(to.route.upstream.as_str(), &body);
        let measured = Measured::of(to.wire, &sent.body, &to.model.capabilities.media);
        let unmeasured = measured.err().map(|error| format!("cannot be measured: {error:?}"));
        refusal.filter(|refusal| !is_made_up(refusal)).into_iter().chain(unmeasured).collect()
    });
}

#[test]
fn odd_requests_lose_nothing_in_silence_and_both_ways_name_the_same() {
    for_all(REQUESTS, |format, body, to, sent| {
        let Some(sent) = sent else { return Vec::new() };
        let (_, lost) = texts_and_lost(body, &sent);
        let unnamed = unnamed_by_translation(format, body, to, &sent).unwrap_or_default();
        let lost = lost.into_iter().map(|text| format!("lost {text}"));
        let unnamed = unnamed.into_iter().filter(|path| !is_of_one_way(path));
        lost.chain(unnamed.map(|path| format!("a translation does not name {path}"))).collect()
    });
}

#[test]
fn the_deepest_arguments_that_clients_may_send_are_measured() {
    let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    // A text is parsed as a separate document. An object is five levels deep in its request.
    let (text, object) = (serde_json::to_string(&deep(63)).unwrap(), deep(58));
    let chat = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"a"}},{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"name":"f","arguments":{text}}}}}]}},{{"role":"tool","tool_call_id":"c","content":{text}}}]}}"#
    );
    let messages = format!(
        r#"{{"model":"m","max_tokens":9000,"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"c","name":"f","input":{object}}}]}}]}}"#
    );
    let catalog = Catalog::embedded().unwrap();
    for (format, text) in [(ClientFormat::ChatCompletions, chat), (ClientFormat::Messages, messages)] {
        for model in catalog.models() {
            for route in &model.routes {
                let to = Destination { model, route, wire: wire_of(route.provider), output: OutputBounds::NONE };
                let sent = send_to(format, &text, to, &[]).unwrap();
                assert!(String::from_utf8_lossy(&sent.body).contains("[[[["), "{}", model.id);
                let measured = Measured::of(to.wire, &sent.body, &model.capabilities.media);
                assert!(measured.is_ok(), "{} at {}: {measured:?}", model.id, route.provider);
            }
        }
    }
}
