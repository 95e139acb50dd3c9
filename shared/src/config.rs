//! Reads environment variables; no other module does. If a value is invalid, the function does not start, and the error
//! names the variable.

mod markup;
mod models;
mod providers;
mod table;

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

pub use markup::Markups;
pub use models::ModelRules;
pub use providers::{
    DEFAULT_VERTEX_LOCATION, OpenRouterConfig, Parameter, ProviderConfig, Secret, UpstreamLimits, VertexConfig,
};
pub use table::TableConfig;

/// Shorter secrets could be guessed.
const SHORTEST_SECRET: usize = 32;

/// Default limit of reads of usage, requests, credits and models per key and minute.
const READS_PER_MINUTE: u32 = 60;

/// All variables that a function reads, besides the AWS SDK's own. The template declares each for every function.
pub const VARIABLES: [&str; 26] = [
    "TABLE_NAME",
    "TABLE_TIMEOUT_MS",
    "MODEL_CATALOG",
    "MODEL_FALLBACK",
    "OPEN_CATALOG",
    "MODELS_ALLOWED",
    "MODELS_DENIED",
    "OPENROUTER_API_KEY",
    "OPENROUTER_BASE_URL",
    "OPENROUTER_API_KEY_PARAMETER",
    "VERTEX_PROJECT",
    "VERTEX_LOCATION",
    "VERTEX_BASE_URL",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON",
    "GOOGLE_APPLICATION_CREDENTIALS_PARAMETER",
    "ORIGIN_SECRET",
    "ORIGIN_SECRET_PREVIOUS",
    "REASONING_SECRET",
    "REASONING_SECRET_PREVIOUS",
    "CORS_ALLOWED_ORIGINS",
    "WARMUP",
    "FIRST_EVENT_TIMEOUT_MS",
    "IDLE_TIMEOUT_MS",
    "PRICE_MARKUP_PERMILLE",
    "PROVIDER_MARKUP_PERMILLE",
    "READS_PER_MINUTE",
];

/// A variable that is missing or has an unusable value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} {reason}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong, and what would be right: the end of a sentence that begins with the variable.
    pub reason: String,
}

impl ConfigError {
    fn new(variable: &'static str, reason: impl Into<String>) -> Self {
        Self { variable, reason: reason.into() }
    }
}

/// Origins that browsers may call from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Any origin, without credentials.
    Any,
    /// Only these; compared exactly.
    Listed(Vec<String>),
}

/// What serves a request if the routes of its model are not configured or have ended. A model that is always listed uses its
/// replacement in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFallback {
    /// No other model serves it: the request is refused.
    Nothing,
    /// The replacement in the catalogue.
    Replacement,
}

/// A secret that the deployment created.
#[derive(Debug)]
pub struct OwnSecret {
    /// The current one.
    pub current: SecretString,
    /// The previous one, which is accepted during a rotation.
    pub previous: Option<SecretString>,
}

/// The configuration from the environment.
#[derive(Debug)]
pub struct Config {
    /// The DynamoDB table.
    pub table: TableConfig,
    /// The file that replaces the embedded catalogue, with its full path.
    pub model_catalog: Option<PathBuf>,
    /// What serves requests if the routes of their model are not configured or have ended.
    pub model_fallback: ModelFallback,
    /// Whether models that only OpenRouter lists are served.
    pub open_catalog: bool,
    /// Which models are served.
    pub models: ModelRules,
    /// The configured providers.
    pub providers: ProviderConfig,
    /// If set, only calls through the edge are answered; `None` accepts direct calls.
    pub origin_secrets: Option<OwnSecret>,
    /// Verifies reasoning that clients send back; `None` accepts none.
    pub reasoning_secrets: Option<OwnSecret>,
    /// Origins that browsers may call from.
    pub allowed_origins: AllowedOrigins,
    /// Whether INIT prepares connections and credentials.
    pub warmup: bool,
    /// Markups on the price.
    pub markups: Markups,
    /// Reads of usage, requests, credits and models per key and minute, in each environment; 0 removes the limit.
    pub reads_per_minute: u32,
}

impl Config {
    /// Reads the process environment.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads variables from `lookup`. An empty value counts as unset.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let table = TableConfig::from_lookup(&read)?;
        let providers = ProviderConfig::from_lookup(lookup)?;
        Ok(Self {
            table,
            model_catalog: model_catalog(&read),
            model_fallback: model_fallback(&read)?,
            models: ModelRules::new(read("MODELS_ALLOWED").as_deref(), read("MODELS_DENIED").as_deref()),
            open_catalog: models::open_catalog(&read, providers.openrouter.is_some())?,
            providers,
            origin_secrets: own_secret(&read, ["ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS"])?,
            reasoning_secrets: own_secret(&read, ["REASONING_SECRET", "REASONING_SECRET_PREVIOUS"])?,
            allowed_origins: allowed_origins(&read),
            warmup: read("WARMUP").is_some_and(|value| value != "0"),
            markups: Markups::from_lookup(&read)?,
            reads_per_minute: reads_per_minute(&read)?,
        })
    }
}

