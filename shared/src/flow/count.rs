//! `count_tokens`.

use http::HeaderMap;

use super::{Incoming, routable, served_model};
use crate::auth::ApiKey;
use crate::dispatch::{self, Dispatch, PreparedRequest, ReplyReader};
use crate::error::{GatewayError, UpstreamError};
use crate::gateway::Gateway;
use crate::ledger::Sizes;
use crate::providers::UpstreamReply;
use crate::retry::{self, Severity};
use crate::wire::{self, ClientFormat, Mode};

impl Gateway {
    /// How many input tokens a request has: the provider's own count where it has one, else an estimate. Counts cost
    /// nothing, so they leave no record.
    pub async fn count(&self, format: ClientFormat, incoming: Incoming<'_>) -> Result<u64, GatewayError> {
        let deadline = dispatch::end_of(incoming.deadline);
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_count(format, self.read_body(&key, &incoming).await?)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        let recognised = self.admission.authenticate(&key, incoming.address);
        let (permit, ()) = futures_util::join!(recognised, self.upstreams.circuits.refresh());
        permit?;
        let estimated = Sizes::of(&opened.document).estimated_input();
        if !model.routes.iter().any(|route| self.upstreams.serves(route, Mode::Count)) {
            return Ok(estimated);
        }
        // Vertex counts without betas.
        let request = routable(opened, &HeaderMap::new(), model);
        let mut dispatch = Dispatch::begin(&self.upstreams, request, deadline).await?;
        let counted = dispatch.run(&self.upstreams, &Counting).await;
        dispatch.conclude_unrecorded(&self.upstreams, counted.as_ref().err()).await;
        match counted {
            Err(error) if retry::severity(&error) != Severity::Final => Ok(estimated),
            counted => Ok(counted?),
        }
    }
}

/// Reads a provider's count.
struct Counting;

impl ReplyReader for Counting {
    type Read = u64;

    async fn read(&self, _: &PreparedRequest, reply: UpstreamReply) -> Result<u64, UpstreamError> {
        wire::decode_count(&reply.text().await?)
    }
}
