//! Admission: authentication, rates, concurrency and balance in one write, and how to react to a refusal.

use super::{Fault, ROUNDS, SeenWindow, TRIES, WINDOW, Window, signed};
use crate::ids::{KeyDigest, KeyId, RequestId};
use crate::money::{PicoUsd, SignedPicoUsd};
use crate::store::items::{AdmitWrite, Eviction, HeldModel, Hold, StoredKey};

/// Maximum number of dead holds that one write moves, because DynamoDB limits the size of an expression.
const MOST_DEAD: usize = 25;

/// The maximum price of a token in pico-dollars, before the markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldPrice {
    /// Price of a prompt token.
    pub input: u64,
    /// Price of a generated token.
    pub output: u64,
    /// The markup on both prices, in thousandths.
    pub markup_permille: u32,
}

impl HoldPrice {
    /// The amount for this many tokens, rounded up.
    pub fn amount(self, input_tokens: u64, output_tokens: u64) -> PicoUsd {
        let tokens = |count: u64, price: u64| u128::from(count).saturating_mul(u128::from(price));
        let price = tokens(input_tokens, self.input).saturating_add(tokens(output_tokens, self.output));
        PicoUsd::new(price).with_markup(self.markup_permille)
    }

    /// The maximum output tokens within an amount.
    pub fn affordable(self, amount: i128, input_tokens: u64) -> u64 {
        let Ok(amount) = u128::try_from(amount) else { return 0 };
        let before_markup = amount.saturating_mul(1_000).checked_div(1_000 + u128::from(self.markup_permille)).unwrap_or(0);
        let input = u128::from(input_tokens).saturating_mul(u128::from(self.input));
        let left = before_markup.saturating_sub(input).checked_div(u128::from(self.output).max(1)).unwrap_or(0);
        u64::try_from(left).unwrap_or(u64::MAX)
    }
}

/// What a request needs from its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The key.
    pub key: KeyId,
    /// SHA-256 of the whole key as sent by the client.
    pub digest: KeyDigest,
    /// The request.
    pub request: RequestId,
    /// The public model id.
    pub model: String,
    /// Maximum prompt tokens.
    pub input_tokens: u64,
    /// The output tokens that count against the token rate.
    pub output_tokens: u64,
    /// The output tokens that the amount covers: more than `output_tokens` if the body has no limit.
    pub paid_output: u64,
    /// The fewest output tokens with which the request is still worth sending.
    pub least_output: u64,
    /// The price of the tokens.
    pub price: HoldPrice,
    /// Seconds until the hold is dead: longer than any process can live.
    pub lease: u64,
}

impl Demand {
    /// The smallest balance that admits it: its prompt, and the fewest useful output tokens.
    pub fn least_amount(&self) -> PicoUsd {
        self.price.amount(self.input_tokens, self.output_tokens.min(self.least_output))
    }
}

/// An admitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its hold.
    pub hold: Hold,
    /// Its output tokens: fewer than requested if balance or rate did not cover more.
    pub output_tokens: u64,
    /// Whether a late duplicate of the write may still arrive.
    pub uncertain: bool,
    /// The key after the write.
    pub key: StoredKey,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No such key, or no longer valid.
    Unauthorized,
    /// The key may not use the model, only these.
    Model(Vec<String>),
    /// Too many requests in this minute; seconds until the next minute.
    Requests(u64),
    /// Too many tokens in this minute; seconds until the next minute.
    Tokens(u64),
    /// The prompt alone exceeds a whole minute's tokens.
    TokensNever(u128),
    /// Too many parallel requests.
    Concurrency(u128),
    /// The balance does not cover the request.
    Balance {
        /// The smallest amount that would have been held.
        needed: PicoUsd,
        /// The balance of the key; negative if the operator subtracted more than was left.
        left: SignedPicoUsd,
    },
    /// The key's item is throttled.
    Busy,
    /// The key's item changed at every attempt.
    Contended,
}

