//! Decides whether a request may proceed: runs the admission protocol against the table, and remembers answers for a short
//! time.

mod issue;
mod memory;
mod network;
mod reads;
mod refusal;

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::timeout;

use crate::auth::ApiKey;
use crate::error::GatewayError;
use crate::ids::{KeyId, RequestId};
use crate::money::PicoUsd;
use crate::protocol::{
    AdmitEffect, AdmitEvent, AdmitStep, Admitting, Demand, Denial, Fault, Grant, NotAdmitted, Reservation, Taking,
};
use crate::store::items::{Hold, Place, ReleaseWrite, StoredKey};
use crate::store::{Conditional, Store, StoreError};

pub use issue::{Rotated, Terms, issue, issue_key, rotate};
use memory::{Memory, Recognised, Sight};
pub use network::Network;
use reads::Reads;
pub use refusal::{Rates, rate_headers, with_rates};

/// A refused request may have left a hold. Its refusal waits this long for the release.
const GIVE_BACK: Duration = Duration::from_millis(100);

/// A key that exists and is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Its id.
    pub id: KeyId,
    /// Whether it is prepaid.
    pub is_prepaid: bool,
}

/// Proof that the key may make this request, and what the request took from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The key that pays for the request.
    pub key: KnownKey,
    /// What it took from the key. The settlement returns what was not used.
    pub reservation: Reservation,
    /// The output tokens that it may have.
    pub output_tokens: u64,
    /// The key's limits per minute and what is left of them; `None` if they are not known.
    pub rates: Option<Rates>,
}

/// Checks keys against the table.
#[derive(Debug)]
pub struct Admission {
    store: Store,
    memory: Memory,
    reads: Reads,
}

impl Admission {
    /// Checks keys against a table. `reads_per_minute` limits free requests per key; 0 removes the limit.
    pub fn new(store: Store, reads_per_minute: u32) -> Self {
        Self { store, memory: Memory::default(), reads: Reads::new(reads_per_minute) }
    }

    /// Counts a free request, such as a read of the key's own usage, before the table is asked. Refuses a key that the table
    /// did not know a moment ago.
    pub fn take_read(&self, key: &ApiKey) -> Result<(), GatewayError> {
        self.refuse_unknown_key(key)?;
        self.reads.take(key.digest())
    }

    /// Recognises a key for a free endpoint, if it may be used from this address. Known keys are trusted for a minute.
    pub async fn authenticate(&self, key: &ApiKey, address: Option<IpAddr>) -> Result<KnownKey, GatewayError> {
        self.recognise(key).await?.at(address)
    }

    /// Whether a key is prepaid, as far as known. An unknown key counts as prepaid.
    pub fn is_prepaid(&self, key: &ApiKey) -> bool {
        self.memory.stale(key.digest()).is_none()
    }

    /// Recognises a key, whatever its address.
    async fn recognise(&self, key: &ApiKey) -> Result<Recognised, GatewayError> {
        self.refuse_unknown_key(key)?;
        if let Some(known) = self.memory.fresh(key.digest()) {
            return Ok(known);
        }
        match self.store.key(key.id()).await {
            Ok(Some(stored)) if stored.admits(key.digest(), u128::from(now())) => {
                Ok(self.remember(key, &stored, Sight::Other))
            }
            Ok(_) => Err(self.refuse(key, &Denial::Unauthorized, None)),
            Err(error) => self.fall_back(key, &error),
        }
    }

    /// The key as it is in the table now, for answers that must not be a minute old.
    pub async fn current(&self, key: &ApiKey, address: Option<IpAddr>) -> Result<StoredKey, GatewayError> {
        self.refuse_unknown_key(key)?;
        match self.store.current_key(key.id()).await {
            Ok(Some(stored)) if stored.admits(key.digest(), u128::from(now())) => {
                if network::allows(&stored.cidrs, address) { Ok(stored) } else { Err(refusal::address()) }
            }
            Ok(_) => Err(self.refuse(key, &Denial::Unauthorized, None)),
            Err(error) => Err(unanswered(&error)),
        }
    }

    /// Refuses a request for a model, before work is done for it, if its key was unknown a moment ago or has no request left
    /// in this minute.
    pub fn refuse_early(&self, key: &ApiKey, model: &str) -> Result<(), GatewayError> {
        self.refuse_unknown_key(key)?;
        self.refuse_again(key, model, None)
    }

