//! Gives each text a spelling of its own: one that is wanted again gets a number.

use std::collections::{HashMap, HashSet};

/// The texts that are taken.
#[derive(Debug, Default)]
pub struct Unique {
    taken: HashSet<String>,
    /// The next number of each stem. Smaller numbers are taken, so that many equal texts take linear time.
    numbers: HashMap<String, u32>,
}

impl Unique {
    /// These texts are taken.
    pub fn of(taken: impl IntoIterator<Item = String>) -> Self {
        Self { taken: taken.into_iter().collect(), numbers: HashMap::new() }
    }

    /// Takes a text. Returns false if it was taken before.
    pub fn take(&mut self, wanted: &str) -> bool {
        self.taken.insert(wanted.to_owned())
    }

    /// Takes the first free text of `spell(2)`, `spell(3)` and so on. Texts with the same stem share their numbers.
    pub fn take_numbered(&mut self, stem: String, spell: impl Fn(u32) -> String) -> String {
        let next = self.numbers.get(&stem).copied().unwrap_or(2);
        let free = (next..=u32::MAX).map(|number| (number, spell(number))).find(|(_, text)| !self.taken.contains(text));
        let (number, text) = free.unwrap_or_default();
        self.taken.insert(text.clone());
        self.numbers.insert(stem, number.saturating_add(1));
        text
    }
}