/// Why a key did not give what a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The request is refused.
    Denied(Denial),
    /// The table does not answer. The write may have been done.
    Unanswered,
}

impl From<Denial> for NotAdmitted {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl NotAdmitted {
    /// The reason after the last of several writes that failed like this.
    pub(super) const fn after(fault: Fault) -> Self {
        match fault {
            Fault::Throttled => Self::Denied(Denial::Busy),
            Fault::Unknown => Self::Unanswered,
        }
    }
}

/// The next action: the caller does it and reports the result as an [`AdmitEvent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmitEffect {
    /// Send this conditional write to the table.
    Write(Box<AdmitWrite>),
    /// A pause of random length, at most this many milliseconds.
    Pause(u64),
}

/// The result of an [`AdmitEffect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmitEvent {
    /// The write was done; the key after it.
    Written(Box<StoredKey>),
    /// Its condition failed; the key as it was, if it exists.
    Refused(Option<Box<StoredKey>>),
    /// The table did not answer, for this reason.
    Failed(Fault),
    /// The pause is over.
    Paused,
}

/// The next action, or the end of the admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmitStep {
    /// Do this, then report its result.
    Do(AdmitEffect),
    /// The request is admitted, or not.
    Done(Result<Box<Grant>, NotAdmitted>),
}

/// An admission in progress.
#[derive(Clone, Debug)]
pub struct Admitting {
    demand: Demand,
    write: AdmitWrite,
    output_tokens: u64,
    rounds: u32,
    tries: u32,
    uncertain: bool,
}

impl Admitting {
    /// Begins an admission at a time in seconds since the epoch, with the key's minute as this process last saw it.
    pub fn begin(demand: Demand, seen: Option<SeenWindow>, now: u64) -> (Self, AdmitEffect) {
        let output_tokens = demand.output_tokens;
        let (window, reset) = SeenWindow::first_write(seen, now);
        let hold = Hold { window, ..hold(&demand, output_tokens, now) };
        let write = AdmitWrite {
            key: demand.key.clone(),
            digest: demand.digest,
            request: demand.request,
            model: demand.model.clone(),
            hold,
            now,
            reset,
            eviction: None,
        };
        let machine = Self { demand, write: write.clone(), output_tokens, rounds: 0, tries: 0, uncertain: false };
        (machine, AdmitEffect::Write(Box::new(write)))
    }

    /// What the request needs.
    pub const fn demand(&self) -> &Demand {
        &self.demand
    }

    /// The hold that was last requested. After writes without an answer it may exist.
    pub const fn asked(&self) -> &Hold {
        &self.write.hold
    }

    /// Whether a write without an answer may have been done.
    pub const fn is_uncertain(&self) -> bool {
        self.uncertain
    }

    /// Continues with the result of the last effect.
    pub fn step(&mut self, event: AdmitEvent, now: u64) -> AdmitStep {
        match event {
            AdmitEvent::Written(key) => self.granted(*key),
            AdmitEvent::Refused(old) => self.refused(old.map(|old| *old), now),
            AdmitEvent::Failed(fault) => {
                self.tries = self.tries.saturating_add(1);
                self.uncertain |= fault == Fault::Unknown;
                if self.tries < TRIES {
                    return AdmitStep::Do(AdmitEffect::Pause(25_u64 << self.tries));
                }
                AdmitStep::Done(Err(NotAdmitted::after(fault)))
            }
            AdmitEvent::Paused => AdmitStep::Do(AdmitEffect::Write(Box::new(self.write.clone()))),
        }
    }

    fn granted(&self, key: StoredKey) -> AdmitStep {
        let hold = self.write.hold.clone();
        AdmitStep::Done(Ok(Box::new(Grant { hold, output_tokens: self.output_tokens, uncertain: self.uncertain, key })))
    }

