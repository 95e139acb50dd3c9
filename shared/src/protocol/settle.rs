//! Settlement: first writes the record once, then releases the hold by the charge of the stored record.

use super::{Fault, WINDOW};
use crate::ids::{KeyId, RequestId};
use crate::money::PicoUsd;
use crate::store::items::{Expired, Hold, Place, ReleaseWrite, StoredKey};

/// How often a write without an answer is sent in one settlement.
const TRIES: u32 = 8;
/// Pauses between them in milliseconds: full jitter, up to a ceiling that doubles from the first to the last.
const FIRST_PAUSE: u64 = 20;
const LONGEST_PAUSE: u64 = 400;
/// Lifetime of the mark of an uncertain admission, in seconds.
const MARK: u64 = 60;

/// The next action: the caller does it and reports the result as a [`SettleEvent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleEffect {
    /// Store the record and its rollup, if the record does not exist.
    PutRecord,
    /// Read the charge of the stored record.
    ReadCharge,
    /// End the hold.
    Release(ReleaseWrite),
    /// A pause of random length, at most this many milliseconds.
    Pause(u64),
}

/// The result of a [`SettleEffect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleEvent {
    /// This write stored the record.
    Stored,
    /// The record already existed.
    AlreadyStored,
    /// The charge of the stored record; `None` if there is none.
    Charge(Option<PicoUsd>),
    /// The hold has ended.
    Released,
    /// The hold was not found; the key as it was.
    NotThere(Option<Box<StoredKey>>),
    /// The table did not answer, for this reason.
    Failed(Fault),
    /// The pause is over.
    Paused,
}

/// How a settlement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The record is stored and the hold ended.
    Done,
    /// The record is stored; the hold ends when it expires.
    HoldLeft,
    /// It is unknown whether the record is stored: the log line is the record.
    RecordLost,
}

/// The next action, or the end of the settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleStep {
    /// Do this, then report the result.
    Do(SettleEffect),
    /// The settlement has ended like this.
    Done(Settled),
}

/// A request and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyedRequest {
    /// The key.
    pub key: KeyId,
    /// The request.
    pub id: RequestId,
}

/// What a request took from its key, and the settlement returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The hold; `None` for a request that was admitted from memory.
    pub hold: Option<Hold>,
    /// Whether a late duplicate of the admission may still arrive.
    pub uncertain: bool,
}

/// The result of a request, by its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// What the client pays, markup included.
    pub amount: PicoUsd,
    /// Tokens that the request used.
    pub tokens: u64,
}

/// A settlement in progress.
#[derive(Clone, Debug)]
pub struct Settling {
    request: KeyedRequest,
    reservation: Reservation,
    charge: Charge,
    now: u64,
    last: SettleEffect,
    recorded: bool,
    tries: u32,
}

impl Settling {
    /// Begins a settlement at a time in seconds since the epoch.
    pub fn begin(request: KeyedRequest, reservation: Reservation, charge: Charge, now: u64) -> (Self, SettleEffect) {
        let last = SettleEffect::PutRecord;
        let machine = Self { request, reservation, charge, now, last: last.clone(), recorded: false, tries: 0 };
        (machine, last)
    }

    /// Returns everything that a request took, if it never reached a provider.
    pub fn withdraw(request: KeyedRequest, reservation: Reservation, now: u64) -> (Self, SettleStep) {
        let (mut machine, _) = Self::begin(request, reservation, Charge::default(), now);
        machine.recorded = true;
        let first = machine.release(Place::Holds, true);
        (machine, first)
    }

    /// The key.
    pub const fn key(&self) -> &KeyId {
        &self.request.key
    }

    /// The request.
    pub const fn request(&self) -> RequestId {
        self.request.id
    }

    /// How it ends if there is no time for another effect.
    pub const fn given_up(&self) -> Settled {
        if self.recorded { Settled::HoldLeft } else { Settled::RecordLost }
    }

