//! Claude on Vertex AI: Anthropic's wire, a Google token, the model in the path and not in the body.

use url::Url;

use super::{Credential, CredentialError, Provider, join};
use crate::config::VertexConfig;
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::wire::Mode;
use crate::wire::raw::RawObject;

/// The only version Vertex knows. Clients' newer `anthropic-version` values refuse sampling fields that this one takes.
const ANTHROPIC_VERSION: &str = "vertex-2023-10-16";

pub(super) struct VertexClaude {
    base_url: Url,
    project: String,
    location: String,
    credential: Credential,
}

impl VertexClaude {
    pub(super) fn new(config: &VertexConfig) -> Result<Self, CredentialError> {
        Ok(Self {
            base_url: config.base_url.clone(),
            project: config.project.clone(),
            location: config.location.clone(),
            credential: Credential::google(&config.credentials_json)?,
        })
    }
}

impl Provider for VertexClaude {
    fn id(&self) -> ProviderId {
        ProviderId::VertexClaude
    }

    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn url(&self, model: &UpstreamModel, mode: Mode) -> Result<Url, UpstreamError> {
        let method = match mode {
            Mode::Streaming => "streamRawPredict",
            Mode::Whole => "rawPredict",
        };
        let model = format!("{}:{method}", model.as_str());
        let (project, location) = (self.project.as_str(), self.location.as_str());
        let path = ["v1", "projects", project, "locations", location, "publishers", "anthropic", "models", &model];
        join(&self.base_url, &path)
    }

    fn finish_body(&self, body: &mut RawObject<'_>, _model: &UpstreamModel, mode: Mode) -> Result<(), serde_json::Error> {
        body.remove("model");
        body.set("anthropic_version", ANTHROPIC_VERSION)?;
        body.set("stream", &(mode == Mode::Streaming))
    }
}
