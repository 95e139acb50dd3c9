//! Claude on Vertex AI: Anthropic's format, a Google token, the model in the path and not in the body.

use url::Url;

use super::vertex::Vertex;
use super::{Credential, Provider, json_text};
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::wire::native::ProviderFields;
use crate::wire::{Mode, WireFormat};

/// The only version that Vertex knows. Newer `anthropic-version` values of clients would reject sampling fields that this
/// one accepts.
const ANTHROPIC_VERSION: &str = "vertex-2023-10-16";

/// The path name of Vertex's token count, for which the model stays in the body.
const COUNT_MODEL: &str = "count-tokens";
/// Fields that a count accepts.
const COUNTED: &[&str] = &["anthropic_beta", "messages", "system", "thinking", "tool_choice", "tools"];

pub(super) struct VertexClaude(pub(super) Vertex);

impl Provider for VertexClaude {
    fn id(&self) -> ProviderId {
        ProviderId::VertexClaude
    }

    fn wire(&self) -> WireFormat {
        WireFormat::Anthropic
    }

    fn credential(&self) -> &Credential {
        self.0.credential()
    }

    fn counts(&self) -> bool {
        true
    }

    fn is_regional(&self) -> bool {
        self.0.is_regional()
    }

    fn base_url(&self) -> &Url {
        self.0.base_url()
    }

    fn url(&self, model: &UpstreamModel, mode: Mode) -> Result<Url, UpstreamError> {
        match mode {
            Mode::Streaming => self.0.url("anthropic", model.as_str(), "streamRawPredict"),
            Mode::Whole => self.0.url("anthropic", model.as_str(), "rawPredict"),
            Mode::Count => self.0.url("anthropic", COUNT_MODEL, "rawPredict"),
        }
    }

    fn body_fields(&self, model: &UpstreamModel, mode: Mode) -> ProviderFields {
        if mode == Mode::Count {
            let set = vec![("model", json_text(model.as_str()))];
            return ProviderFields { set, only: Some(COUNTED), ..ProviderFields::default() };
        }
        let stream = (mode == Mode::Streaming).to_string();
        let set = vec![("anthropic_version", json_text(ANTHROPIC_VERSION)), ("stream", stream)];
        ProviderFields { set, removed: &["model"], only: None }
    }
}
