//! Decides whether a list is plausible, by comparing it with what is known. An implausible list is refused as a whole,
//! because an error in it would remove models or change their prices.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;

use crate::catalog::listed::{List, ListedModel};

/// At most one in this many known models may have lost its prices.
const LOSES_ONE_OF: usize = 10;

/// Why a list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It has no models, or at most half as many as are known.
    Shrunk {
        /// Number of known models.
        known: usize,
        /// Number of listed models.
        listed: usize,
    },
    /// More than a tenth of the known models have no prices in it.
    PricesLost {
        /// Number of known models.
        known: usize,
        /// Number of models without prices.
        lost: usize,
    },
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shrunk { known, listed } => write!(f, "it has {listed} models, and {known} are known"),
            Self::PricesLost { known, lost } => write!(f, "{lost} of {known} known models have no prices in it"),
        }
    }
}

/// The models of a plausible list that can be served, by id.
pub(super) fn judge<'a>(
    known: &BTreeSet<String>,
    list: &'a List,
    day: Date,
) -> Result<BTreeMap<&'a str, &'a ListedModel>, Distrust> {
    let (mut served, mut unpriced) = (BTreeMap::new(), 0_usize);
    for listed in &list.models {
        match listed.model(day) {
            Ok(_) => drop(served.insert(listed.id.as_str(), listed)),
            Err(refusal) if refusal.is_about_prices() && known.contains(&listed.id) => unpriced = unpriced.saturating_add(1),
            Err(_) => {}
        }
    }
    let known = known.len();
    if unpriced.saturating_mul(LOSES_ONE_OF) > known {
        return Err(Distrust::PricesLost { known, lost: unpriced });
    }
    if served.len().saturating_mul(2) <= known {
        return Err(Distrust::Shrunk { known, listed: served.len() });
    }
    Ok(served)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of this many models, the first of which have no prices.
    fn list(models: usize, without_prices: usize) -> List {
        let entry = |number: usize| {
            let price = if number < without_prices { "-1" } else { "0.1" };
            format!(
                r#"{{"id":"acme/{number}","context_length":9,"pricing":{{"prompt":"{price}","completion":"0.2"}},
                "architecture":{{"output_modalities":["text"]}}}}"#
            )
        };
        let entries: Vec<String> = (0..models).map(entry).collect();
        List::read(&format!(r#"{{"data":[{}]}}"#, entries.join(","))).unwrap()
    }

    #[test]
    fn a_list_that_shrank_by_half_or_lost_a_tenth_of_its_prices_is_not_believed() {
        for (known, models, without_prices, expected) in [
            (0, 3, 1, Ok(2)),
            (0, 0, 0, Err(Distrust::Shrunk { known: 0, listed: 0 })),
            (100, 51, 0, Ok(51)),
            (100, 50, 0, Err(Distrust::Shrunk { known: 100, listed: 50 })),
            (100, 100, 10, Ok(90)),
            (100, 100, 11, Err(Distrust::PricesLost { known: 100, lost: 11 })),
            (100, 300, 250, Err(Distrust::PricesLost { known: 100, lost: 100 })),
        ] {
            let known: BTreeSet<String> = (0..known).map(|number| format!("acme/{number}")).collect();
            let list = list(models, without_prices);
            let judged = judge(&known, &list, Date::constant(2026, 11, 27)).map(|served| served.len());
            assert_eq!(judged, expected, "{} known, {models} listed, {without_prices} without prices", known.len());
        }
    }
}