    /// Continues with the result of the last effect.
    pub fn step(&mut self, event: SettleEvent) -> SettleStep {
        match event {
            SettleEvent::Stored => {
                self.recorded = true;
                self.release(Place::Holds, true)
            }
            SettleEvent::AlreadyStored => self.go(SettleEffect::ReadCharge),
            SettleEvent::Charge(Some(charged)) => {
                self.recorded = true;
                self.charge.amount = charged;
                self.release(Place::Holds, true)
            }
            // The record was deleted in between, so there is nothing to settle against.
            SettleEvent::Charge(None) => SettleStep::Done(Settled::HoldLeft),
            SettleEvent::Released => SettleStep::Done(Settled::Done),
            SettleEvent::NotThere(old) => self.look_elsewhere(old.as_deref()),
            SettleEvent::Failed(Fault::Throttled | Fault::Unknown) => {
                self.tries = self.tries.saturating_add(1);
                if self.tries < TRIES {
                    let ceiling = (FIRST_PAUSE << self.tries.min(8)).min(LONGEST_PAUSE);
                    return SettleStep::Do(SettleEffect::Pause(ceiling));
                }
                SettleStep::Done(self.given_up())
            }
            SettleEvent::Paused => SettleStep::Do(self.last.clone()),
        }
    }

    fn go(&mut self, effect: SettleEffect) -> SettleStep {
        self.last = effect.clone();
        SettleStep::Do(effect)
    }

    fn release(&mut self, place: Place, with_tokens: bool) -> SettleStep {
        let Some(hold) = &self.reservation.hold else { return SettleStep::Done(Settled::Done) };
        let signed = |amount: PicoUsd| i128::try_from(amount.pico()).unwrap_or(i128::MAX);
        let unused = hold.tokens.saturating_sub(self.charge.tokens);
        // Tokens are returned only within their own minute. Asking whether the key is still in it would be a write that is
        // refused otherwise.
        let is_of_now = self.now < hold.window.saturating_add(WINDOW);
        let release = ReleaseWrite {
            key: self.request.key.clone(),
            request: self.request.id,
            place,
            hold: hold.clone(),
            refund: signed(hold.amount).saturating_sub(signed(self.charge.amount)),
            tokens: (with_tokens && unused > 0 && is_of_now).then_some((hold.window, unused)),
            mark: self.reservation.uncertain.then_some(self.now.saturating_add(MARK)),
        };
        self.go(SettleEffect::Release(release))
    }

    /// The hold was not found, or its minute is over: a dead hold was moved, and a released one is gone.
    fn look_elsewhere(&mut self, old: Option<&StoredKey>) -> SettleStep {
        let Some(old) = old else { return SettleStep::Done(Settled::Done) };
        let (place, hold) = match (old.holds.get(&self.request.id), old.expired.get(&self.request.id)) {
            (Some(hold), _) => (Place::Holds, hold),
            (None, Some(Expired::Dead(hold))) => (Place::Expired, hold),
            (None, Some(Expired::Released(_)) | None) => return SettleStep::Done(Settled::Done),
        };
        // The table says what was taken, and that amount is returned.
        self.reservation.hold = Some(hold.clone());
        self.release(place, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::items::HeldModel;

    #[test]
    fn tokens_are_given_back_within_their_minute_and_not_asked_for_after_it() {
        let key = KeyId::parse("0123456789abcdef").unwrap();
        let hold = Hold { expires: 1_600, window: 600, amount: PicoUsd::new(9), tokens: 50, model: HeldModel::of("one") };
        for (now, expected) in [(600, Some((600, 30))), (659, Some((600, 30))), (660, None)] {
            let request = KeyedRequest { key: key.clone(), id: RequestId::generate() };
            let reservation = Reservation { hold: Some(hold.clone()), uncertain: false };
            let charge = Charge { amount: PicoUsd::new(1), tokens: 20 };
            let (mut machine, _) = Settling::begin(request, reservation, charge, now);
            let SettleStep::Do(SettleEffect::Release(write)) = machine.step(SettleEvent::Stored) else { panic!() };
            assert_eq!(write.tokens, expected, "{now}");
        }
    }
}