    /// Takes what a request needs from its key, or returns the refusal. If the table does not answer, a key that is not
    /// prepaid and was admitted in the last ten minutes is admitted again; every other key gets a 503, never a 401.
    pub async fn admit(&self, key: &ApiKey, demand: Demand, address: Option<IpAddr>) -> Result<Permit, GatewayError> {
        self.refuse_unknown_key(key)?;
        self.refuse_again(key, &demand.model, Some(demand.least_amount()))?;
        let request = demand.request;
        let (mut machine, mut effect) = Admitting::begin(demand, self.memory.window(key.digest()), now());
        let mut rates = None;
        let grant = loop {
            let event = match effect {
                AdmitEffect::Write(write) => match self.store.admit(&write).await {
                    Ok(Conditional::Written(stored)) => AdmitEvent::Written(stored),
                    Ok(Conditional::Refused(old)) => {
                        rates = old.as_deref().map(|old| self.rates_of_refused(key, old));
                        AdmitEvent::Refused(old)
                    }
                    Err(StoreError::Malformed(cause)) => return Err(GatewayError::internal(cause)),
                    Err(error) => AdmitEvent::Failed(Fault::from(&error)),
                },
                AdmitEffect::Pause(ceiling) => {
                    pause(ceiling).await;
                    AdmitEvent::Paused
                }
            };
            match machine.step(event, now()) {
                AdmitStep::Do(next) => effect = next,
                AdmitStep::Done(Ok(grant)) => break grant,
                AdmitStep::Done(Err(NotAdmitted::Unanswered)) => {
                    return self.admit_unanswered(key, &machine, address).await;
                }
                AdmitStep::Done(Err(NotAdmitted::Denied(denial))) => {
                    if machine.is_uncertain() {
                        self.give_back(key.id(), request, machine.asked(), true).await;
                    }
                    return Err(self.refuse(key, &denial, rates));
                }
            }
        };
        if !network::allows(&grant.key.cidrs, address) {
            self.give_back(key.id(), request, &grant.hold, grant.uncertain).await;
            return Err(refusal::address());
        }
        Ok(self.permit(key, *grant))
    }

    /// Admits a request from memory after the table did not answer. The unanswered write may have taken the hold, so either
    /// the end of the request or its refusal releases it.
    async fn admit_unanswered(
        &self,
        key: &ApiKey,
        machine: &Admitting,
        address: Option<IpAddr>,
    ) -> Result<Permit, GatewayError> {
        let (demand, asked) = (machine.demand(), machine.asked());
        let unanswered = StoreError::Unavailable("no admission was answered".into());
        let known = self.fall_back(key, &unanswered).and_then(|known| known.for_model(&demand.model)?.at(address));
        match known {
            Ok(key) => {
                let reservation = Reservation { hold: Some(asked.clone()), uncertain: true };
                Ok(Permit { key, reservation, output_tokens: u64::MAX, rates: None })
            }
            Err(error) => {
                self.give_back(key.id(), demand.request, asked, true).await;
                Err(error)
            }
        }
    }

