//! What a reply has shown so far, and what is charged for it: one definition for records, checkpoints and clients.

use crate::chat::{BlockStart, Delta, FinishReason, Origin, StreamEvent, Usage};
use crate::wire::Estimate;

/// Bytes of generated text that count as one token where nobody counted.
const BYTES_PER_TOKEN: u64 = 4;

/// What a reply has shown so far: the ledger's source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// The last usage reported; the counts are cumulative.
    pub usage: Option<Usage>,
    /// Whether that usage came with the finish marker, or after it: it counts the whole reply.
    pub has_final_usage: bool,
    /// Bytes of generated text, reasoning and arguments, from events: the same on all routes.
    pub generated_bytes: u64,
    /// Whether anything of the answer came: a block of any kind, or a refusal.
    pub has_content: bool,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// Why the model stopped, as the client is told.
    pub finish: Option<FinishReason>,
    /// Gemini's signatures, each by the id that the client got for its tool call.
    pub signatures: Vec<(String, String)>,
    /// The id of the tool call that is being told.
    open_call: String,
}

/// When a provider reported a usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UsageReport {
    /// While it generated.
    Interim,
    /// With the finish marker, or after it.
    Final,
}

/// Who counted the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageSource {
    /// The provider, at the end of the reply.
    Reported,
    /// The gateway: the provider's last count never came.
    Estimated,
}

/// The usage that is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metered {
    /// The counts.
    pub usage: Usage,
    /// Who made them.
    pub source: UsageSource,
}

impl Meter {
    /// Takes note of what the provider sent.
    pub(super) fn observe(&mut self, event: &StreamEvent, report: UsageReport) {
        match event {
            StreamEvent::Start { id, usage, .. } => {
                self.upstream_id.clone_from(id);
                self.report(usage, UsageReport::Interim);
            }
            StreamEvent::Delta(delta) => {
                self.has_content = true;
                let length = match delta {
                    Delta::Text(text) | Delta::Reasoning(text) | Delta::Arguments(text) => text.len(),
                    Delta::Signature(_) => 0,
                };
                self.generated_bytes = self.generated_bytes.saturating_add(length as u64);
            }
            StreamEvent::BlockStart(_) | StreamEvent::Refusal(_) => self.has_content = true,
            StreamEvent::Usage(usage) => self.report(usage, report),
            StreamEvent::BlockStop | StreamEvent::Finish(_) => {}
        }
    }

    fn report(&mut self, usage: &Usage, report: UsageReport) {
        if !usage.is_empty() {
            self.usage = Some(*usage);
            self.has_final_usage |= report == UsageReport::Final;
        }
    }

    /// Takes note of what the client is told.
    pub(super) fn note_told(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::BlockStart(BlockStart::ToolCall { id, .. }) => self.open_call.clone_from(id),
            // What is signed from here on is something else.
            StreamEvent::BlockStart(_) | StreamEvent::BlockStop => self.open_call.clear(),
            StreamEvent::Delta(Delta::Signature(signature)) if signature.origin == Origin::Gemini => {
                // Nothing has to keep the signature of a thought.
                if !self.open_call.is_empty() {
                    self.signatures.push((self.open_call.clone(), signature.value.clone()));
                }
            }
            StreamEvent::Finish(reason) => self.finish = Some(reason.clone()),
            StreamEvent::Start { .. } | StreamEvent::Delta(_) | StreamEvent::Usage(_) | StreamEvent::Refusal(_) => {}
        }
    }

    /// What is charged for the reply as far as it came. The provider's final usage counts alone. Where it never came, the
    /// larger of what was reported and what was seen counts: a token for four bytes that were generated, as far as there may
    /// be so many, and the estimate for a prompt of which nothing was reported.
    pub fn metered(&self, estimate: Estimate) -> Metered {
        let reported = self.usage.unwrap_or_default();
        if self.has_final_usage {
            return Metered { usage: reported, source: UsageSource::Reported };
        }
        // A provider counts the prompt before it generates: such a count is exact, whatever the estimate says.
        let input = if reported.total_input() == 0 { estimate.input } else { reported.input };
        // Text with more than four bytes to a token must not cost more than was held for it.
        let seen = self.generated_bytes.div_ceil(BYTES_PER_TOKEN).min(estimate.output_limit);
        Metered { usage: Usage { input, output: reported.output.max(seen), ..reported }, source: UsageSource::Estimated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Signature;

    fn meter(usage: Option<Usage>, has_final_usage: bool, generated_bytes: u64) -> Meter {
        Meter { usage, has_final_usage, generated_bytes, ..Meter::default() }
    }

    const UNLIMITED: Estimate = Estimate { input: 900, output_limit: u64::MAX };

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    #[test]
    fn the_final_usage_counts_alone() {
        let metered = meter(Some(usage(3, 1)), true, 4_000).metered(UNLIMITED);
        assert_eq!(metered, Metered { usage: usage(3, 1), source: UsageSource::Reported });
    }

    #[test]
    fn without_a_final_usage_the_larger_of_reported_and_seen_counts() {
        for (reported, bytes, expected) in [
            (None, 9, usage(900, 3)),
            (None, 0, usage(900, 0)),
            (Some(usage(3, 1)), 9, usage(3, 3)),
            (Some(usage(3, 7)), 9, usage(3, 7)),
        ] {
            let metered = meter(reported, false, bytes).metered(UNLIMITED);
            assert_eq!(metered, Metered { usage: expected, source: UsageSource::Estimated }, "{reported:?}, {bytes} bytes");
        }
    }

    #[test]
    fn an_estimate_of_the_output_stays_within_its_limit_and_a_report_stands() {
        for (reported, is_final, output) in [
            (None, false, 64),
            (Some(usage(3, 1)), false, 64),
            (Some(usage(3, 90)), false, 90),
            (Some(usage(3, 90)), true, 90),
        ] {
            let metered = meter(reported, is_final, 4_000).metered(Estimate { output_limit: 64, ..UNLIMITED });
            assert_eq!(metered.usage.output, output, "{reported:?} {is_final}");
        }
    }

    #[test]
    fn a_prompt_that_was_read_from_a_cache_is_not_estimated_on_top() {
        let cached = Usage { cache_read: 5_000, ..Usage::default() };
        assert_eq!(meter(Some(cached), false, 4).metered(UNLIMITED).usage, Usage { output: 1, ..cached });
    }

    #[test]
    fn a_signature_belongs_to_the_call_that_is_open_and_not_to_one_before_it() {
        let signed = |value: &str| {
            StreamEvent::Delta(Delta::Signature(Signature { origin: Origin::Gemini, value: value.to_owned() }))
        };
        let call = BlockStart::ToolCall { id: "call_1".to_owned(), name: "look".to_owned() };
        let told = [
            StreamEvent::BlockStart(call),
            signed("of the call"),
            StreamEvent::BlockStop,
            StreamEvent::BlockStart(BlockStart::Reasoning),
            signed("of a thought after it"),
            StreamEvent::BlockStop,
        ];
        let mut meter = Meter::default();
        for event in &told {
            meter.note_told(event);
        }
        assert_eq!(meter.signatures, [("call_1".to_owned(), "of the call".to_owned())]);
    }
}
