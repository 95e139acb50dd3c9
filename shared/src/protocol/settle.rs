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

/// The next action: the caller does it and reports the result as a [`SettleEvent`]. `R` is the caller's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleEffect<R> {
    /// Store this record and its rollup, if the record does not exist.
    PutRecord(R),
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
pub enum SettleStep<R> {
    /// Do this, then report the result.
    Do(SettleEffect<R>),
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

/// A settlement in progress, of a request whose record is an `R`.
#[derive(Clone, Debug)]
pub struct Settling<R> {
    claim: Claim,
    stage: Stage,
    last: SettleEffect<R>,
    tries: u32,
}

/// What is still to be done.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The record is to be stored, then the hold ends.
    Recording,
    /// Only the hold is to end.
    Releasing,
}

impl<R: Clone> Settling<R> {
    /// Begins the settlement of a request with a record, at a time in seconds since the epoch.
    pub fn begin(
        request: KeyedRequest,
        reservation: Reservation,
        record: R,
        charge: Charge,
        now: u64,
    ) -> (Self, SettleEffect<R>) {
        let claim = Claim { request, reservation, charge, now };
        let first = SettleEffect::PutRecord(record);
        (Self { claim, stage: Stage::Recording, last: first.clone(), tries: 0 }, first)
    }

    /// Begins to return everything that a request took, if it never reached a provider. Such a request has no record.
    /// Returns `None` if it took nothing.
    pub fn withdraw(request: KeyedRequest, reservation: Reservation, now: u64) -> Option<(Self, SettleEffect<R>)> {
        let claim = Claim { request, reservation, charge: Charge::default(), now };
        let first = SettleEffect::Release(claim.release(Place::Holds, Tokens::Return)?);
        Some((Self { claim, stage: Stage::Releasing, last: first.clone(), tries: 0 }, first))
    }

    /// The key.
    pub const fn key(&self) -> &KeyId {
        &self.claim.request.key
    }

    /// The request.
    pub const fn request(&self) -> RequestId {
        self.claim.request.id
    }

    /// How it ends if there is no time for another effect.
    pub const fn given_up(&self) -> Settled {
        match self.stage {
            Stage::Recording => Settled::RecordLost,
            Stage::Releasing => Settled::HoldLeft,
        }
    }

    /// Continues with the result of the last effect.
    pub fn step(&mut self, event: SettleEvent) -> SettleStep<R> {
        match event {
            SettleEvent::Stored => self.release(Place::Holds, Tokens::Return),
            SettleEvent::AlreadyStored => self.go(SettleEffect::ReadCharge),
            SettleEvent::Charge(Some(charged)) => {
                self.claim.charge.amount = charged;
                self.release(Place::Holds, Tokens::Return)
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

    fn go(&mut self, effect: SettleEffect<R>) -> SettleStep<R> {
        self.last = effect.clone();
        SettleStep::Do(effect)
    }

    fn release(&mut self, place: Place, tokens: Tokens) -> SettleStep<R> {
        self.stage = Stage::Releasing;
        match self.claim.release(place, tokens) {
            Some(write) => self.go(SettleEffect::Release(write)),
            None => SettleStep::Done(Settled::Done),
        }
    }

    /// Looks for a hold that was not found: a dead one was moved to `expired`, and a released one is gone.
    fn look_elsewhere(&mut self, old: Option<&StoredKey>) -> SettleStep<R> {
        let Some(old) = old else { return SettleStep::Done(Settled::Done) };
        let request = self.request();
        let (place, hold) = match (old.holds.get(&request), old.expired.get(&request)) {
            (Some(hold), _) => (Place::Holds, hold),
            (None, Some(Expired::Dead(hold))) => (Place::Expired, hold),
            (None, Some(Expired::Released(_)) | None) => return SettleStep::Done(Settled::Done),
        };
        // The table says what was taken, and that amount is returned.
        self.claim.reservation.hold = Some(hold.clone());
        self.release(place, Tokens::Keep)
    }
}

/// What a request took from its key, and what it owes.
#[derive(Clone, Debug)]
struct Claim {
    request: KeyedRequest,
    reservation: Reservation,
    charge: Charge,
    now: u64,
}

/// Whether a release also gives unused tokens back to the key's minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tokens {
    Return,
    Keep,
}

impl Claim {
    /// The write that ends the hold; `None` without a hold.
    fn release(&self, place: Place, tokens: Tokens) -> Option<ReleaseWrite> {
        let hold = self.reservation.hold.as_ref()?;
        let signed = |amount: PicoUsd| i128::try_from(amount.pico()).unwrap_or(i128::MAX);
        let unused = hold.tokens.saturating_sub(self.charge.tokens);
        // Tokens are returned only within their own minute, by this process's clock. A condition on the key's minute would
        // refuse the whole release once the minute is over.
        let is_of_now = self.now < hold.window.saturating_add(WINDOW);
        let is_returned = tokens == Tokens::Return && unused > 0 && is_of_now;
        Some(ReleaseWrite {
            key: self.request.key.clone(),
            request: self.request.id,
            place,
            hold: hold.clone(),
            refund: signed(hold.amount).saturating_sub(signed(self.charge.amount)),
            tokens: is_returned.then_some((hold.window, unused)),
            mark: self.reservation.uncertain.then_some(self.now.saturating_add(MARK)),
        })
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
            let (mut machine, _) = Settling::begin(request, reservation, (), charge, now);
            let SettleStep::Do(SettleEffect::Release(write)) = machine.step(SettleEvent::Stored) else { panic!() };
            assert_eq!(write.tokens, expected, "{now}");
        }
    }
}
