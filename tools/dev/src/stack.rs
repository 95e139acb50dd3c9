//! The complete local stack: database, key, providers, functions and their front.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::admission::issue_key;
use gateway::auth::ApiKey;
use gateway::store::Store;
use gateway::store::items::Limits;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::database::Emulator;
use crate::front;
use crate::lambda::{Function, Lambda, LogSink};
use crate::prompt::prompt;
use crate::proxy::FaultProxy;
use crate::simulator::{self, AwsCredentials, Simulator};
use crate::terminal::Terminal;

/// The functions, by the names of their binaries.
pub const FUNCTIONS: [&str; 8] =
    ["chat-completions", "messages", "responses", "count-tokens", "models", "usage", "dashboard", "health"];
/// The functions that run on a schedule and answer no requests.
pub const SCHEDULED: [&str; 1] = ["reconcile"];
/// The local table's name.
pub const TABLE: &str = "gateway-local";
/// Is replaced by the simulator's origin in the values of given variables.
pub const ORIGIN_PLACEHOLDER: &str = "{simulator}";
/// The variable with the secret for reasoning that clients send back.
const REASONING_SECRET: &str = "REASONING_SECRET";
/// Options of the stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// The front's port; 0 for any free port.
    pub port: u16,
    /// The folder for data and the key; `None` to keep everything in memory.
    pub data: Option<PathBuf>,
    /// The folder of the functions' binaries.
    pub binaries: PathBuf,
    /// Variables for every function. They override the stack's own; an empty value removes one. If the simulator runs,
    /// [`ORIGIN_PLACEHOLDER`] in a value is replaced by its origin.
    pub variables: Vec<(String, String)>,
    /// When to start the simulator.
    pub simulator: SimulatorStart,
    /// Maximum duration of a request.
    pub timeout: Duration,
    /// Maximum number of processes per function. Further requests wait.
    pub max_environments: usize,
    /// Pause between the simulator's words.
    pub pace: Duration,
    /// Where requests and the functions' output are shown; `None` to keep the output.
    pub terminal: Option<Terminal>,
    /// Whether functions reach the table through a proxy that can make their calls fail.
    pub fault_proxy: bool,
}

/// When to start the simulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SimulatorStart {
    /// Unless the given variables contain credentials of a real provider.
    #[default]
    UnlessProvider,
    /// Always. The given credentials are the simulator's.
    Always,
}

/// What runs in addition to the functions: the database, the development key, and perhaps the simulator.
pub struct Support {
    /// The database.
    pub database: Emulator,
    /// The proxy between the functions and the database, if requested. `store` does not use it.
    pub proxy: Option<FaultProxy>,
    /// The table, for tests and tools.
    pub store: Store,
    /// The development key.
    pub key: SecretString,
    /// The simulator, if it was started.
    pub simulator: Option<Simulator>,
    /// The simulator's origin, such as `http://127.0.0.1:4000`.
    pub simulator_origin: Option<String>,
    /// Every variable that a function needs.
    pub variables: Vec<(String, String)>,
    _stop: oneshot::Sender<()>,
}

