//! The only reader of environment variables. A value that cannot work stops the start and names its variable.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

const DEFAULT_OPENROUTER_BASE_URL: &str = "https://openrouter.ai/api/v1";
const DEFAULT_VERTEX_LOCATION: &str = "global";
const DEFAULT_FIRST_EVENT: Duration = Duration::from_mins(2);
const DEFAULT_IDLE: Duration = Duration::from_secs(90);

/// Every variable that a function reads, besides the AWS SDK's own. The template declares each for each function.
pub const VARIABLES: [&str; 14] = [
    "TABLE_NAME",
    "OPENROUTER_API_KEY",
    "OPENROUTER_BASE_URL",
    "OPENROUTER_API_KEY_PARAMETER",
    "VERTEX_PROJECT",
    "VERTEX_LOCATION",
    "VERTEX_BASE_URL",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON",
    "GOOGLE_APPLICATION_CREDENTIALS_PARAMETER",
    "CORS_ALLOWED_ORIGINS",
    "WARMUP",
    "FIRST_EVENT_TIMEOUT_MS",
    "IDLE_TIMEOUT_MS",
    "PRICE_MARKUP_PERMILLE",
];

/// A variable that is missing or cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("environment variable {variable}: {reason}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl ConfigError {
    fn new(variable: &'static str, reason: impl Into<String>) -> Self {
        Self { variable, reason: reason.into() }
    }
}

/// Which origins a browser may call from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Any origin, without credentials.
    Any,
    /// Only these, compared exactly.
    Listed(Vec<String>),
}

/// How to reach OpenRouter.
#[derive(Debug)]
pub struct OpenRouterConfig {
    /// Everything before `/chat/completions`.
    pub base_url: Url,
    /// The API key.
    pub api_key: SecretString,
}

/// How to reach Vertex AI.
#[derive(Debug)]
pub struct VertexConfig {
    /// Scheme and host.
    pub base_url: Url,
    /// The Google Cloud project.
    pub project: String,
    /// The Vertex location, `global` by default.
    pub location: String,
    /// A service account's JSON key.
    pub credentials_json: SecretString,
}

/// How long providers may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// To the first event of a stream: models that think in silence may take minutes.
    pub first_event: Duration,
    /// Between two pieces of a stream.
    pub idle: Duration,
}

/// Everything the environment decides.
#[derive(Debug)]
pub struct Config {
    /// The DynamoDB table.
    pub table_name: String,
    /// `None` when the provider has no credential: its routes are skipped.
    pub openrouter: Option<OpenRouterConfig>,
    /// `None` when the provider has no credential: its routes are skipped.
    pub vertex: Option<VertexConfig>,
    /// Who may call from a browser.
    pub allowed_origins: AllowedOrigins,
    /// Whether INIT prepares connections and credentials.
    pub warmup: bool,
    /// How long providers may be silent.
    pub upstream_limits: UpstreamLimits,
    /// What keys are charged on top of the price, in thousandths.
    pub markup_permille: u32,
}

impl Config {
    /// Reads the process environment.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads variables from `lookup`; an empty value counts as unset.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = |name: &str| lookup(name).filter(|value| !value.is_empty());
        refuse_unsupported(&read)?;
        let table_name =
            read("TABLE_NAME").ok_or_else(|| ConfigError::new("TABLE_NAME", "is not set; name the DynamoDB table"))?;
        Ok(Self {
            table_name,
            openrouter: openrouter(&read)?,
            vertex: vertex(&read)?,
            allowed_origins: allowed_origins(&read),
            warmup: read("WARMUP").is_some_and(|value| value != "0"),
            upstream_limits: UpstreamLimits {
                first_event: millis(&read, "FIRST_EVENT_TIMEOUT_MS", DEFAULT_FIRST_EVENT)?,
                idle: millis(&read, "IDLE_TIMEOUT_MS", DEFAULT_IDLE)?,
            },
            markup_permille: markup(&read)?,
        })
    }
}

/// How to log: Lambda's own variables, set by the function's logging configuration.
#[derive(Debug)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else info.
    pub level: String,
    /// One JSON object a line.
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

