//! Translation between a client's format and a provider's, without I/O: requests out, whole replies and streams back.
//!
//! ```
//! use bytes::BytesMut;
//! use gateway::{catalog::Catalog, ids::RequestId, money::PicoUsd};
//! use gateway::translate::{Conversion, Progress, Relay, Restore};
//! use gateway::wire::names::ToolNames;
//! use gateway::wire::{Asked, ClientFormat, Delivery, Estimate, Identity, ReplyContext, WireFormat};
//!
//! let model = Catalog::embedded()?.resolve("gemini-3-flash").map_err(|unknown| format!("{unknown:?}"))?.id.clone();
//! let (format, request) = (ClientFormat::ChatCompletions, RequestId::generate());
//! let context = ReplyContext {
//!     format,
//!     request,
//!     identity: Identity::new(request, model, format),
//!     delivery: Delivery::Streamed, include_usage: false,
//!     estimate: Estimate { input: 3, output_limit: 64 },
//!     cost: std::sync::Arc::new(|_| PicoUsd::ZERO),
//!     asked: Asked::default(),
//! };
//! let restore = Restore::new(ToolNames::new(&[]), None, false);
//! let mut relay = Relay::new(context, Conversion::Translate { wire: WireFormat::Gemini, restore });
//! let mut out = BytesMut::new();
//! let chunk = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello!\"}]},\"finishReason\":\"STOP\"}]}\n\n";
//! relay.push(chunk.as_bytes(), &mut out);
//! assert_eq!(relay.end(&mut out), Progress::Finished);
//! let sent = String::from_utf8(out.to_vec())?;
//! assert!(sent.contains(r#""content":"Hello!""#) && sent.ends_with("data: [DONE]\n\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod characters;
mod conversion;
mod media;
mod meter;
pub mod outbound;
pub mod relay;
mod repeats;
mod restore;
mod rules;
mod whole;

pub use crate::wire::{CostOf, Delivery, ReplyContext};
pub use conversion::{Conversion, Forwarded};
pub use meter::{Meter, Metered, UsageSource};
pub use outbound::Outbound;
pub use relay::{Progress, Relay};
pub use restore::Restore;
pub use rules::{CallIds, ReplyRules};
