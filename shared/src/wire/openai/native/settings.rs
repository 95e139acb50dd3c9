//! Adapts the top-level settings that are also translated to the model: sampling, stop sequences and the output limit. It
//! applies the rules of `openai::rules`. `values` has the settings that are only forwarded.

use std::borrow::Cow;

use crate::capability::{SamplingField, SamplingSupport};
use crate::document::Value;
use crate::wire::ClientRequest;
use crate::wire::native::{Forwarding, sampling_fields};
use crate::wire::openai::rules;
use crate::wire::target::{Target, ranges};

const PENALTIES: [&str; 2] = ["frequency_penalty", "presence_penalty"];

/// Removes sampling settings that the model rejects.
pub(super) fn drop_refused_sampling(forwarding: &mut Forwarding<'_>, support: SamplingSupport, target: &Target<'_>) {
    let body = forwarding.body;
    let is_kept = |field: &SamplingField| body.get(field.name()).is_some_and(|value| !forwarding.edits.removes(value));
    let asked: Vec<SamplingField> = sampling_fields(body).into_iter().filter(is_kept).collect();
    for field in support.refused(&asked) {
        forwarding.drop_field(field.name());
    }
    for field in PENALTIES.into_iter().filter(|_| target.capabilities.refuses_penalties) {
        forwarding.drop_field(field);
    }
    let others = ["frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "logit_bias"];
    let asks = |field: &&str| body.get(field).is_some_and(|value| !matches!(value.flag(), Ok(false)));
    for field in others.into_iter().filter(asks).filter(|_| !rules::takes_penalties(support)) {
        forwarding.drop_field(field);
    }
}

/// Some models reject both names of the limit together. The newer one counts.
pub(super) fn one_output_limit(request: &ClientRequest, forwarding: &mut Forwarding<'_>) {
    if request.max_tokens.is_some_and(|limit| limit.field == "max_completion_tokens") {
        forwarding.drop_field("max_tokens");
    }
}

/// Keeps the stop sequences that the model accepts.
pub(super) fn limit_stops(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let Some(stop) = forwarding.body.get("stop") else { return };
    let listed = stop.elements().filter_map(Value::as_text);
    let asked: Vec<String> = listed.chain(stop.as_text()).map(Cow::into_owned).collect();
    let number = asked.len();
    let kept = rules::stops(asked, target);
    let is_idle = number == 0 && target.capabilities.refuses_stop;
    if kept.len() == number && !is_idle {
        return;
    }
    if kept.is_empty() {
        forwarding.edits.remove(stop);
    } else {
        forwarding.edits.replace(stop, &kept);
    }
    forwarding.dropped.extend((number > 0).then(|| "stop".to_owned()));
}

/// Moves sampling numbers into their ranges.
pub(super) fn keep_ranges(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let temperature = forwarding.body.get("temperature").filter(|value| !forwarding.edits.removes(*value));
    for (field, range) in [
        ("temperature", target.temperatures()),
        ("top_p", target.top_ps(temperature.and_then(|value| value.number().ok()))),
        ("frequency_penalty", ranges::PENALTY),
        ("presence_penalty", ranges::PENALTY),
        ("min_p", ranges::SHARE),
        ("top_a", ranges::SHARE),
        ("repetition_penalty", target.repetitions()),
    ] {
        let value = forwarding.body.get(field).filter(|value| !forwarding.edits.removes(*value));
        let nearest = value.and_then(|value| ranges::nearest(value.number().ok()?, &range));
        if let (Some(value), Some(nearest)) = (value, nearest) {
            forwarding.edits.replace(value, &nearest);
            forwarding.dropped.push(field.to_owned());
        }
    }
    let top_k = forwarding.body.get("top_k").filter(|value| !forwarding.edits.removes(*value));
    if let Some(top_k) = top_k.filter(|value| value.as_whole_number().is_some_and(|asked| asked > ranges::MOST_CANDIDATES)) {
        forwarding.edits.replace(top_k, &ranges::MOST_CANDIDATES);
        forwarding.dropped.push("top_k".to_owned());
    }
}
