//! What Claude on Vertex AI accepts, as decisions for both kinds of routes. A request of the same format is edited by them,
//! a translated one is written by them.

pub mod history;
pub mod media;
pub mod sampling;
pub mod thinking;
pub mod tools;
pub mod user;
