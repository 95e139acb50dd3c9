//! Merges settings into a configuration file. Only the named settings change; everything else stays, including comments and
//! order.

mod json;
mod toml;
mod yaml;

use anyhow::Result;
use serde::Deserialize;

/// The format of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// JSON, with comments and trailing commas if the client reads them.
    Json,
    Toml,
    Yaml,
}

impl Format {
    /// Merges the settings into the text. Fails and names the place if the text or the settings cannot be read, or if a
    /// setting would have to go into something that is not a table.
    pub(super) fn merge(self, text: &str, settings: &str) -> Result<String> {
        match self {
            Self::Json => json::merge(text, settings),
            Self::Toml => toml::merge(text, settings),
            Self::Yaml => yaml::merge(text, settings),
        }
    }
}

#[cfg(test)]
mod tests;
