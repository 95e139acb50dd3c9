//! The shared state of a route that has failed, for all environments.

use jiff::Timestamp;

use super::{Item, Reader, primary_key};
use crate::ids::{ProviderId, UpstreamModel};
use crate::store::StoreError;

/// The partition of all route states. It is small enough for one query.
pub const ROUTES: &str = "ROUTES";
/// A state that has not changed for a day is obsolete.
const KEPT_SECONDS: i64 = 86_400;

/// The attribute with the ids of the keys whose requests failed.
pub const ACCUSED: &str = "accused";

/// Suffix of a route's endpoint that counts tokens.
const COUNTING: &str = "#count";
/// Suffix of a provider's credential.
const CREDENTIAL: &str = "#credential";

/// A route's name in the table: `<provider>#<upstream model>`, with `#count` for the endpoint that counts its tokens. That
/// endpoint fails independently of the model, so neither may block the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteName(String);

impl RouteName {
    /// The name of the route to this model.
    pub fn new(provider: ProviderId, upstream: &UpstreamModel) -> Self {
        Self(format!("{provider}#{upstream}"))
    }

    /// The name of the endpoint that counts tokens for this model.
    pub fn counting(provider: ProviderId, upstream: &UpstreamModel) -> Self {
        Self(format!("{provider}#{upstream}{COUNTING}"))
    }

    /// The name of a provider's credential, which all its routes need: `<provider>#credential`.
    pub fn credential(provider: ProviderId) -> Self {
        Self(format!("{provider}{CREDENTIAL}"))
    }

    /// Whether this is the name of a credential.
    pub fn is_credential(&self) -> bool {
        self.0.ends_with(CREDENTIAL)
    }

    /// Whether this is the name of an endpoint that counts tokens.
    pub fn counts(&self) -> bool {
        self.0.ends_with(COUNTING)
    }

    /// The sort key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The route's provider; `None` for a name that an older or newer version wrote.
    pub fn provider(&self) -> Option<ProviderId> {
        self.0.split_once('#').and_then(|(provider, _)| ProviderId::parse(provider))
    }

    /// The item's keys.
    pub fn key(&self) -> Item {
        primary_key(ROUTES, &self.0)
    }
}

/// The state of a route. A route without an item has never failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteState {
    /// Failures since the last success, over all environments.
    pub failures: u64,
    /// The keys whose requests failed.
    pub keys: u64,
    /// Until when the route is not used, in milliseconds since the epoch; 0 while its circuit is closed.
    pub open_until: u64,
    /// The duration of the last block, in milliseconds.
    pub cool_down: u64,
    /// Whether it is blocked because its provider does not serve the model.
    pub is_gone: bool,
}

impl RouteState {
    /// Reads a route-state item.
    pub fn read(item: &Item) -> Result<(RouteName, Self), StoreError> {
        let reader = Reader(item);
        let name = RouteName(reader.text("sk")?.to_owned());
        let count = |name: &'static str| if item.contains_key(name) { reader.count(name) } else { Ok(0) };
        let keys = item.get(ACCUSED).and_then(|keys| keys.as_ss().ok()).map_or(0, Vec::len) as u64;
        let is_gone = item.get("gone").and_then(|gone| gone.as_bool().ok()).copied().unwrap_or_default();
        let (failures, open_until, cool_down) = (count("failures")?, count("open_until")?, count("cool_down")?);
        Ok((name, Self { failures, keys, open_until, cool_down, is_gone }))
    }

    /// When a state that is written now expires, in seconds since the epoch.
    pub fn ttl() -> i64 {
        Timestamp::now().as_second().saturating_add(KEPT_SECONDS)
    }
}
