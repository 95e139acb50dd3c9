//! Adapts the top-level settings that are forwarded and never translated, such as `logit_bias`, `seed` and `metadata`, to
//! what OpenRouter and OpenAI accept. `settings` has those that are also translated.

use crate::chat::request::{Amount, Effort};
use crate::document::{Kind, Value};
use crate::wire::native::Forwarding;
use crate::wire::openai::rules;
use crate::wire::target::{Target, ranges};

/// Maximum number of `metadata` pairs, and the longest name and value (API references of OpenAI and OpenRouter).
const MOST_PAIRS: usize = 16;
const LONGEST_NAME: usize = 64;
const LONGEST_VALUE: usize = 512;

/// Adapts the settings. Removed settings are named.
pub(super) fn fit(forwarding: &mut Forwarding<'_>, amount: Amount, target: &Target<'_>) {
    bias(forwarding);
    candidates(forwarding, target);
    seed(forwarding, target);
    metadata(forwarding);
    verbosity(forwarding, amount, target);
    names(forwarding, target);
}

/// A setting that was not removed.
fn kept<'d>(forwarding: &Forwarding<'d>, name: &str) -> Option<Value<'d>> {
    forwarding.body.get(name).filter(|value| !forwarding.edits.removes(*value))
}

/// A bias maps a token number to a number within its range.
fn bias(forwarding: &mut Forwarding<'_>) {
    let Some(biases) = kept(forwarding, "logit_bias") else { return };
    for (token, bias) in biases.members() {
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        match bias.number().ok().filter(|_| is_token) {
            None => forwarding.drop(bias),
            Some(asked) => {
                if let Some(nearest) = ranges::nearest(asked, &ranges::BIAS) {
                    forwarding.edits.replace(bias, &nearest);
                    forwarding.left_out.push(bias.place());
                }
            }
        }
    }
}

/// `top_logprobs` has a maximum, and needs `logprobs`.
fn candidates(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let Some(number) = kept(forwarding, "top_logprobs") else { return };
    let asked = number.as_whole_number().unwrap_or(0);
    let is_idle = !kept(forwarding, "logprobs").is_some_and(|flag| matches!(flag.flag(), Ok(true)));
    if is_idle {
        forwarding.edits.remove(number);
        forwarding.left_out.extend((asked > 0).then(|| number.place()));
    } else if asked > target.most_logprobs() {
        forwarding.edits.replace(number, &target.most_logprobs());
        forwarding.left_out.push(number.place());
    }
}

fn seed(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let seed = kept(forwarding, "seed");
    let is_taken = |seed: Value<'_>| seed.as_integer().is_some_and(|seed| target.seeds().contains(&seed));
    if seed.is_some_and(|seed| !is_taken(seed)) {
        forwarding.drop_field("seed");
    }
}

/// Metadata are strings, up to a maximum number.
fn metadata(forwarding: &mut Forwarding<'_>) {
    let Some(metadata) = kept(forwarding, "metadata") else { return };
    if metadata.kind() != Kind::Object {
        return forwarding.drop(metadata);
    }
    let mut room = MOST_PAIRS;
    for (name, value) in metadata.members() {
        let text = value.as_text();
        let fits = text.is_some_and(|text| text.chars().count() <= LONGEST_VALUE) && name.chars().count() <= LONGEST_NAME;
        if fits && room > 0 {
            room = room.saturating_sub(1);
        } else {
            forwarding.edits.remove(value);
            forwarding.left_out.extend((!value.is_empty()).then(|| value.place()));
        }
    }
}

fn verbosity(forwarding: &mut Forwarding<'_>, amount: Amount, target: &Target<'_>) {
    let Some(word) = kept(forwarding, "verbosity").filter(|word| !forwarding.edits.changes(*word)) else { return };
    if rules::replaces_amount(amount, target) {
        return forwarding.drop(word);
    }
    let Some(asked) = word.as_text().and_then(|word| Effort::parse(&word)) else { return };
    match rules::verbosity(asked, target) {
        Some(known) if known == asked => {}
        Some(known) => {
            forwarding.edits.replace(word, known.as_str());
            forwarding.left_out.push(word.place());
        }
        None => forwarding.drop(word),
    }
}

/// Shortens names that only need to be unique. Nothing is lost.
fn names(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let longest = [
        ("user", rules::longest_user(target.upstream)),
        ("safety_identifier", rules::LONGEST_KEY),
        ("prompt_cache_key", rules::LONGEST_KEY),
    ];
    for (field, longest) in longest {
        let Some(value) = kept(forwarding, field) else { continue };
        let name = value.as_text().unwrap_or_default();
        let sent = rules::told_apart(&name, longest);
        if sent != name {
            forwarding.edits.replace(value, sent.as_ref());
        }
    }
}
