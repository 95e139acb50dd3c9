//! What Claude on Vertex AI takes of a request, as decisions: one set for both ways there. A request of the same format is edited by
//! them, a translated one is written by them.

pub mod history;
pub mod media;
pub mod sampling;
pub mod thinking;
pub mod tools;
pub mod user;
