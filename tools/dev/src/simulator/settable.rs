//! What can be set while the simulator runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::aws::AwsCredentials;
use super::listing::ListSize;
use super::session::Session;

/// The only key that the `OpenRouter` side accepts, until it is changed.
pub const OPENROUTER_KEY: &str = "sk-or-simulated";

/// The current settings. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Settable(Arc<Mutex<Values>>);

/// The values.
#[derive(Debug)]
pub(super) struct Values {
    /// All keys that were ever accepted. Only the last one is accepted now.
    pub(super) openrouter_keys: Vec<String>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) aws: AwsCredentials,
    pub(super) list_size: ListSize,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) charges_list_prices: bool,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            openrouter_keys: vec![OPENROUTER_KEY.to_owned()],
            parameters: BTreeMap::new(),
            aws: AwsCredentials::default(),
            list_size: ListSize::default(),
            sessions: BTreeMap::new(),
            charges_list_prices: false,
        }
    }
}

impl Settable {
    pub(super) fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
