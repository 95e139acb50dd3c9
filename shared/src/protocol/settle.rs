//! Settlement: the record first, once; then the hold, by what the stored record says.

use super::{Fault, WINDOW};
use crate::ids::{KeyId, RequestId};
use crate::money::PicoUsd;
use crate::store::items::{Expired, Hold, Place, ReleaseWrite, StoredKey};

/// Times that a write without an answer is sent, over the whole settlement.
const TRIES: u32 = 8;
/// Pauses between them, in milliseconds: full jitter up to a ceiling that doubles from the first to the last.
const FIRST_PAUSE: u64 = 20;
const LONGEST_PAUSE: u64 = 400;
/// How long the mark of an uncertain admission stays, in seconds.
const MARK: u64 = 60;

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleEffect {
    /// Store the record and its rollup, if the record is not there.
    PutRecord,
    /// Read what the stored record charges.
    ReadCharge,
    /// End the hold.
    Release(ReleaseWrite),
    /// A pause of a random length below so many milliseconds.
    Pause(u64),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleEvent {
    /// The record is stored by this write.
    Stored,
    /// There was a record already.
    AlreadyStored,
    /// What the stored record charges; `None` when there is none.
    Charge(Option<PicoUsd>),
    /// The hold has ended.
    Released,
    /// It was not where it was looked for; the key as it was.
    NotThere(Option<Box<StoredKey>>),
    /// No answer.
    Failed(Fault),
    /// The pause is over.
    Paused,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Record stored, hold ended.
    Done,
    /// The record is stored; the hold ends when it expires.
    HoldLeft,
    /// Not even the record is known to be stored: the log line is the record.
    RecordLost,
}

/// The next effect, or the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleStep {
    /// Do this and say what became of it.
    Do(SettleEffect),
    /// The end.
    Done(Settled),
}

/// A request, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyedRequest {
    /// Whose it is.
    pub key: KeyId,
    /// Which it is.
    pub id: RequestId,
}

/// What a request took from its key, for the settlement to give back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The hold; `None` for a request that was let in from memory.
    pub hold: Option<Hold>,
    /// Whether a late duplicate of the admission may still come.
    pub uncertain: bool,
}

/// What a request comes to, by its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// What is charged.
    pub amount: PicoUsd,
    /// Tokens that the request really used.
    pub tokens: u64,
}

/// A settlement under way.
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

    /// Gives back everything a request took that never reached a provider.
    pub fn withdraw(request: KeyedRequest, reservation: Reservation, now: u64) -> (Self, SettleStep) {
        let (mut machine, _) = Self::begin(request, reservation, Charge::default(), now);
        machine.recorded = true;
        let first = machine.release(Place::Holds, true);
        (machine, first)
    }

    /// Whose request it is.
    pub const fn key(&self) -> &KeyId {
        &self.request.key
    }

    /// Which request it is.
    pub const fn request(&self) -> RequestId {
        self.request.id
    }

    /// How it ends when there is no time for another effect.
    pub const fn given_up(&self) -> Settled {
        if self.recorded { Settled::HoldLeft } else { Settled::RecordLost }
    }

    /// Goes on from what became of the last effect.
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
            // It was deleted in between: nothing is left to settle against.
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
        // Tokens of a minute that is over are nobody's any more. Asking whether the key is still in it would be a write that is
        // refused whenever it is not.
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

    /// The hold was not there, or its window is over: a dead hold moves, and one that was released is gone.
    fn look_elsewhere(&mut self, old: Option<&StoredKey>) -> SettleStep {
        let Some(old) = old else { return SettleStep::Done(Settled::Done) };
        let (place, hold) = match (old.holds.get(&self.request.id), old.expired.get(&self.request.id)) {
            (Some(hold), _) => (Place::Holds, hold),
            (None, Some(Expired::Dead(hold))) => (Place::Expired, hold),
            (None, Some(Expired::Released(_)) | None) => return SettleStep::Done(Settled::Done),
        };
        // What is given back is what the table says was taken.
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
