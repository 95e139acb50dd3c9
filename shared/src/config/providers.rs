//! The configured providers: addresses, credentials and time limits.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::ConfigError;

const DEFAULT_OPENROUTER_BASE_URL: &str = "https://openrouter.ai/api/v1";
/// The location that has all models at the lowest price.
pub const DEFAULT_VERTEX_LOCATION: &str = "global";
const DEFAULT_IDLE: Duration = Duration::from_secs(90);

/// Where a secret comes from.
#[derive(Debug)]
pub enum Secret {
    /// A variable holds it.
    Value(SecretString),
    /// Another variable names the SSM parameter that holds it.
    Parameter(Parameter),
}

/// An SSM parameter and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name or the ARN of the SSM parameter.
    pub name: String,
    /// The region for which requests are signed.
    pub region: String,
    /// SSM's endpoint.
    pub endpoint: Url,
}

/// How to reach OpenRouter.
#[derive(Debug)]
pub struct OpenRouterConfig {
    /// Everything before `/chat/completions`.
    pub base_url: Url,
    /// The API key.
    pub api_key: Secret,
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
    /// The JSON of a service account key or of workload identity federation.
    pub credentials: Secret,
    /// The function's region: federation signs with the function's role.
    pub aws_region: Option<String>,
}

/// How long providers may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Until the first event of a stream; `None` uses the model's own limit.
    pub first_event: Option<Duration>,
    /// Between two pieces of a stream.
    pub idle: Duration,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self { first_event: None, idle: DEFAULT_IDLE }
    }
}

/// The providers, and how long they may be silent.
#[derive(Debug)]
pub struct ProviderConfig {
    /// `None` without a credential: then its routes are skipped.
    pub openrouter: Option<OpenRouterConfig>,
    /// `None` without a credential: then its routes are skipped.
    pub vertex: Option<VertexConfig>,
    /// OpenRouter's address: its list of models is public, even without a key.
    pub openrouter_base_url: Url,
    /// How long they may be silent.
    pub limits: UpstreamLimits,
}

impl ProviderConfig {
    /// Reads the process environment, for programs that call providers and have no table.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    pub(super) fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = |name: &str| lookup(name).filter(|value| !value.is_empty());
        Ok(Self {
            openrouter: openrouter(&read)?,
            vertex: vertex(&read)?,
            openrouter_base_url: openrouter_base_url(&read)?,
            limits: UpstreamLimits {
                first_event: millis(&read, "FIRST_EVENT_TIMEOUT_MS")?,
                idle: millis(&read, "IDLE_TIMEOUT_MS")?.unwrap_or(DEFAULT_IDLE),
            },
        })
    }
}

/// The secret, given by value or by parameter, and the variable that gave it.
fn secret(
    read: &dyn Fn(&str) -> Option<String>,
    [by_value, by_parameter]: [&'static str; 2],
) -> Result<Option<(Secret, &'static str)>, ConfigError> {
    match (read(by_value), read(by_parameter)) {
        (None, None) => Ok(None),
        (Some(value), None) => Ok(Some((Secret::Value(value.into()), by_value))),
        (None, Some(name)) => Ok(Some((Secret::Parameter(parameter(read, name, by_parameter)?), by_parameter))),
        (Some(_), Some(_)) => {
            Err(ConfigError::new(by_value, format!("is set, and so is {by_parameter}; set only one of them")))
        }
    }
}

/// `AWS_REGION` and `AWS_ENDPOINT_URL_SSM` are the AWS SDK's own variables, with their usual meaning.
fn parameter(read: &dyn Fn(&str) -> Option<String>, name: String, variable: &'static str) -> Result<Parameter, ConfigError> {
    let region =
        read("AWS_REGION").ok_or_else(|| ConfigError::new("AWS_REGION", format!("is not set, but {variable} is")))?;
    if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(ConfigError::new("AWS_REGION", "may hold only letters, digits and -"));
    }
    let endpoint = match read("AWS_ENDPOINT_URL_SSM") {
        Some(endpoint) => base(&endpoint, "AWS_ENDPOINT_URL_SSM")?,
        None => base(&format!("https://ssm.{region}.amazonaws.com"), "AWS_REGION")?,
    };
    Ok(Parameter { name, region, endpoint })
}

pub(super) fn millis(
    read: &dyn Fn(&str) -> Option<String>,
    variable: &'static str,
) -> Result<Option<Duration>, ConfigError> {
    let Some(value) = read(variable) else { return Ok(None) };
    let millis = value.parse().ok().filter(|millis| *millis > 0).map(Duration::from_millis);
    millis.map(Some).ok_or_else(|| ConfigError::new(variable, "must be a whole number of milliseconds"))
}

fn openrouter(read: &dyn Fn(&str) -> Option<String>) -> Result<Option<OpenRouterConfig>, ConfigError> {
    let Some((api_key, _)) = secret(read, ["OPENROUTER_API_KEY", "OPENROUTER_API_KEY_PARAMETER"])? else {
        return Ok(None);
    };
    Ok(Some(OpenRouterConfig { base_url: openrouter_base_url(read)?, api_key }))
}

fn openrouter_base_url(read: &dyn Fn(&str) -> Option<String>) -> Result<Url, ConfigError> {
    let base_url = read("OPENROUTER_BASE_URL").unwrap_or_else(|| DEFAULT_OPENROUTER_BASE_URL.to_owned());
    base(&base_url, "OPENROUTER_BASE_URL")
}

fn vertex(read: &dyn Fn(&str) -> Option<String>) -> Result<Option<VertexConfig>, ConfigError> {
    let variables = ["GOOGLE_APPLICATION_CREDENTIALS_JSON", "GOOGLE_APPLICATION_CREDENTIALS_PARAMETER"];
    let Some((credentials, variable)) = secret(read, variables)? else { return Ok(None) };
    let project = read("VERTEX_PROJECT")
        .ok_or_else(|| ConfigError::new("VERTEX_PROJECT", format!("is not set, but {variable} is")))?;
    let location = read("VERTEX_LOCATION").unwrap_or_else(|| DEFAULT_VERTEX_LOCATION.to_owned());
    for (variable, value) in [("VERTEX_PROJECT", &project), ("VERTEX_LOCATION", &location)] {
        // Both become segments of URL paths. Old projects are named `domain.com:project`.
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte)) || value.starts_with('.') {
            return Err(ConfigError::new(variable, "may hold only letters, digits and -._:"));
        }
    }
    let base_url = read("VERTEX_BASE_URL").unwrap_or_else(|| vertex_origin(&location));
    Ok(Some(VertexConfig {
        base_url: base(&base_url, "VERTEX_BASE_URL")?,
        project,
        location,
        credentials,
        aws_region: read("AWS_REGION"),
    }))
}

/// Vertex AI's host for a location (Google's list of regional and multi-regional endpoints).
fn vertex_origin(location: &str) -> String {
    match location {
        "global" => "https://aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
        region => format!("https://{region}-aiplatform.googleapis.com"),
    }
}

fn base(text: &str, variable: &'static str) -> Result<Url, ConfigError> {
    let url =
        Url::parse(text.trim_end_matches('/')).map_err(|error| ConfigError::new(variable, format!("is no URL: {error}")))?;
    let usable = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
    usable.then_some(url).ok_or_else(|| ConfigError::new(variable, "must be an http or https URL without a query"))
}
