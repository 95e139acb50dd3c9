//! The settings of one marker.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wire::Wire;

/// The `key=value` pairs that have not been read yet.
pub(super) struct Settings<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Settings<'a> {
    pub(super) fn read(marker: &'a str) -> Result<(&'a str, Self), String> {
        let mut words = marker.split_whitespace();
        let name = words.next().unwrap_or_default();
        let pairs = words
            .map(|word| word.split_once('=').ok_or_else(|| format!("simulator setting `{word}` is not key=value")))
            .collect::<Result<_, _>>()?;
        Ok((name, Self(pairs)))
    }

    /// The value as written.
    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        self.0.remove(key)
    }

    /// The wire that a setting names.
    pub(super) fn wire(&mut self, key: &str) -> Result<Option<Wire>, String> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        match Wire::named(value) {
            Some(wire) => Ok(Some(wire)),
            None => Err(format!("simulator setting `{key}` is not openrouter, claude or gemini: `{value}`")),
        }
    }

    /// The first unknown setting.
    pub(super) fn rest(&self) -> Option<&'a str> {
        self.0.keys().next().copied()
    }

    pub(super) fn number(&mut self, key: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("simulator setting `{key}` is not a whole number: `{value}`")),
        }
    }

    pub(super) fn count(&mut self, key: &str) -> Result<Option<usize>, String> {
        // A million words is more than any test needs and fits into memory.
        match self.number(key)? {
            Some(number) => match usize::try_from(number) {
                Ok(count) if count <= 1_000_000 => Ok(Some(count)),
                Ok(_) | Err(_) => Err(format!("simulator setting `{key}` is over 1000000: `{number}`")),
            },
            None => Ok(None),
        }
    }

    pub(super) fn pause(&mut self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_millis))
    }

    pub(super) fn status(&mut self, key: &str) -> Result<Option<u16>, String> {
        match self.number(key)? {
            Some(number) => match u16::try_from(number) {
                Ok(status) if (400..=599).contains(&status) => Ok(Some(status)),
                Ok(_) | Err(_) => Err(format!("simulator setting `{key}` is not an error status: `{number}`")),
            },
            None => Ok(None),
        }
    }
}
