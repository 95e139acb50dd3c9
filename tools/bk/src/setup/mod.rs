//! `bk setup`: configures a client to use the gateway. `clients.toml` lists what each client needs. This module reads it,
//! fills in the values, prints the result, and merges it into configuration files.

mod clients;
mod edit;
mod file;
mod models;

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;
use url::Url;

use crate::{WrongUsage, print, values};
use clients::{Client, Values};
use edit::Format;
use file::{ConfigFile, Outcome, Undone};

/// Printed if no key is given.
const NO_KEY: &str = "bk_...";

#[derive(Args)]
pub(crate) struct Setup {
    /// The client, as `--list` names it. Without one, all are listed.
    client: Option<String>,
    /// List the clients.
    #[arg(long, conflicts_with_all = ["client", "write", "undo"])]
    list: bool,
    /// Merge the settings into the client's configuration file, after a backup next to it.
    #[arg(long, conflicts_with = "undo", requires = "client")]
    write: bool,
    /// Restore the configuration file from before `--write`.
    #[arg(long, requires = "client")]
    undo: bool,
    /// The gateway's address, without `/v1`.
    #[arg(long, env = "GATEWAY_URL", default_value = "http://127.0.0.1:9000")]
    url: Url,
    /// A file that holds the key, or `-` for standard input. Default: the variable `GATEWAY_KEY`.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The model that the client uses by default.
    #[arg(long, default_value = "claude-opus-4.6", value_parser = values::one_model)]
    model: String,
    #[arg(long, env = "GATEWAY_KEY", hide = true, hide_env_values = true)]
    key_value: Option<String>,
    #[arg(long, env = "HOME", hide = true)]
    home: Option<PathBuf>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    title: &'a str,
    connects: &'a str,
    writes: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    name: &'a str,
    files: Vec<PrintedFile<'a>>,
    snippet: &'a str,
    steps: &'a str,
}

#[derive(Serialize)]
struct PrintedFile<'a> {
    path: PathBuf,
    settings: &'a str,
}

pub(crate) fn run(setup: &Setup, json: bool) -> Result<()> {
    let clients = clients::all()?;
    let Some(name) = &setup.client else { return list(&clients, json) };
    let Some(client) = clients.into_iter().find(|client| client.name == *name) else {
        return Err(WrongUsage(format!("no client is called {name}; `bk setup --list` shows all")).into());
    };
    let home = setup.home.as_deref().filter(|_| !client.files.is_empty());
    if setup.write || setup.undo {
        if client.files.is_empty() {
            let way = if client.snippet.is_empty() { "settings are entered by hand" } else { "settings are code" };
            bail!("--write and --undo do not apply to {}: its {way}, which `bk setup {name}` prints", client.title);
        }
        home.context("no home folder: set HOME")?;
    }
    if setup.undo {
        return undo(setup, &client);
    }
    let key = setup.read_key()?;
    if setup.write && key.is_none() && client.keeps_the_key() {
        return Err(WrongUsage("no key: set GATEWAY_KEY or pass --key FILE".to_owned()).into());
    }
    let url = setup.url.as_str().trim_end_matches('/').trim_end_matches("/v1");
    let mut client = client.filled(&Values { url, key: key.as_deref().unwrap_or(NO_KEY), model: &setup.model });
    let list = setup.model_list(&mut client);
    if setup.write {
        return write(setup, &client, list);
    }
    show(setup, &client, json)
}

