//! Merging settings into a configuration file: what the settings name is set, everything else stays, comments and order too.

mod json;
mod toml;
mod yaml;

use anyhow::Result;
use serde::Deserialize;

/// How a configuration file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// JSON, with comments and trailing commas where the client reads them.
    Json,
    Toml,
    Yaml,
}

impl Format {
    /// The text with the settings in it. Fails, and names the place, where the text or the settings cannot be read, or where a
    /// setting would have to go into something that is no table.
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