    /// Takes one request of a key's rate for a free endpoint, if the key may be used from this address and for this model.
    /// Returns what is left of the rates, or `None` if requests are not limited or the table does not answer.
    pub async fn take_request(
        &self,
        key: &ApiKey,
        model: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Rates>, GatewayError> {
        let known = self.recognise(key).await?.for_model(model)?;
        let is_limited = known.limits_requests;
        known.at(address)?;
        if !is_limited {
            return Ok(None);
        }
        self.refuse_again(key, model, None)?;
        let seen = self.memory.window(key.digest());
        let mut taking = Taking::begin(key.id().clone(), key.digest(), model, seen, now());
        loop {
            let (denial, rates) = match self.store.take_request(taking.write()).await {
                Ok(Conditional::Written(stored)) => {
                    self.memory.see(key.digest(), &stored, Sight::Counted);
                    return Ok(Some(Rates::of(&stored)));
                }
                Ok(Conditional::Refused(old)) => {
                    let rates = old.as_deref().map(|old| self.rates_of_refused(key, old));
                    (taking.refused(old.as_deref(), now()).err(), rates)
                }
                Err(StoreError::Malformed(cause)) => return Err(GatewayError::internal(cause)),
                Err(error) => match taking.failed(Fault::from(&error)) {
                    Ok(ceiling) => {
                        pause(ceiling).await;
                        (None, None)
                    }
                    Err(NotAdmitted::Unanswered) => return self.fall_back(key, &error).map(|_| None),
                    Err(NotAdmitted::Denied(denial)) => (Some(denial), None),
                },
            };
            if let Some(denial) = denial {
                return Err(self.refuse(key, &denial, rates));
            }
        }
    }

    /// Undoes an admission that may have taken a hold. If this fails, the hold expires by itself. `uncertain` is whether a
    /// late duplicate of the admission may still arrive.
    async fn give_back(&self, key: &KeyId, request: RequestId, hold: &Hold, uncertain: bool) {
        let release = ReleaseWrite {
            key: key.clone(),
            request,
            place: Place::Holds,
            hold: hold.clone(),
            refund: i128::try_from(hold.amount.pico()).unwrap_or(i128::MAX),
            tokens: None,
            mark: uncertain.then_some(hold.expires),
        };
        // The client waits for this.
        match timeout(GIVE_BACK, self.store.release(&release)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%key, %request, cause = %error.reason(), "a refused request's hold was not released");
            }
            Err(_) => tracing::warn!(%key, %request, "a refused request's hold was not released in time"),
        }
    }

    fn permit(&self, key: &ApiKey, grant: Grant) -> Permit {
        let Grant { hold, output_tokens, uncertain, key: stored } = grant;
        let Recognised { key, .. } = self.remember(key, &stored, Sight::Counted);
        let reservation = Reservation { hold: Some(hold), uncertain };
        Permit { key, reservation, output_tokens, rates: Some(Rates::of(&stored)) }
    }

    fn remember(&self, key: &ApiKey, stored: &StoredKey, sight: Sight) -> Recognised {
        let known = Recognised::of(key.id(), stored);
        self.memory.remember(key.digest(), known.clone());
        self.memory.see(key.digest(), stored, sight);
        known
    }

    /// The rates of a key whose write was refused. This also confirms the holder of the key.
    fn rates_of_refused(&self, key: &ApiKey, old: &StoredKey) -> Rates {
        let now = now();
        if old.admits(key.digest(), u128::from(now)) {
            self.remember(key, old, Sight::Other);
        }
        Rates::at(old, now)
    }

    /// A denial for the client, with the remaining rates if the key is known by now.
    fn refuse(&self, key: &ApiKey, denial: &Denial, rates: Option<Rates>) -> GatewayError {
        let rates = rates.filter(|_| refusal::is_of_a_known_key(denial));
        self.memory.refuse(key.digest(), denial, rates.as_ref());
        with_rates(refusal::of(denial), rates.as_ref())
    }

    /// Refuses a key that was unknown a moment ago.
    fn refuse_unknown_key(&self, key: &ApiKey) -> Result<(), GatewayError> {
        if self.memory.is_unauthorized(key.digest()) { Err(GatewayError::unauthorized()) } else { Ok(()) }
    }

    /// Refuses a request if the table refused the same a moment ago and would refuse it again. If the key may not use the
    /// model, the table decides, because it refuses such a request for another reason. `needed` is the smallest amount held
    /// for the request.
    fn refuse_again(&self, key: &ApiKey, model: &str, needed: Option<PicoUsd>) -> Result<(), GatewayError> {
        let (memory, digest) = (&self.memory, key.digest());
        if !memory.may_use(digest, model) {
            return Ok(());
        }
        let refused = memory.used_up(digest, now()).or_else(|| memory.uncovered(digest, needed?));
        refused.map_or(Ok(()), |(denial, rates)| Err(with_rates(refusal::of(&denial), rates.as_ref())))
    }

    /// A key that is known although the table does not answer.
    fn fall_back(&self, key: &ApiKey, error: &StoreError) -> Result<Recognised, GatewayError> {
        let stale = self.memory.stale(key.digest()).filter(|_| !matches!(error, StoreError::Malformed(_)));
        let known = stale.ok_or_else(|| unanswered(error))?;
        tracing::warn!(key = %known.key.id, cause = %error.reason(), "admitted from memory");
        Ok(known)
    }
}

/// The error for a client that the table did not identify.
fn unanswered(error: &StoreError) -> GatewayError {
    match error {
        StoreError::Malformed(cause) => GatewayError::internal(cause.clone()),
        StoreError::Throttled(_) => refusal::of(&Denial::Busy).with_cause(error.reason().clone()),
        StoreError::Unavailable(_) | StoreError::Condition(_) => GatewayError::unavailable(error.reason().clone()),
    }
}

/// Waits for a random time, at most this many milliseconds.
async fn pause(ceiling: u64) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=ceiling))).await;
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
