//! Gemini on Vertex AI: Google's format, a Google token, model and stream switch in the path.

use url::Url;

use super::vertex::Vertex;
use super::{Credential, Provider};
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::wire::native::ProviderFields;
use crate::wire::{Mode, WireFormat};

/// Fields that a count accepts.
const COUNTED: &[&str] = &["contents", "systemInstruction", "tools"];

pub(super) struct VertexGemini(pub(super) Vertex);

impl Provider for VertexGemini {
    fn id(&self) -> ProviderId {
        ProviderId::VertexGemini
    }

    fn wire(&self) -> WireFormat {
        WireFormat::Gemini
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
            Mode::Whole => self.0.url("google", model.as_str(), "generateContent"),
            Mode::Count => self.0.url("google", model.as_str(), "countTokens"),
            Mode::Streaming => {
                let mut url = self.0.url("google", model.as_str(), "streamGenerateContent")?;
                // Without this parameter the stream is one JSON array in pieces.
                url.set_query(Some("alt=sse"));
                Ok(url)
            }
        }
    }

    fn body_fields(&self, _model: &UpstreamModel, mode: Mode) -> ProviderFields {
        ProviderFields { only: (mode == Mode::Count).then_some(COUNTED), ..ProviderFields::default() }
    }
}
