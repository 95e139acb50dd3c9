//! OpenRouter: OpenAI's wire, a bearer key, the model in the body.

use serde::Serialize;
use url::Url;

use super::{Credential, Provider, join};
use crate::config::OpenRouterConfig;
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::wire::Mode;
use crate::wire::raw::RawObject;

/// Asks for usage, and with it the price, in every reply (OpenRouter's usage accounting).
#[derive(Serialize)]
struct UsageAccounting {
    include: bool,
}

/// Asks for the usage at a stream's end (OpenAI's wire; a whole reply refuses the field).
#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

pub(super) struct OpenRouter {
    base_url: Url,
    credential: Credential,
}

impl OpenRouter {
    pub(super) fn new(config: &OpenRouterConfig) -> Self {
        Self { base_url: config.base_url.clone(), credential: Credential::bearer(&config.api_key) }
    }
}

impl Provider for OpenRouter {
    fn id(&self) -> ProviderId {
        ProviderId::OpenRouter
    }

    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn counts(&self) -> bool {
        false
    }

    fn url(&self, _model: &UpstreamModel, _mode: Mode) -> Result<Url, UpstreamError> {
        join(&self.base_url, &["chat", "completions"])
    }

    fn finish_body(&self, body: &mut RawObject<'_>, model: &UpstreamModel, mode: Mode) -> Result<(), serde_json::Error> {
        body.set("model", model.as_str())?;
        body.set("stream", &(mode == Mode::Streaming))?;
        match mode {
            Mode::Streaming => body.set("stream_options", &StreamOptions { include_usage: true })?,
            Mode::Whole | Mode::Count => drop(body.remove("stream_options")),
        }
        body.set("usage", &UsageAccounting { include: true })
    }
}