    fn refused(&mut self, old: Option<StoredKey>, now: u64) -> AdmitStep {
        let Some(old) = old.filter(|old| old.admits(self.demand.digest, u128::from(now))) else {
            return AdmitStep::Done(Err(Denial::Unauthorized.into()));
        };
        if let Some(hold) = old.holds.get(&self.demand.request) {
            // A write whose answer was lost; it may be an earlier, larger one.
            self.output_tokens = hold.tokens.saturating_sub(self.demand.input_tokens);
            self.write.hold = hold.clone();
            return self.granted(old);
        }
        if !old.allows(&self.demand.model) {
            return AdmitStep::Done(Err(Denial::Model(old.models.clone()).into()));
        }
        if old.expired.contains_key(&self.demand.request) || self.rounds >= ROUNDS {
            return AdmitStep::Done(Err(Denial::Contended.into()));
        }
        self.rounds = self.rounds.saturating_add(1);
        match self.adapt(&old, now) {
            Ok(()) => AdmitStep::Do(AdmitEffect::Write(Box::new(self.write.clone()))),
            Err(denial) => AdmitStep::Done(Err(denial.into())),
        }
    }

    /// Adapts the write to the key as it was, or returns the reason for a refusal.
    fn adapt(&mut self, old: &StoredKey, now: u64) -> Result<(), Denial> {
        let window = Window::of(old, now);
        let eviction = eviction(old, now)?;
        if window.requests(old) < 1 {
            return Err(Denial::Requests(window.wait));
        }
        let input = i128::from(self.demand.input_tokens);
        if input.saturating_add(i128::from(self.demand.least_output)) > signed(old.tpm) {
            return Err(Denial::TokensNever(old.tpm));
        }
        let by_rate = u64::try_from(window.tokens(old).saturating_sub(input).max(0)).unwrap_or(u64::MAX);
        let by_balance = self.demand.price.affordable(old.balance, self.demand.input_tokens);
        let output = self.demand.output_tokens;
        let needed = self.demand.least_amount();
        if u128::try_from(old.balance).map_or(true, |left| left < needed.pico()) {
            return Err(Denial::Balance { needed, left: SignedPicoUsd::new(old.balance) });
        }
        if by_rate < output.min(self.demand.least_output) {
            return Err(Denial::Tokens(window.wait));
        }
        self.output_tokens = output.min(by_rate).min(by_balance);
        if old.prepaid {
            // The body of a prepaid key gets a limit, even if it was measured without one.
            self.demand.paid_output = output;
        }
        self.write.hold = hold(&self.demand, self.output_tokens, now);
        self.write.hold.window = window.start;
        (self.write.now, self.write.reset, self.write.eviction) = (now, window.reset, eviction);
        Ok(())
    }
}

/// The dead holds that the write must move. While a slot is free, none has to be moved.
fn eviction(old: &StoredKey, now: u64) -> Result<Option<Eviction>, Denial> {
    if (old.holds.len() as u128) < old.max_concurrent {
        return Ok(None);
    }
    let is_dead = |(_, hold): &(&RequestId, &Hold)| hold.expires <= now;
    let dead: Vec<(RequestId, Hold)> = old
        .holds
        .iter()
        .filter(is_dead)
        .filter(|(request, _)| !old.expired.contains_key(request))
        .take(MOST_DEAD)
        .map(|(request, hold)| (*request, hold.clone()))
        .collect();
    let slots = old.max_concurrent.saturating_add(dead.len() as u128);
    let has_room = (old.holds.len() as u128) < slots;
    if has_room { Ok(Some(Eviction { dead, slots })) } else { Err(Denial::Concurrency(old.max_concurrent)) }
}

fn hold(demand: &Demand, output_tokens: u64, now: u64) -> Hold {
    // A body with fewer output tokens than requested has a limit.
    let paid_output = if output_tokens < demand.output_tokens { output_tokens } else { demand.paid_output };
    Hold {
        expires: now.saturating_add(demand.lease),
        window: now - now % WINDOW,
        amount: demand.price.amount(demand.input_tokens, paid_output),
        tokens: demand.input_tokens.saturating_add(output_tokens),
        model: HeldModel::of(&demand.model),
    }
}
