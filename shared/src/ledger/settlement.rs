//! Writes a record and ends its hold, by running the settlement protocol.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::ids::{KeyId, RequestId};
use crate::protocol::{Charge, Fault, KeyedRequest, Reservation, SettleEffect, SettleEvent, SettleStep, Settled, Settling};
use crate::store::items::Record;
use crate::store::{Conditional, Store, StoreError, Stored};

/// Maximum time that a settlement may delay the end of a body.
pub const LONGEST_SETTLEMENT: Duration = Duration::from_secs(4);
/// How long before its function is killed a request ends: a settlement, and a second for the client's last event.
pub const BEFORE_KILL: Duration = Duration::from_secs(LONGEST_SETTLEMENT.as_secs() + 1);

/// Stores a record exactly once, however often it is tried, and ends its hold.
pub async fn store_record(store: &Store, record: &Record, reservation: &Reservation) -> Settled {
    let used = record.usage.total_input().saturating_add(record.usage.output);
    let request = KeyedRequest { key: record.key.clone(), id: record.request };
    let charge = Charge { amount: record.charged, tokens: used };
    let (machine, first) = Settling::begin(request, reservation.clone(), record, charge, seconds());
    drive(store, machine, first).await
}

/// Returns the hold of a request that never reached a provider. It leaves no record.
pub async fn withdraw(store: &Store, key: &KeyId, request: RequestId, reservation: &Reservation) -> Settled {
    let request = KeyedRequest { key: key.clone(), id: request };
    match Settling::withdraw(request, reservation.clone(), seconds()) {
        Some((machine, first)) => drive(store, machine, first).await,
        None => Settled::Done,
    }
}

/// Runs the machine until it is done, or until the time limit.
async fn drive(store: &Store, mut machine: Settling<&Record>, mut effect: SettleEffect<&Record>) -> Settled {
    let end = Instant::now() + LONGEST_SETTLEMENT;
    loop {
        let Ok(event) = timeout_at(end, perform(store, &machine, effect)).await else {
            tracing::warn!(request = %machine.request(), "settlement timed out");
            return machine.given_up();
        };
        match machine.step(event) {
            SettleStep::Do(next) => effect = next,
            SettleStep::Done(settled) => return settled,
        }
    }
}

async fn perform(store: &Store, machine: &Settling<&Record>, effect: SettleEffect<&Record>) -> SettleEvent {
    match effect {
        SettleEffect::PutRecord(record) => match store.put_record(record).await {
            Ok(Stored::New) => SettleEvent::Stored,
            Ok(Stored::Already) => SettleEvent::AlreadyStored,
            Err(error) => failed(machine, &error),
        },
        SettleEffect::ReadCharge => match store.charge(machine.key(), machine.request()).await {
            Ok(charged) => SettleEvent::Charge(charged),
            Err(error) => failed(machine, &error),
        },
        SettleEffect::Release(write) => match store.release(&write).await {
            Ok(Conditional::Written(_)) => SettleEvent::Released,
            Ok(Conditional::Refused(old)) => SettleEvent::NotThere(old),
            Err(error) => failed(machine, &error),
        },
        SettleEffect::Pause(ceiling) => {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=ceiling))).await;
            SettleEvent::Paused
        }
    }
}

fn failed(machine: &Settling<&Record>, error: &StoreError) -> SettleEvent {
    tracing::warn!(request = %machine.request(), cause = %error.reason(), "settlement failed");
    SettleEvent::Failed(Fault::from(error))
}

fn seconds() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::PicoUsd;
    use crate::store::items::{HeldModel, Hold};
    use crate::store::tests::silent;

    #[tokio::test(start_paused = true)]
    async fn a_settlement_that_is_not_answered_ends_after_four_seconds() {
        let (_table, store) = silent();
        let key = KeyId::parse("0123456789abcdef").unwrap();
        let hold = Hold { expires: 60, window: 0, amount: PicoUsd::new(77), tokens: 5, model: HeldModel::of("gpt-5-nano") };
        let reservation = Reservation { hold: Some(hold), uncertain: false };
        let before = Instant::now();
        let settled = withdraw(&store, &key, RequestId::generate(), &reservation).await;
        assert_ne!(settled, Settled::Done);
        assert_eq!(before.elapsed().as_millis(), LONGEST_SETTLEMENT.as_millis());
    }
}
