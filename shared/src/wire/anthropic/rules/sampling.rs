//! Sampling and stop sequences.

use crate::capability::{SamplingField, SamplingSupport};

/// The sampling settings of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The temperature.
    pub temperature: Option<f64>,
    /// Whether `top_p` is set.
    pub top_p: bool,
    /// Whether `top_k` is set.
    pub top_k: bool,
}

/// The only temperature that is allowed with reasoning; it is the default.
const WHILE_THINKING: f64 = 1.0;

/// The settings that a model rejects: all of them on the newest, one of temperature and `top_p` since 4.1, and nearly all
/// while reasoning.
pub fn refused(support: SamplingSupport, asked: Asked, thinks: bool) -> Vec<SamplingField> {
    let set = [
        asked.temperature.map(|_| SamplingField::Temperature),
        asked.top_p.then_some(SamplingField::TopP),
        asked.top_k.then_some(SamplingField::TopK),
    ];
    let set: Vec<SamplingField> = set.into_iter().flatten().collect();
    if thinks && support != SamplingSupport::Nothing {
        let is_default = asked.temperature.is_some_and(|value| (value - WHILE_THINKING).abs() < f64::EPSILON);
        return set.into_iter().filter(|field| *field != SamplingField::Temperature || !is_default).collect();
    }
    support.refused(&set)
}

/// Moves a temperature or `top_p` into Claude's range, which is 0 to 1 for both (wire formats, sampling rules 2 and 3).
pub fn in_range(asked: f64) -> f64 {
    asked.clamp(0.0, 1.0)
}

/// Whether a stop sequence is accepted: white space only is not.
pub fn is_stop(stop: &str) -> bool {
    !stop.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::SamplingField::{Temperature, TopK, TopP};
    use super::*;

    #[test]
    fn thinking_and_generations_leave_what_they_take() {
        let asked = Asked { temperature: Some(0.5), top_p: true, top_k: true };
        let default = Asked { temperature: Some(1.0), ..asked };
        for (support, asked, thinks, expected) in [
            (SamplingSupport::One, asked, false, vec![TopP]),
            (SamplingSupport::One, asked, true, vec![Temperature, TopP, TopK]),
            (SamplingSupport::One, default, true, vec![TopP, TopK]),
            (SamplingSupport::Nothing, default, true, vec![Temperature, TopP, TopK]),
            (SamplingSupport::Nothing, Asked::default(), false, vec![]),
        ] {
            assert_eq!(refused(support, asked, thinks), expected);
        }
    }
}
