//! Upstreams: the address and the credential of a call. They never see the conversation or the reply.

mod credential;
mod openrouter;
mod reach;
pub mod transport;
mod vertex;
mod vertex_claude;
mod vertex_gemini;

use url::Url;

use crate::config::ProviderConfig;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::ids::{ProviderId, UpstreamModel};
use crate::money::PicoUsd;
use crate::wire::native::{Files, ProviderFields};
use crate::wire::{Mode, WireFormat};

pub use credential::{Credential, CredentialError};
pub use openrouter::list_of_models;
pub use reach::Reachability;
pub use transport::{ReplyForm, Transport, UpstreamCall, UpstreamReply};

/// One upstream. Each is one file.
///
/// ```
/// use gateway::config::Config;
/// use gateway::ids::{ProviderId, UpstreamModel};
/// use gateway::providers::Providers;
/// use gateway::wire::Mode;
///
/// let config = Config::from_lookup(&|name| match name {
///     "TABLE_NAME" | "OPENROUTER_API_KEY" => Some("example".to_owned()),
///     _ => None,
/// })?;
/// let providers = Providers::new(&config.providers)?;
/// let provider = providers.get(ProviderId::OpenRouter).ok_or("not configured")?;
/// let model = UpstreamModel::parse("openai/gpt-5.2").ok_or("not a name")?;
/// let url = provider.url(&model, Mode::Whole).map_err(|error| error.message)?;
/// assert_eq!(url.as_str(), "https://openrouter.ai/api/v1/chat/completions");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Provider: Send + Sync {
    /// The provider's name in records, headers and route names.
    fn id(&self) -> ProviderId;

    /// The format of its requests and replies.
    fn wire(&self) -> WireFormat;

    /// The credential that its calls need.
    fn credential(&self) -> &Credential;

    /// Whether it counts tokens for free.
    fn counts(&self) -> bool;

    /// Whether it serves from a region, where some models cost more.
    fn is_regional(&self) -> bool {
        false
    }

    /// The field that limits the price of a call, in USD per million tokens of prompt and reply, if the provider supports
    /// it.
    fn price_limit(&self, _prompt: PicoUsd, _reply: PicoUsd) -> Option<(&'static str, String)> {
        None
    }

    /// Whether its hosts refuse a prompt and an output limit that exceed the context window together.
    fn limits_sum(&self) -> bool {
        false
    }

    /// The field that selects a free document parser, if the provider has one.
    fn file_parser(&self, _files: Files) -> Option<(&'static str, String)> {
        None
    }

    /// The base URL of its calls.
    fn base_url(&self) -> &Url;

    /// The URL of a call for a model.
    fn url(&self, model: &UpstreamModel, mode: Mode) -> Result<Url, UpstreamError>;

    /// The fields that it adds to a body last: the model, the version, the stream switch.
    fn body_fields(&self, model: &UpstreamModel, mode: Mode) -> ProviderFields;
}

/// The providers with a credential.
#[derive(Default)]
pub struct Providers {
    configured: Vec<Box<dyn Provider>>,
}

impl Providers {
    /// The providers for which the environment has credentials.
    pub fn new(config: &ProviderConfig) -> Result<Self, CredentialError> {
        let mut configured: Vec<Box<dyn Provider>> = Vec::new();
        if let Some(vertex) = &config.vertex {
            let vertex = vertex::Vertex::new(vertex)?;
            configured.push(Box::new(vertex_claude::VertexClaude(vertex.clone())));
            configured.push(Box::new(vertex_gemini::VertexGemini(vertex)));
        }
        if let Some(openrouter) = &config.openrouter {
            configured.push(Box::new(openrouter::OpenRouter::new(openrouter)));
        }
        Ok(Self { configured })
    }

    /// The provider with this id, if it has a credential.
    pub fn get(&self, id: ProviderId) -> Option<&dyn Provider> {
        self.configured.iter().find(|provider| provider.id() == id).map(AsRef::as_ref)
    }

    /// Whether the provider has a credential.
    pub fn is_configured(&self, id: ProviderId) -> bool {
        self.get(id).is_some()
    }

    /// All providers with a credential.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Provider> {
        self.configured.iter().map(AsRef::as_ref)
    }
}

/// Appends path segments to a base URL, each escaped.
fn join(base: &Url, segments: &[&str]) -> Result<Url, UpstreamError> {
    let mut url = base.clone();
    let Ok(mut path) = url.path_segments_mut() else {
        return Err(UpstreamError::new(UpstreamErrorKind::Connect, "the base URL cannot have a path"));
    };
    path.pop_if_empty().extend(segments);
    drop(path);
    Ok(url)
}

/// A string as JSON. This cannot fail.
fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
