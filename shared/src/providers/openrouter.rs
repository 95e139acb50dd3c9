//! OpenRouter: OpenAI's wire, a bearer key, the model in the body.

use url::Url;

use super::{Credential, Provider, join, json_text};
use crate::config::OpenRouterConfig;
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::wire::Mode;
use crate::wire::native::ProviderFields;

/// Asks for usage, and with it the price, in every reply (OpenRouter's usage accounting).
const USAGE_ACCOUNTING: &str = r#"{"include":true}"#;

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

    fn body_fields(&self, model: &UpstreamModel, mode: Mode) -> ProviderFields {
        let stream = (mode == Mode::Streaming).to_string();
        let set = vec![("model", json_text(model.as_str())), ("stream", stream), ("usage", USAGE_ACCOUNTING.to_owned())];
        ProviderFields { set, ..ProviderFields::default() }
    }
}