impl Setup {
    /// Reads the key. It is inserted into quoted text, so only the characters of a key are accepted.
    fn read_key(&self) -> Result<Option<String>> {
        let text = match self.key.as_deref() {
            Some(path) if path.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("read the key")?;
                Some(text)
            }
            Some(path) => {
                Some(std::fs::read_to_string(path).with_context(|| format!("read the key in {}", path.display()))?)
            }
            None => self.key_value.clone(),
        };
        let Some(key) = text.map(|text| text.trim().to_owned()).filter(|key| !key.is_empty()) else { return Ok(None) };
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !plain {
            bail!("that is not a key: a key has only letters, digits and `_`");
        }
        Ok(Some(key))
    }

    fn path(&self, file: &clients::File) -> PathBuf {
        #[expect(clippy::disallowed_methods, reason = "clients move their folders by variables of their own")]
        file.path(self.home.as_deref().unwrap_or("~".as_ref()), |name| {
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })
    }

    /// The path of the client's list of models, if it has one.
    fn list_path(&self, client: &Client) -> Option<PathBuf> {
        let (models, file) = client.models.as_ref().zip(client.files.first())?;
        Some(self.path(file).with_file_name(&models.name))
    }

    /// The client's list of models with its path, named in the client's settings. If the client is not installed on this
    /// machine, there is no list, and the client works without it.
    fn model_list(&self, client: &mut Client) -> Option<(PathBuf, String)> {
        let path = self.list_path(client)?;
        let (models, file) = client.models.as_ref().zip(client.files.first_mut())?;
        match models::list(models) {
            Ok(list) => {
                let setting = models.setting.replace("{models}", &path.display().to_string());
                file.settings.insert_str(0, &format!("{setting}\n"));
                Some((path, list))
            }
            Err(missing) => {
                if self.write {
                    let title = &client.title;
                    eprintln!(
                        "{missing}, so the list of models was not written. {title} works without it and prints a warning."
                    );
                }
                None
            }
        }
    }
}

fn list(clients: &[Client], json: bool) -> Result<()> {
    let listed = |client: &Client| -> bool { !client.files.is_empty() };
    if json {
        let row = |client| -> Listed<'_> {
            let Client { name, title, connects, .. }: &Client = client;
            Listed { name, title, connects, writes: listed(client) }
        };
        return print(&clients.iter().map(row).collect::<Vec<_>>());
    }
    for client in clients {
        let how = if listed(client) { "--write" } else { "" };
        outln!("{:22} {:34} {:38} {how}", client.name, client.title, client.connects);
    }
    Ok(())
}

fn show(setup: &Setup, client: &Client, json: bool) -> Result<()> {
    let Client { name, snippet, steps, files, .. } = client;
    if json {
        let files = files.iter().map(|file| PrintedFile { path: setup.path(file), settings: &file.settings }).collect();
        return print(&Printed { name, files, snippet, steps });
    }
    out!("{snippet}");
    for file in files {
        eprintln!("{}", setup.path(file).display());
        out!("{}", file.settings);
    }
    if files.is_empty() && snippet.is_empty() {
        outln!("{steps}");
    } else if !steps.is_empty() {
        eprintln!("{steps}");
    }
    if files.is_empty() {
        eprintln!("--write does not apply: there is no file to edit.");
    } else {
        eprintln!("`bk setup {name} --write` merges this into the file, `--undo` restores the file.");
    }
    Ok(())
}

/// Writes the list before the settings that name it. If the settings cannot be written, the list goes away again.
fn write(setup: &Setup, client: &Client, list: Option<(PathBuf, String)>) -> Result<()> {
    if let Some((path, list)) = list {
        let listed = ConfigFile::at(path);
        write_file(&listed, |_| Ok(list))?;
        if let Err(error) = write_settings(setup, client) {
            listed.undo()?;
            return Err(error);
        }
    } else {
        write_settings(setup, client)?;
    }
    if !client.steps.is_empty() {
        eprintln!("{}", client.steps);
    }
    Ok(())
}

fn write_settings(setup: &Setup, client: &Client) -> Result<()> {
    for file in &client.files {
        let edit =
            |text: Option<&str>| text.map_or_else(|| Ok(file.whole()), |text| file.format.merge(text, &file.settings));
        write_file(&ConfigFile::at(setup.path(file)), edit)?;
    }
    Ok(())
}

fn write_file(file: &ConfigFile, edit: impl FnOnce(Option<&str>) -> Result<String>) -> Result<()> {
    let said = match file.write(edit)? {
        Outcome::Written => "written",
        Outcome::Same => "already set up",
    };
    outln!("{said}: {}", file.path().display());
    Ok(())
}

fn undo(setup: &Setup, client: &Client) -> Result<()> {
    let mut undone = false;
    for path in client.files.iter().map(|file| setup.path(file)).chain(setup.list_path(client)) {
        let place = ConfigFile::at(path);
        let said = match place.undo()? {
            Undone::Restored => "restored",
            Undone::Removed => "removed",
            Undone::Nothing => continue,
        };
        outln!("{said}: {}", place.path().display());
        undone = true;
    }
    if !undone {
        bail!("nothing to undo: `bk setup {} --write` was not run, or is undone already", client.name);
    }
    Ok(())
}
