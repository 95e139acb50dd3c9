//! Claude on Vertex AI: Anthropic's wire, a Google token, the model in the path and not in the body.

use url::Url;

use super::vertex::Vertex;
use super::{Credential, Provider};
use crate::error::UpstreamError;
use crate::ids::{ProviderId, UpstreamModel};
use crate::wire::Mode;
use crate::wire::raw::RawObject;

/// The only version Vertex knows. Clients' newer `anthropic-version` values refuse sampling fields that this one takes.
const ANTHROPIC_VERSION: &str = "vertex-2023-10-16";

pub(super) struct VertexClaude(pub(super) Vertex);

impl Provider for VertexClaude {
    fn id(&self) -> ProviderId {
        ProviderId::VertexClaude
    }

    fn credential(&self) -> &Credential {
        self.0.credential()
    }

    fn url(&self, model: &UpstreamModel, mode: Mode) -> Result<Url, UpstreamError> {
        let method = match mode {
            Mode::Streaming => "streamRawPredict",
            Mode::Whole => "rawPredict",
        };
        self.0.url("anthropic", model, method)
    }

    fn finish_body(&self, body: &mut RawObject<'_>, _model: &UpstreamModel, mode: Mode) -> Result<(), serde_json::Error> {
        body.remove("model");
        body.set("anthropic_version", ANTHROPIC_VERSION)?;
        body.set("stream", &(mode == Mode::Streaming))
    }
}