/// The running stack. Dropping it stops everything that it started.
pub struct Stack {
    /// The base URL, without a trailing slash.
    pub url: String,
    /// What runs in addition to the functions.
    pub support: Support,
    /// The functions.
    pub lambda: Arc<Lambda>,
    /// The functions' output.
    pub logs: LogSink,
    server: JoinHandle<()>,
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Options {
    /// A function with these variables.
    pub fn function(&self, name: &str, variables: &[(String, String)]) -> Function {
        Function {
            name: name.to_owned(),
            binary: self.binaries.join(name),
            variables: variables.to_vec(),
            timeout: self.timeout,
            max_environments: self.max_environments,
        }
    }
}

impl Support {
    /// Starts the database and the simulator, and finds or creates the key.
    pub async fn start(options: &Options) -> Result<Self> {
        let file = options.data.as_ref().map(|folder| folder.join("dynamodb.sqlite"));
        if let Some(folder) = &options.data {
            std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let database = Emulator::start(file.as_deref(), TABLE).await?;
        let store = Store::local(TABLE, &database.endpoint);
        let key = development_key(&store, options.data.as_deref()).await?;
        let (stop, stopped) = oneshot::channel();
        let started = match options.simulator {
            SimulatorStart::UnlessProvider if has_provider(&options.variables) => None,
            SimulatorStart::UnlessProvider | SimulatorStart::Always => Some(start_simulator(options.pace, stopped).await?),
        };
        let (simulator, simulator_origin) = started.unzip();
        let proxy = if options.fault_proxy { Some(FaultProxy::start(&database.endpoint).await?) } else { None };
        let endpoint = proxy.as_ref().map_or(&database.endpoint, |proxy| &proxy.endpoint);
        let mut variables = variables(endpoint, simulator_origin.as_deref(), &options.variables);
        if !variables.iter().any(|(name, _)| name == REASONING_SECRET) {
            variables.push((REASONING_SECRET.to_owned(), reasoning_secret(options.data.as_deref())?));
        }
        if let Some(simulator) = &simulator {
            simulator.set_aws_credentials(AwsCredentials::of(&variables));
        }
        Ok(Self { database, proxy, store, key, simulator, simulator_origin, variables, _stop: stop })
    }
}

impl Stack {
    /// Starts everything.
    pub async fn start(options: Options) -> Result<Self> {
        let listener = listen(options.port).await?;
        let support = Support::start(&options).await?;
        let function = |name: &str| options.function(name, &support.variables);
        let logs = LogSink::new(options.terminal.clone());
        let lambda = Arc::new(Lambda::new(FUNCTIONS.into_iter().chain(SCHEDULED).map(function).collect(), &logs));
        let url = format!("http://{}", listener.local_addr()?);
        let service =
            front::router(Arc::clone(&lambda), options.terminal).into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(prompt(listener), service).await {
                eprintln!("front: {error}");
            }
        });
        Ok(Self { url, support, lambda, logs, server })
    }

    /// The development key as text.
    pub fn key(&self) -> &str {
        self.support.key.expose_secret()
    }
}

/// Opens the front's port on loopback. If it is in use, the error says what to do.
pub async fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.with_context(|| format!("port {port} is taken: stop what uses it, or choose another one with PORT=9100"))
}