/// Secrets by SSM parameter are part of the contract, but not built: better a loud stop than a provider silently off.
fn refuse_unsupported(read: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    for variable in ["OPENROUTER_API_KEY_PARAMETER", "GOOGLE_APPLICATION_CREDENTIALS_PARAMETER"] {
        if read(variable).is_some() {
            return Err(ConfigError::new(variable, "reading secrets from SSM is not supported yet; set the secret itself"));
        }
    }
    Ok(())
}

fn markup(read: &dyn Fn(&str) -> Option<String>) -> Result<u32, ConfigError> {
    let Some(value) = read("PRICE_MARKUP_PERMILLE") else { return Ok(0) };
    let wrong = || ConfigError::new("PRICE_MARKUP_PERMILLE", "must be a whole number of thousandths, such as 50 for 5 %");
    value.parse().map_err(|_| wrong())
}

fn millis(
    read: &dyn Fn(&str) -> Option<String>,
    variable: &'static str,
    default: Duration,
) -> Result<Duration, ConfigError> {
    let Some(value) = read(variable) else { return Ok(default) };
    let millis = value.parse().ok().filter(|millis| *millis > 0);
    millis.map(Duration::from_millis).ok_or_else(|| ConfigError::new(variable, "must be a whole number of milliseconds"))
}

fn openrouter(read: &dyn Fn(&str) -> Option<String>) -> Result<Option<OpenRouterConfig>, ConfigError> {
    let Some(api_key) = read("OPENROUTER_API_KEY") else { return Ok(None) };
    let base_url = read("OPENROUTER_BASE_URL").unwrap_or_else(|| DEFAULT_OPENROUTER_BASE_URL.to_owned());
    Ok(Some(OpenRouterConfig { base_url: base(&base_url, "OPENROUTER_BASE_URL")?, api_key: api_key.into() }))
}

fn vertex(read: &dyn Fn(&str) -> Option<String>) -> Result<Option<VertexConfig>, ConfigError> {
    let Some(credentials_json) = read("GOOGLE_APPLICATION_CREDENTIALS_JSON") else { return Ok(None) };
    let project = read("VERTEX_PROJECT")
        .ok_or_else(|| ConfigError::new("VERTEX_PROJECT", "is not set, but GOOGLE_APPLICATION_CREDENTIALS_JSON is"))?;
    let location = read("VERTEX_LOCATION").unwrap_or_else(|| DEFAULT_VERTEX_LOCATION.to_owned());
    for (variable, value) in [("VERTEX_PROJECT", &project), ("VERTEX_LOCATION", &location)] {
        // Both become URL path segments. Old projects are named `domain.com:project`.
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte)) || value.starts_with('.') {
            return Err(ConfigError::new(variable, "may hold only letters, digits and -._:"));
        }
    }
    let base_url = read("VERTEX_BASE_URL").unwrap_or_else(|| vertex_origin(&location));
    Ok(Some(VertexConfig {
        base_url: base(&base_url, "VERTEX_BASE_URL")?,
        project,
        location,
        credentials_json: credentials_json.into(),
    }))
}

/// Vertex AI's hosts by location (Google's list of regional and multi-regional endpoints).
fn vertex_origin(location: &str) -> String {
    match location {
        "global" => "https://aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
        region => format!("https://{region}-aiplatform.googleapis.com"),
    }
}

fn base(text: &str, variable: &'static str) -> Result<Url, ConfigError> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| ConfigError::new(variable, error.to_string()))?;
    let usable = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
    usable.then_some(url).ok_or_else(|| ConfigError::new(variable, "must be an http or https URL without a query"))
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
        assert!(config.is_ok_and(|config| config.openrouter.is_none() && config.vertex.is_none()));
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
            let url = config.ok().and_then(|config| config.vertex).map(|vertex| vertex.base_url);
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
        assert_eq!(
            with(&[("GOOGLE_APPLICATION_CREDENTIALS_PARAMETER", "/x")]),
            Some("GOOGLE_APPLICATION_CREDENTIALS_PARAMETER")
        );
    }

    #[test]
    fn secrets_do_not_print() {
        let config = config(&[("TABLE_NAME", "t"), ("OPENROUTER_API_KEY", "sk-canary")]);
        assert!(!format!("{config:?}").contains("canary"));
    }
}
