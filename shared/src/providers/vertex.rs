//! What both vendors on Vertex AI share: project, location, Google token.

use std::sync::Arc;

use url::Url;

use super::{Credential, CredentialError, join};
use crate::config::{DEFAULT_VERTEX_LOCATION, VertexConfig};
use crate::error::UpstreamError;

/// A project in a location.
#[derive(Clone)]
pub(super) struct Vertex {
    base_url: Url,
    project: String,
    location: String,
    /// Both vendors share a token.
    credential: Arc<Credential>,
}

impl Vertex {
    pub(super) fn new(config: &VertexConfig) -> Result<Self, CredentialError> {
        Ok(Self {
            base_url: config.base_url.clone(),
            project: config.project.clone(),
            location: config.location.clone(),
            credential: Arc::new(Credential::google(&config.credentials, config.aws_region.as_deref())?),
        })
    }

    pub(super) fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(super) fn is_regional(&self) -> bool {
        self.location != DEFAULT_VERTEX_LOCATION
    }

    pub(super) fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// `.../publishers/{publisher}/models/{model}:{method}`.
    pub(super) fn url(&self, publisher: &str, model: &str, method: &str) -> Result<Url, UpstreamError> {
        let model = format!("{model}:{method}");
        let (project, location) = (self.project.as_str(), self.location.as_str());
        join(&self.base_url, &["v1", "projects", project, "locations", location, "publishers", publisher, "models", &model])
    }
}
