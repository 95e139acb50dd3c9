//! What each refusal blocks afterwards, and for how long. The clock of these tests only moves when they move it.

use tokio::time::advance;

use super::*;
use crate::store::items::{Limits, NewKey};

const KEY: KeyDigest = KeyDigest::new([1; 32]);
const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// The end of a window, in seconds since the epoch.
const END: u64 = 1_200;

fn key(models: &[&str]) -> Recognised {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    let new = NewKey {
        digest: KEY,
        last4: "last".to_owned(),
        name: "a key".to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
        limits: Limits { models, ..Limits::standard() },
        prepaid: false,
    };
    Recognised::of(&KeyId::parse("0123456789abcdef").unwrap(), &new.stored())
}

fn rates() -> Rates {
    Rates { requests: Some((5, 0)), tokens: None, reset: END }
}

fn balance(needed: u128) -> Denial {
    Denial::Balance { needed: PicoUsd::new(needed), left: SignedPicoUsd::new(3) }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_remembered_for_ten_seconds() {
    let memory = Memory::default();
    memory.remember(KEY, key(&["*"]));
    memory.refuse(KEY, &Denial::Unauthorized, None);
    advance(9 * SECOND + 999 * MILLISECOND).await;
    assert!(memory.is_unauthorized(KEY));
    assert!(memory.fresh(KEY).is_none() && memory.stale(KEY).is_none());
    advance(MILLISECOND).await;
    assert!(!memory.is_unauthorized(KEY));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_remembered_as_a_whole() {
    let memory = Memory::default();
    memory.refuse(KEY, &Denial::Unauthorized, None);
    let mut almost = [1; 32];
    almost[31] = 2;
    assert!(!memory.is_unauthorized(KeyDigest::new(almost)));
}

#[test]
fn used_up_requests_are_refused_until_the_window_ends_and_not_a_second_longer() {
    let memory = Memory::default();
    memory.refuse(KEY, &Denial::Requests(40), Some(&rates()));
    for (now, wait) in [(END - 40, Some(40)), (END - 1, Some(1)), (END, None), (END + 1, None)] {
        let refused = memory.used_up(KEY, now);
        assert_eq!(refused, wait.map(|wait| (Denial::Requests(wait), Some(rates()))), "{now}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_balance_refuses_for_two_seconds_what_needs_at_least_as_much() {
    let memory = Memory::default();
    memory.refuse(KEY, &balance(100), Some(&rates()));
    let refused = |needed: u128| memory.uncovered(KEY, PicoUsd::new(needed));
    assert_eq!(refused(99), None);
    // The error names the amount of its own request.
    assert_eq!(refused(100), Some((balance(100), Some(rates()))));
    assert_eq!(refused(250), Some((balance(250), Some(rates()))));
    advance(SECOND + 999 * MILLISECOND).await;
    assert!(refused(100).is_some());
    advance(MILLISECOND).await;
    assert_eq!(refused(100), None);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_request_that_is_refused_too_is_remembered_in_its_turn() {
    let memory = Memory::default();
    memory.refuse(KEY, &balance(100), None);
    advance(SECOND).await;
    memory.refuse(KEY, &balance(50), None);
    advance(SECOND + 500 * MILLISECOND).await;
    assert!(memory.uncovered(KEY, PicoUsd::new(50)).is_some());
    assert!(memory.uncovered(KEY, PicoUsd::new(49)).is_none());
}

#[tokio::test(start_paused = true)]
async fn no_other_refusal_is_remembered() {
    let memory = Memory::default();
    for denial in [
        Denial::Model(Vec::new()),
        Denial::Tokens(5),
        Denial::TokensNever(5),
        Denial::Concurrency(5),
        Denial::Busy,
        Denial::Contended,
    ] {
        memory.refuse(KEY, &denial, Some(&rates()));
        let uncovered = memory.uncovered(KEY, PicoUsd::new(u128::MAX));
        assert_eq!((memory.is_unauthorized(KEY), memory.used_up(KEY, 0), uncovered), (false, None, None), "{denial:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_leaves_its_key_known_and_a_known_key_its_refusals() {
    let memory = Memory::default();
    memory.remember(KEY, key(&["*"]));
    memory.refuse(KEY, &Denial::Requests(40), Some(&rates()));
    memory.refuse(KEY, &balance(100), None);
    assert!(memory.fresh(KEY).is_some() && memory.stale(KEY).is_some());
    memory.remember(KEY, key(&["*"]));
    assert!(memory.used_up(KEY, 0).is_some() && memory.uncovered(KEY, PicoUsd::new(100)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_trusted_for_a_minute_and_served_without_the_table_for_ten() {
    let memory = Memory::default();
    memory.remember(KEY, key(&["*"]));
    for (wait, fresh, stale) in [(59, true, true), (1, false, true), (539, false, true), (1, false, false)] {
        advance(wait * SECOND).await;
        assert_eq!((memory.fresh(KEY).is_some(), memory.stale(KEY).is_some()), (fresh, stale));
    }
}

#[tokio::test(start_paused = true)]
async fn models_are_refused_by_what_is_known_of_the_key() {
    let memory = Memory::default();
    assert!(memory.may_use(KEY, "gpt-5.2"), "nothing is known of it");
    memory.remember(KEY, key(&["gpt-5.2"]));
    assert_eq!((memory.may_use(KEY, "gpt-5.2"), memory.may_use(KEY, "gpt-5-nano")), (true, false));
    memory.remember(KEY, key(&["*"]));
    assert!(memory.may_use(KEY, "gpt-5-nano"));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_strangers_does_not_crowd_out_a_key_that_is_known() {
    let memory = Memory::default();
    memory.remember(KEY, key(&["*"]));
    for stranger in 0..2 * u32::try_from(CAPACITY).unwrap() {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&stranger.to_be_bytes());
        memory.refuse(KeyDigest::new(digest), &Denial::Unauthorized, None);
    }
    assert!(memory.fresh(KEY).is_some());
    assert!(memory.lock().len() <= CAPACITY);
}

fn in_window(window: u64, used: i128) -> StoredKey {
    let new = NewKey {
        digest: KEY,
        last4: "last".to_owned(),
        name: "a key".to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
        limits: Limits::standard(),
        prepaid: false,
    };
    let stored = new.stored();
    StoredKey { window, requests_left: stored.requests_left - used, ..stored }
}

#[test]
fn a_window_is_remembered_with_the_requests_of_others_in_it() {
    let memory = Memory::default();
    assert_eq!(memory.window(KEY), None);
    for (window, used, sight, expected) in [
        (600, 1, Sight::Counted, (600, 0)),
        (600, 5, Sight::Counted, (600, 3)),
        (600, 6, Sight::Other, (600, 4)),
        (540, 9, Sight::Other, (600, 4)),
        (660, 2, Sight::Counted, (660, 1)),
    ] {
        memory.see(KEY, &in_window(window, used), sight);
        assert_eq!(memory.window(KEY), Some(SeenWindow { start: expected.0, others: expected.1 }));
    }
}