/// The key of an earlier run, or a new one that the next run finds.
async fn development_key(store: &Store, folder: Option<&Path>) -> Result<SecretString> {
    let file = folder.map(|folder| folder.join("key"));
    let kept = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    if let Some(text) = kept
        && let Ok(key) = ApiKey::parse(text.trim())
        && store.key(key.id()).await?.is_some()
    {
        return Ok(text.trim().into());
    }
    let (key, _) = issue_key(store, "development", Limits::none(), false).await?;
    if let Some(file) = file {
        std::fs::write(&file, key.expose_secret()).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(key)
}

/// The secret of an earlier run, so that conversations can continue, or a new one that the next run finds.
fn reasoning_secret(folder: Option<&Path>) -> Result<String> {
    let file = folder.map(|folder| folder.join("reasoning-secret"));
    let kept = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok()).filter(|text| !text.is_empty());
    if let Some(text) = kept {
        return Ok(text);
    }
    let secret = uuid::Uuid::new_v4().simple().to_string();
    if let Some(file) = file {
        std::fs::write(&file, &secret).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(secret)
}

fn has_provider(variables: &[(String, String)]) -> bool {
    let credentials = [
        "OPENROUTER_API_KEY",
        "OPENROUTER_API_KEY_PARAMETER",
        "GOOGLE_APPLICATION_CREDENTIALS_JSON",
        "GOOGLE_APPLICATION_CREDENTIALS_PARAMETER",
    ];
    variables.iter().any(|(name, value)| credentials.contains(&name.as_str()) && !value.is_empty())
}

async fn start_simulator(pace: Duration, stopped: oneshot::Receiver<()>) -> Result<(Simulator, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let simulator = Simulator::new(pace);
    let server = simulator.clone();
    tokio::spawn(async move {
        if let Err(error) = server.serve(listener, async move { drop(stopped.await) }).await {
            eprintln!("provider simulator: {error}");
        }
    });
    Ok((simulator, origin))
}

/// The stack's variables, overridden by the given ones.
fn variables(endpoint: &str, origin: Option<&str>, given: &[(String, String)]) -> Vec<(String, String)> {
    let mut variables = aws_variables(endpoint);
    variables.extend(origin.map(simulated_providers).unwrap_or_default());
    variables.retain(|(name, _)| !given.iter().any(|(known, _)| known == name));
    let filled = |value: &str| origin.map_or_else(|| value.to_owned(), |origin| value.replace(ORIGIN_PLACEHOLDER, origin));
    variables.extend(given.iter().map(|(name, value)| (name.clone(), filled(value))));
    variables
}

fn aws_variables(endpoint: &str) -> Vec<(String, String)> {
    let variables = [
        ("TABLE_NAME", TABLE),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", simulator::AWS_REGION),
        ("AWS_ACCESS_KEY_ID", simulator::AWS_ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", simulator::AWS_SECRET_ACCESS_KEY),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn simulated_providers(origin: &str) -> Vec<(String, String)> {
    let variables = [
        ("OPENROUTER_API_KEY", simulator::OPENROUTER_KEY.to_owned()),
        ("OPENROUTER_BASE_URL", format!("{origin}/api/v1")),
        ("VERTEX_PROJECT", "simulated-project".to_owned()),
        ("VERTEX_LOCATION", "global".to_owned()),
        ("VERTEX_BASE_URL", origin.to_owned()),
        ("GOOGLE_APPLICATION_CREDENTIALS_JSON", simulator::service_account_json(origin)),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The value of a variable; each is there once at most.
    fn value(variables: &[(String, String)], name: &str) -> Option<String> {
        let values: Vec<_> = variables.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect();
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.first().cloned()
    }

    #[test]
    fn given_variables_win_even_if_they_are_empty() {
        let given = pairs(&[("OPENROUTER_API_KEY", ""), ("AWS_REGION", "eu-west-1")]);
        let variables = variables("http://database", Some("http://simulator"), &given);
        assert_eq!(value(&variables, "OPENROUTER_API_KEY").as_deref(), Some(""));
        assert_eq!(value(&variables, "AWS_REGION").as_deref(), Some("eu-west-1"));
        assert_eq!(value(&variables, "VERTEX_BASE_URL").as_deref(), Some("http://simulator"));
    }

    #[test]
    fn origin_is_filled_into_given_variables() {
        let given = pairs(&[("AWS_ENDPOINT_URL_SSM", "{simulator}/ssm"), ("OTHER", "{\"a\":\"{simulator}\"}")]);
        let filled = variables("http://database", Some("http://127.0.0.1:1"), &given);
        assert_eq!(value(&filled, "AWS_ENDPOINT_URL_SSM").as_deref(), Some("http://127.0.0.1:1/ssm"));
        assert_eq!(value(&filled, "OTHER").as_deref(), Some(r#"{"a":"http://127.0.0.1:1"}"#));
        let bare = variables("http://database", None, &given);
        assert_eq!(value(&bare, "AWS_ENDPOINT_URL_SSM").as_deref(), Some("{simulator}/ssm"));
        assert_eq!(value(&bare, "OPENROUTER_API_KEY"), None);
    }

    #[tokio::test]
    async fn simulator_runs_with_given_credentials_if_it_always_does() {
        let options = |simulator: SimulatorStart| Options {
            port: 0,
            data: None,
            binaries: PathBuf::new(),
            variables: pairs(&[("OPENROUTER_API_KEY", "sk-or-given"), ("AWS_SESSION_TOKEN", "session")]),
            simulator,
            timeout: Duration::from_secs(1),
            max_environments: 1,
            pace: Duration::ZERO,
            terminal: None,
            fault_proxy: false,
        };
        let support = Support::start(&options(SimulatorStart::Always)).await.unwrap();
        assert!(support.simulator.is_some() && support.simulator_origin.unwrap().starts_with("http://127.0.0.1:"));
        assert_eq!(value(&support.variables, "OPENROUTER_API_KEY").as_deref(), Some("sk-or-given"));
        let support = Support::start(&options(SimulatorStart::UnlessProvider)).await.unwrap();
        assert!(support.simulator.is_none() && support.simulator_origin.is_none());
    }
}
