//! The signatures of the simulator's reasoning and calls. They name the model and the position, so that a later request can
//! be checked without storing the reply.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wire::Wire;

const PREFIX: &str = "sim-signature:";
/// Real signatures are far longer than ids, and gateways fail if they put them into id fields. This makes 600 letters.
const LENGTH: usize = 450;
const FILLING: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a signature was issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) model: String,
    /// The number of tool results before the reply.
    pub(super) step: usize,
}

/// The signature of the reply after this many tool results.
pub(super) fn issue(wire: Wire, model: &str, step: usize) -> String {
    written(wire.name(), model, step)
}

/// What this signature was issued for; `None` if it is not the simulator's or was changed.
pub(super) fn read(signature: &str) -> Option<Issued> {
    let bytes = STANDARD.decode(signature).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let (wire, rest) = text.strip_prefix(PREFIX)?.split_once(':')?;
    // A model's name may contain colons.
    let (rest, _) = rest.rsplit_once(':')?;
    let (model, step) = rest.rsplit_once(':')?;
    let step = step.parse().ok()?;
    (written(wire, model, step) == signature).then(|| Issued { model: model.to_owned(), step })
}

impl Issued {
    /// Whether the signature is of this model, at any provider.
    pub(super) fn is_of(&self, model: &str) -> bool {
        bare(&self.model) == bare(model)
    }

    /// Whether the signature is of a model of Anthropic. They read each other's.
    pub(super) fn is_of_claude(&self) -> bool {
        bare(&self.model).starts_with("claude")
    }
}

/// A model's name without the provider's prefix and suffix.
fn bare(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.split(['@', ':']).next().unwrap_or(name).replace('.', "-")
}

fn written(wire: &str, model: &str, step: usize) -> String {
    let head = format!("{PREFIX}{wire}:{model}:{step}:");
    let filling = FILLING.chars().cycle().take(LENGTH.saturating_sub(head.len()));
    STANDARD.encode(head.chars().chain(filling).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_long_and_always_the_same() {
        let signature = issue(Wire::Gemini, "gemini-3-pro", 2);
        assert_eq!((signature.len(), &signature), (600, &issue(Wire::Gemini, "gemini-3-pro", 2)));
        assert_ne!(signature, issue(Wire::Gemini, "gemini-3-pro", 3));
    }

    #[test]
    fn signature_tells_what_it_is_for() {
        let issued = read(&issue(Wire::OpenRouter, "anthropic/claude-opus-4.6:free", 7)).unwrap();
        assert_eq!(issued, Issued { model: "anthropic/claude-opus-4.6:free".to_owned(), step: 7 });
        assert!(issued.is_of("claude-opus-4-6@default") && issued.is_of_claude());
        assert!(!issued.is_of("claude-opus-4-5"));
    }

    #[test]
    fn foreign_and_changed_signatures_are_not_read() {
        let mut changed = issue(Wire::Claude, "claude-opus-4-6", 0);
        changed.replace_range(598..600, "A=");
        for signature in ["", "c2tpcA==", "not base64!", &changed, changed.get(..400).unwrap()] {
            assert_eq!(read(signature), None, "{signature}");
        }
    }
}
