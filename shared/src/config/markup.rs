//! Markups on the providers' prices.

use super::ConfigError;
use crate::ids::ProviderId;

const EVERY: &str = "PRICE_MARKUP_PERMILLE";
const OF_PROVIDERS: &str = "PROVIDER_MARKUP_PERMILLE";

/// Markups in thousandths: one for all providers, and additional ones for single providers, such as a fee for credits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markups {
    every: u32,
    of_providers: Vec<(ProviderId, u32)>,
}

impl Markups {
    /// Reads both variables.
    pub(super) fn from_lookup(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new(EVERY, "must be a whole number of thousandths, such as 50 for 5 %");
        let every = read(EVERY).map_or(Ok(0), |value| value.parse().map_err(|_| wrong()))?;
        let listed = read(OF_PROVIDERS).unwrap_or_default();
        let of_providers = listed.split(',').filter(|entry| !entry.trim().is_empty()).map(of_provider);
        Ok(Self { every, of_providers: of_providers.collect::<Result<_, _>>()? })
    }

    /// The markup for a provider, in thousandths.
    pub fn of(&self, provider: ProviderId) -> u32 {
        let own = self.of_providers.iter().filter(|(known, _)| *known == provider).map(|(_, permille)| *permille);
        own.fold(self.every, u32::saturating_add)
    }
}

fn of_provider(entry: &str) -> Result<(ProviderId, u32), ConfigError> {
    let read = entry
        .split_once('=')
        .and_then(|(provider, permille)| Some((ProviderId::parse(provider.trim())?, permille.trim().parse().ok()?)));
    read.ok_or_else(|| {
        let known = ProviderId::ALL.map(ProviderId::as_str).join(", ");
        let reason =
            format!("must be a list such as openrouter=55 (thousandths), with providers of {known}; {entry} is invalid");
        ConfigError::new(OF_PROVIDERS, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markups(every: &str, of_providers: &str) -> Result<Markups, ConfigError> {
        let value = |name: &str| if name == EVERY { every.to_owned() } else { of_providers.to_owned() };
        Markups::from_lookup(&|name| Some(value(name)).filter(|value| !value.is_empty()))
    }

    #[test]
    fn a_providers_markup_is_added_to_that_of_all() {
        let of = |every, providers| {
            let markups = markups(every, providers).unwrap();
            (markups.of(ProviderId::OpenRouter), markups.of(ProviderId::VertexClaude))
        };
        assert_eq!(of("", ""), (0, 0));
        assert_eq!(of("50", ""), (50, 50));
        assert_eq!(of("50", "openrouter=55"), (105, 50));
        assert_eq!(of("", " openrouter = 55, vertex-claude=10 "), (55, 10));
    }

    #[test]
    fn what_is_no_markup_is_refused_by_its_variable() {
        for (every, providers, variable) in [
            ("5 %", "", EVERY),
            ("-1", "", EVERY),
            ("", "openrouter", OF_PROVIDERS),
            ("", "openai=5", OF_PROVIDERS),
            ("", "openrouter=0.5", OF_PROVIDERS),
        ] {
            assert_eq!(markups(every, providers).unwrap_err().variable, variable, "{every} {providers}");
        }
    }
}
