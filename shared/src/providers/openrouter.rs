//! OpenRouter: OpenAI's format, a bearer key, the model in the body.

use url::Url;

use super::{Credential, Provider, Transport, join, json_text};
use crate::config::OpenRouterConfig;
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::money::PicoUsd;
use crate::wire::native::{Files, ProviderFields};
use crate::wire::{Mode, WireFormat};

/// Requests the usage, including the price, in every reply (OpenRouter's usage accounting).
const USAGE_ACCOUNTING: &str = r#"{"include":true}"#;

/// Requests the usage at a stream's end (OpenAI's format; a whole reply rejects the field).
const STREAM_OPTIONS: &str = r#"{"include_usage":true}"#;

pub(super) struct OpenRouter {
    base_url: Url,
    credential: Credential,
}

impl OpenRouter {
    pub(super) fn new(config: &OpenRouterConfig) -> Self {
        Self { base_url: config.base_url.clone(), credential: Credential::bearer(&config.api_key) }
    }
}

/// The body of OpenRouter's public list of models, which needs no key.
pub async fn list_of_models(transport: &Transport, base_url: &Url) -> Result<String, UpstreamError> {
    transport.get(join(base_url, &["models"])?).await
}

impl Provider for OpenRouter {
    fn id(&self) -> ProviderId {
        ProviderId::OpenRouter
    }

    fn wire(&self) -> WireFormat {
        WireFormat::OpenAi
    }

    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn counts(&self) -> bool {
        false
    }

    fn base_url(&self) -> &Url {
        &self.base_url
    }

    fn url(&self, _model: &UpstreamModel, _mode: Mode) -> Result<Url, UpstreamError> {
        join(&self.base_url, &["chat", "completions"])
    }

    /// Excludes hosts above these prices (OpenRouter's provider routing, `max_price`, USD per million tokens).
    fn price_limit(&self, prompt: PicoUsd, reply: PicoUsd) -> Option<(&'static str, String)> {
        Some(("provider", format!(r#"{{"max_price":{{"prompt":{prompt},"completion":{reply}}}}}"#)))
    }

    /// `This endpoint's maximum context length is ... However, you requested about` (OpenHands/OpenHands#9937,
    /// Aider-AI/aider#3721).
    fn limits_sum(&self) -> bool {
        true
    }

    /// By default it lets the model read documents or, if the model cannot, uses a service that costs per page (OpenRouter's
    /// plugin `file-parser`). Its own parser is free.
    fn file_parser(&self, files: Files) -> Option<(&'static str, String)> {
        let engine = match files {
            Files::None => return None,
            Files::Native => "native",
            Files::Parsed => "cloudflare-ai",
        };
        Some(("plugins", format!(r#"[{{"id":"file-parser","pdf":{{"engine":"{engine}"}}}}]"#)))
    }

    fn body_fields(&self, model: &UpstreamModel, mode: Mode) -> ProviderFields {
        let is_stream = mode == Mode::Streaming;
        let mut set = vec![("model", json_text(model.as_str())), ("stream", is_stream.to_string())];
        if is_stream {
            set.push(("stream_options", STREAM_OPTIONS.to_owned()));
        }
        set.push(("usage", USAGE_ACCOUNTING.to_owned()));
        ProviderFields { set, ..ProviderFields::default() }
    }
}
