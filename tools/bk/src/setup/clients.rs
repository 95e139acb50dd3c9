//! The table of clients, filled in for one gateway, key and model.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Format;

/// The clients, in the order in which they are listed.
const TABLE: &str = include_str!("clients.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    client: Vec<Client>,
}

/// A client that can be set up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// Its name on the command line.
    pub(super) name: String,
    /// Its official name.
    pub(super) title: String,
    /// The API that it calls.
    pub(super) connects: String,
    /// Steps that the user must do.
    #[serde(default)]
    pub(super) steps: String,
    /// The list of models that the client reads, if it needs one.
    pub(super) models: Option<ModelList>,
    /// The configuration files that `--write` edits.
    #[serde(default, rename = "file")]
    pub(super) files: Vec<File>,
    /// Code that creates a client of the gateway.
    #[serde(default)]
    pub(super) snippet: String,
}

/// A client's list of models, in the folder of its first file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelList {
    /// The command that prints the client's own list.
    pub(super) listed_by: Vec<String>,
    /// The name of the file.
    pub(super) name: String,
    /// The setting that names the file, with its path as `{models}`.
    pub(super) setting: String,
}

/// One configuration file of a client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    folder: Folder,
    names: Vec<String>,
    pub(super) format: Format,
    /// Text before the settings, if the file did not exist.
    #[serde(default)]
    if_new: String,
    /// The settings to merge into the file.
    pub(super) settings: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Folder {
    /// The environment variable that moves the folder.
    variable: Option<String>,
    default: String,
    /// The default on macOS, if it differs.
    mac: Option<String>,
}

/// The values of the placeholders.
pub(super) struct Values<'a> {
    /// The gateway's address, without `/v1`.
    pub(super) url: &'a str,
    pub(super) key: &'a str,
    pub(super) model: &'a str,
}

/// All clients.
pub(super) fn all() -> Result<Vec<Client>> {
    Ok(toml::from_str::<Table>(TABLE).context("read the table of clients")?.client)
}

impl Client {
    /// Fills these values into the client's texts.
    pub(super) fn filled(mut self, values: &Values<'_>) -> Self {
        let fill = |text: &str| {
            let text = text.replace("{url}", values.url).replace("{key}", values.key).replace("{model}", values.model);
            text.trim_start_matches('\n').to_owned()
        };
        fill(&self.steps).trim_end().clone_into(&mut self.steps);
        self.snippet = fill(&self.snippet);
        for file in &mut self.files {
            file.settings = fill(&file.settings);
        }
        self
    }

    /// True if a file that `--write` edits contains the key.
    pub(super) fn keeps_the_key(&self) -> bool {
        self.files.iter().any(|file| file.settings.contains("{key}"))
    }
}

impl File {
    /// The path of the file below the home folder: the first name that exists, or else the first name.
    pub(super) fn path(&self, home: &Path, variable: impl Fn(&str) -> Option<String>) -> PathBuf {
        let default = self.folder.mac.as_ref().filter(|_| cfg!(target_os = "macos")).unwrap_or(&self.folder.default);
        let moved = self.folder.variable.as_deref().and_then(variable);
        let folder = match moved {
            Some(folder) => PathBuf::from(folder),
            None => home.join(default.trim_start_matches('~').trim_start_matches('/')),
        };
        let mut paths = self.names.iter().map(|name| folder.join(name));
        let first = paths.clone().next().unwrap_or_default();
        paths.find(|path| path.exists()).unwrap_or(first)
    }

    /// The full content of a new file.
    pub(super) fn whole(&self) -> String {
        format!("{}{}", self.if_new, self.settings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const VALUES: Values<'_> = Values { url: "http://gateway.test", key: "bk_1", model: "model-1" };

    #[test]
    fn every_client_has_a_name_of_its_own_and_something_to_show() {
        let clients = all().unwrap();
        let names: BTreeSet<_> = clients.iter().map(|client| client.name.as_str()).collect();
        assert_eq!(names.len(), clients.len());
        for client in &clients {
            assert!(!client.steps.is_empty() || !client.snippet.is_empty(), "{}", client.name);
            assert!(client.files.is_empty() || client.snippet.is_empty(), "{} has a file and a snippet", client.name);
        }
    }

    #[test]
    fn no_placeholder_is_left() {
        for client in all().unwrap() {
            let client = client.filled(&VALUES);
            let texts = client.files.iter().map(|file| &file.settings).chain([&client.steps, &client.snippet]);
            for text in texts {
                assert!(["{url}", "{key}", "{model}"].iter().all(|place| !text.contains(place)), "{text}");
            }
        }
    }

    #[test]
    fn settings_can_be_merged_into_themselves_and_into_an_empty_file() {
        for client in all().unwrap() {
            for file in &client.filled(&VALUES).files {
                assert_eq!(file.format.merge("", &file.settings).unwrap().trim_start(), file.settings.trim_start());
                if file.format != Format::Yaml {
                    let whole = file.whole();
                    assert_eq!(file.format.merge(&whole, &file.settings).unwrap(), whole);
                }
            }
        }
    }

    #[test]
    fn the_first_file_that_exists_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let opencode = all().unwrap().into_iter().find(|client| client.name == "opencode").unwrap();
        let file = opencode.files.first().unwrap();
        let folder = home.path().join(".config/opencode");
        assert_eq!(file.path(home.path(), |_| None), folder.join("opencode.json"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("opencode.jsonc"), "{}").unwrap();
        assert_eq!(file.path(home.path(), |_| None), folder.join("opencode.jsonc"));
        assert_eq!(file.path(home.path(), |_| Some("/x".to_owned())), Path::new("/x/opencode/opencode.json"));
    }
}
