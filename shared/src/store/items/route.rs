//! What all environments know about a route that has failed.

use jiff::Timestamp;

use super::{Item, Reader, primary_key};
use crate::ids::{ProviderId, UpstreamModel};
use crate::store::StoreError;

/// The partition of all route states, small enough for one query.
pub const ROUTES: &str = "ROUTES";
/// A state that nothing has touched for a day says nothing any more.
const KEPT_SECONDS: i64 = 86_400;

/// The attribute with the ids of the keys whose requests failed.
pub const ACCUSED: &str = "accused";

/// What ends the name of a route's counting endpoint.
const COUNTING: &str = "#count";
/// What ends the name of a provider's credential.
const CREDENTIAL: &str = "#credential";

/// A route's name in the table: `<provider>#<upstream model>`, and `#count` after it for the endpoint that counts its tokens. That
/// one fails and works apart from the model, and neither must close the other off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteName(String);

impl RouteName {
    /// The name of the route to that model.
    pub fn new(provider: ProviderId, upstream: &UpstreamModel) -> Self {
        Self(format!("{provider}#{upstream}"))
    }

    /// The name of the endpoint that counts tokens for that model.
    pub fn counting(provider: ProviderId, upstream: &UpstreamModel) -> Self {
        Self(format!("{provider}#{upstream}{COUNTING}"))
    }

    /// The name of what all routes of a provider need: `<provider>#credential`.
    pub fn credential(provider: ProviderId) -> Self {
        Self(format!("{provider}{CREDENTIAL}"))
    }

    /// Whether it is the name of a credential.
    pub fn is_credential(&self) -> bool {
        self.0.ends_with(CREDENTIAL)
    }

    /// Whether it is the name of an endpoint that counts.
    pub fn counts(&self) -> bool {
        self.0.ends_with(COUNTING)
    }

    /// The sort key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Through whom the route goes; `None` for a name that an older or newer version wrote.
    pub fn provider(&self) -> Option<ProviderId> {
        self.0.split_once('#').and_then(|(provider, _)| ProviderId::parse(provider))
    }

    /// The item's keys.
    pub fn key(&self) -> Item {
        primary_key(ROUTES, &self.0)
    }
}

/// How a route is doing. A route without an item has never failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteState {
    /// Failures since the last success, over all environments.
    pub failures: u64,
    /// Keys whose requests met them.
    pub keys: u64,
    /// Until when nobody shall ask it, in milliseconds since the epoch; 0 while its circuit is closed.
    pub open_until: u64,
    /// How long it was closed off the last time, in milliseconds.
    pub cool_down: u64,
}

impl RouteState {
    /// Reads a route-state item.
    pub fn read(item: &Item) -> Result<(RouteName, Self), StoreError> {
        let reader = Reader(item);
        let name = RouteName(reader.text("sk")?.to_owned());
        let count = |name: &'static str| if item.contains_key(name) { reader.count(name) } else { Ok(0) };
        let keys = item.get(ACCUSED).and_then(|keys| keys.as_ss().ok()).map_or(0, Vec::len) as u64;
        let state =
            Self { failures: count("failures")?, keys, open_until: count("open_until")?, cool_down: count("cool_down")? };
        Ok((name, state))
    }

    /// When a state written now may be forgotten, in seconds since the epoch.
    pub fn ttl() -> i64 {
        Timestamp::now().as_second().saturating_add(KEPT_SECONDS)
    }
}