/// Log settings: Lambda's own variables, set by the function's logging configuration.
#[derive(Debug)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else info.
    pub level: String,
    /// Whether to write one JSON object per line.
    pub json: bool,
    /// The function's name.
    pub function: String,
}

impl LogConfig {
    /// Reads the process environment.
    pub fn from_environment() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let level = read("AWS_LAMBDA_LOG_LEVEL").or_else(|| read("RUST_LOG")).unwrap_or_else(|| "info".to_owned());
        let json = read("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
        Self { level, json, function: read("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default() }
    }
}

/// The file of `MODEL_CATALOG`. Lambda unpacks a bundle into `LAMBDA_TASK_ROOT`; elsewhere the working directory is used.
fn model_catalog(read: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let file = PathBuf::from(read("MODEL_CATALOG")?);
    // Joining an absolute path keeps it unchanged.
    Some(read("LAMBDA_TASK_ROOT").map_or_else(|| file.clone(), |root| PathBuf::from(root).join(&file)))
}

fn model_fallback(read: &dyn Fn(&str) -> Option<String>) -> Result<ModelFallback, ConfigError> {
    match read("MODEL_FALLBACK").as_deref() {
        None => Ok(ModelFallback::Nothing),
        Some("replacement") => Ok(ModelFallback::Replacement),
        Some(other) => Err(ConfigError::new("MODEL_FALLBACK", format!("must be `replacement` or unset, not {other}"))),
    }
}

/// A secret from the variables of its current and previous value.
fn own_secret(
    read: &dyn Fn(&str) -> Option<String>,
    [current, previous]: [&'static str; 2],
) -> Result<Option<OwnSecret>, ConfigError> {
    let secret = |variable: &'static str| match read(variable) {
        Some(value) if value.len() < SHORTEST_SECRET => {
            Err(ConfigError::new(variable, format!("is shorter than {SHORTEST_SECRET} characters")))
        }
        value => Ok(value.map(SecretString::from)),
    };
    match (secret(current)?, secret(previous)?) {
        (Some(current), previous) => Ok(Some(OwnSecret { current, previous })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ConfigError::new(previous, format!("is set, but {current} is not; set both or neither"))),
    }
}

fn reads_per_minute(read: &dyn Fn(&str) -> Option<String>) -> Result<u32, ConfigError> {
    let Some(value) = read("READS_PER_MINUTE") else { return Ok(READS_PER_MINUTE) };
    value.parse().map_err(|_| ConfigError::new("READS_PER_MINUTE", "must be a whole number; 0 removes the limit"))
}

fn allowed_origins(read: &dyn Fn(&str) -> Option<String>) -> AllowedOrigins {
    match read("CORS_ALLOWED_ORIGINS") {
        None => AllowedOrigins::Any,
        Some(list) if list.trim() == "*" => AllowedOrigins::Any,
        Some(list) => AllowedOrigins::Listed(
            list.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).filter(|o| !o.is_empty()).collect(),
        ),
    }
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Listed(origins) => f.write_str(&origins.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(&lookup)
    }

    #[test]
    fn a_missing_table_is_named() {
        let error = config(&[("TABLE_NAME", "")]).err();
        assert_eq!(error.map(|error| error.variable), Some("TABLE_NAME"));
    }

    #[test]
    fn a_provider_without_credentials_is_disabled() {
        let config = config(&[("TABLE_NAME", "t"), ("OPENROUTER_API_KEY", ""), ("VERTEX_PROJECT", "p")]);
        assert!(config.is_ok_and(|config| config.providers.openrouter.is_none() && config.providers.vertex.is_none()));
    }

    #[test]
    fn vertex_hosts_follow_the_location() {
        for (location, host) in [
            ("", "aiplatform.googleapis.com"),
            ("global", "aiplatform.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
            ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ] {
            let config = config(&[
                ("TABLE_NAME", "t"),
                ("GOOGLE_APPLICATION_CREDENTIALS_JSON", "{}"),
                ("VERTEX_PROJECT", "p"),
                ("VERTEX_LOCATION", location),
            ]);
            let url = config.ok().and_then(|config| config.providers.vertex).map(|vertex| vertex.base_url);
            assert_eq!(url.as_ref().and_then(Url::host_str), Some(host));
        }
    }

    #[test]
    fn unusable_values_name_their_variable() {
        let vertex = [("TABLE_NAME", "t"), ("GOOGLE_APPLICATION_CREDENTIALS_JSON", "{}")];
        let with = |extra: &[(&'static str, &'static str)]| config(&[&vertex[..], extra].concat()).err().map(|e| e.variable);
        assert_eq!(with(&[]), Some("VERTEX_PROJECT"));
        assert_eq!(with(&[("VERTEX_PROJECT", "a/b")]), Some("VERTEX_PROJECT"));
        assert_eq!(with(&[("VERTEX_PROJECT", "p"), ("VERTEX_BASE_URL", "ftp://x")]), Some("VERTEX_BASE_URL"));
        let table = |value| with(&[("VERTEX_PROJECT", "p"), ("TABLE_TIMEOUT_MS", value)]);
        assert_eq!((table("0"), table("1s"), table("600")), (Some("TABLE_TIMEOUT_MS"), Some("TABLE_TIMEOUT_MS"), None));
        assert_eq!(with(&[("VERTEX_PROJECT", "p"), ("AWS_CA_BUNDLE", "/nowhere.pem")]), Some("AWS_CA_BUNDLE"));
    }

    #[test]
    fn a_secret_by_parameter_is_reached_in_the_functions_region_or_at_the_given_endpoint() {
        let parameter = |extra: &[(&str, &str)]| {
            let variables = [("TABLE_NAME", "t"), ("OPENROUTER_API_KEY_PARAMETER", "/gateway/openrouter")];
            match config(&[&variables[..], extra].concat())?.providers.openrouter.map(|openrouter| openrouter.api_key) {
                Some(Secret::Parameter(parameter)) => Ok(Some(parameter)),
                Some(Secret::Value(_)) | None => Ok(None),
            }
        };
        let expected = |endpoint: &str| Parameter {
            name: "/gateway/openrouter".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: Url::parse(endpoint).unwrap(),
        };
        let region = ("AWS_REGION", "eu-west-1");
        assert_eq!(parameter(&[region]), Ok(Some(expected("https://ssm.eu-west-1.amazonaws.com/"))));
        let emulator = ("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:4566");
        assert_eq!(parameter(&[region, emulator]), Ok(Some(expected("http://127.0.0.1:4566/"))));
        let variable = |extra: &[(&str, &str)]| parameter(extra).err().map(|error: ConfigError| error.variable);
        assert_eq!(variable(&[]), Some("AWS_REGION"));
        assert_eq!(variable(&[("AWS_REGION", "x.evil.example/")]), Some("AWS_REGION"));
        assert_eq!(variable(&[region, ("AWS_ENDPOINT_URL_SSM", "nowhere")]), Some("AWS_ENDPOINT_URL_SSM"));
    }

    #[test]
    fn a_secret_that_is_given_twice_names_both_variables() {
        for variables in [
            ["OPENROUTER_API_KEY", "OPENROUTER_API_KEY_PARAMETER"],
            ["GOOGLE_APPLICATION_CREDENTIALS_JSON", "GOOGLE_APPLICATION_CREDENTIALS_PARAMETER"],
        ] {
            let given: Vec<(&str, &str)> = variables.iter().map(|name| (*name, "canary")).collect();
            let error = config(&[&[("TABLE_NAME", "t")], &given[..]].concat()).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(variables.iter().all(|name| error.contains(name)) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_catalogue_file_lies_in_the_bundle_unless_its_path_is_absolute() {
        let path = |extra: &[(&str, &str)]| {
            let path = config(&[&[("TABLE_NAME", "t")], extra].concat()).ok()?.model_catalog?;
            Some(path.display().to_string())
        };
        let root = ("LAMBDA_TASK_ROOT", "/var/task");
        assert_eq!(path(&[root]), None);
        assert_eq!(path(&[("MODEL_CATALOG", "models.toml")]).as_deref(), Some("models.toml"));
        assert_eq!(path(&[("MODEL_CATALOG", "models.toml"), root]).as_deref(), Some("/var/task/models.toml"));
        assert_eq!(path(&[("MODEL_CATALOG", "/opt/models.toml"), root]).as_deref(), Some("/opt/models.toml"));
    }

    #[test]
    fn an_origin_secret_is_long_and_comes_before_a_previous_one() {
        let (long, other) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
        let secrets = |extra: &[(&str, &str)]| {
            let secrets = config(&[&[("TABLE_NAME", "t")], extra].concat())?.origin_secrets;
            Ok(secrets.map(|secrets| secrets.previous.is_some()))
        };
        let variable = |extra: &[(&str, &str)]| secrets(extra).err().map(|error: ConfigError| error.variable);
        assert_eq!(secrets(&[]), Ok(None));
        assert_eq!(secrets(&[("ORIGIN_SECRET", long)]), Ok(Some(false)));
        assert_eq!(secrets(&[("ORIGIN_SECRET", long), ("ORIGIN_SECRET_PREVIOUS", other)]), Ok(Some(true)));
        assert_eq!(variable(&[("ORIGIN_SECRET", &long[1..])]), Some("ORIGIN_SECRET"));
        assert_eq!(variable(&[("ORIGIN_SECRET", long), ("ORIGIN_SECRET_PREVIOUS", "x")]), Some("ORIGIN_SECRET_PREVIOUS"));
        assert_eq!(variable(&[("ORIGIN_SECRET_PREVIOUS", other)]), Some("ORIGIN_SECRET_PREVIOUS"));
    }

    #[test]
    fn secrets_do_not_print() {
        let origin = ("ORIGIN_SECRET", "canary-canary-canary-canary-canary");
        let config = config(&[("TABLE_NAME", "t"), ("OPENROUTER_API_KEY", "sk-canary"), origin]);
        assert!(!format!("{config:?}").contains("canary"));
    }
}
