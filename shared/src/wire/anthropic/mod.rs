//! Anthropic Messages, for clients and for Vertex AI.

pub mod betas;
pub mod client;
pub mod native;
pub mod provider;
pub mod rules;
mod typed_tools;
pub mod usage;

use super::seal as signature;
