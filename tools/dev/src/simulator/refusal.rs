//! Requests that are rejected before any script is read.

/// A request that is answered with an error before any script is read.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) shape: Shape,
    pub(super) message: String,
}

/// The source of an error: the provider's own API, or Google's platform in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Own,
    Google,
}

impl Refusal {
    pub(super) fn own(status: u16, message: &str) -> Self {
        Self { status, shape: Shape::Own, message: message.to_owned() }
    }

    pub(super) fn google(status: u16, message: &str) -> Self {
        Self { status, shape: Shape::Google, message: message.to_owned() }
    }
}
