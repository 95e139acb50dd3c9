//! Ledgers with one error, and the report about it.

use super::super::reconcile::interrupted;
use super::*;
use crate::ids::{GrantId, KeyDigest, RequestId};
use crate::store::items::{HeldModel, Hold, Limits, NewKey};

const DOLLAR: i128 = 1_000_000_000_000;

fn id() -> KeyId {
    KeyId::parse("0123456789abcdef").unwrap()
}

fn prepaid(balance: i128) -> StoredKey {
    let new = NewKey {
        digest: KeyDigest::new([1; 32]),
        last4: "last".to_owned(),
        name: "prepaid".to_owned(),
        created: Timestamp::now(),
        limits: Limits::standard(),
        prepaid: true,
    };
    StoredKey { balance, ..new.stored() }
}

fn grants(amounts: &[i128]) -> Vec<CreditGrant> {
    let grant = |amount: &i128| CreditGrant {
        key: id(),
        id: GrantId::generate(),
        amount: SignedPicoUsd::new(*amount),
        note: String::new(),
    };
    amounts.iter().map(grant).collect()
}

/// What a check finds: the law and the message.
fn found(look: impl FnOnce(&mut Found<'_>)) -> Vec<(&'static str, String)> {
    let (key, mut violations, mut unsure) = (id(), Vec::new(), Vec::new());
    look(&mut Found { key: &key, violations: &mut violations, unsure: &mut unsure });
    assert!(violations.iter().all(|violation| violation.key == "0123456789abcdef"));
    violations.into_iter().map(|violation| (violation.law, violation.what)).collect()
}

#[test]
fn a_balance_below_zero_says_that_more_was_admitted_than_was_granted() {
    let cover = |balance, amounts: &[i128]| cover(&prepaid(balance), &grants(amounts));
    assert_eq!(cover(0, &[DOLLAR]), None);
    let words = "the balance is -0.5 USD: more was held or charged than was granted";
    assert_eq!(cover(-DOLLAR / 2, &[DOLLAR]).as_deref(), Some(words));
}

#[test]
fn what_an_operator_took_back_may_be_missing_and_no_more() {
    let cover = |balance| cover(&prepaid(balance), &grants(&[2 * DOLLAR, -DOLLAR]));
    assert_eq!(cover(-DOLLAR), None);
    let words = "the balance is -1.5 USD, and 1 USD were taken back: more was held or charged than was granted";
    assert_eq!(cover(-DOLLAR * 3 / 2).as_deref(), Some(words));
}

#[test]
fn a_charge_above_the_hold_that_is_still_there_is_found_among_the_running_and_the_dead() {
    let request = RequestId::generate();
    let hold = Hold { expires: 60, window: 0, amount: PicoUsd::new(100), tokens: 5, model: HeldModel::of("one") };
    let words = format!("{request} charges 0.000000000101 USD, and 0.0000000001 USD were held for it");
    for (charged, expected) in [(100, vec![]), (101, vec![("L9", words)])] {
        let record = Record { charged: PicoUsd::new(charged), ..interrupted(&id(), request, "one".to_owned()) };
        let (mut running, mut dead) = (prepaid(0), prepaid(0));
        running.holds.insert(request, hold.clone());
        dead.expired.insert(request, Expired::Dead(hold.clone()));
        for key in [running, dead] {
            assert_eq!(found(|found| found.charges(&key, std::slice::from_ref(&record))), expected);
        }
    }
}

#[test]
fn nothing_is_said_about_a_charge_whose_hold_has_ended() {
    let (request, mut key) = (RequestId::generate(), prepaid(0));
    let record = Record { charged: PicoUsd::new(101), ..interrupted(&id(), request, "one".to_owned()) };
    key.expired.insert(request, Expired::Released(60));
    assert_eq!(found(|found| found.charges(&key, &[record])), []);
}

#[test]
fn a_record_counts_from_the_moment_its_hold_ends() {
    let (charged, amount) = (PicoUsd::new(40), PicoUsd::new(100));
    let mut key = prepaid(DOLLAR - 100);
    key.holds.insert(RequestId::generate(), Hold { expires: 60, window: 0, amount, tokens: 5, model: HeldModel::of("one") });
    let grants = grants(&[DOLLAR]);
    assert_eq!(balance(&key, &grants, PicoUsd::ZERO, PicoUsd::ZERO), None, "its record is still to come");
    assert_eq!(balance(&key, &grants, charged, charged), None, "its record is there, and its hold too");
    let words = "granted 1000000000000, charged 40, balance 999999999900, held 100 pico-dollars";
    assert_eq!(balance(&key, &grants, charged, PicoUsd::ZERO).as_deref(), Some(words), "of another request");
    let ended = prepaid(DOLLAR - 40);
    assert_eq!(balance(&ended, &grants, charged, PicoUsd::ZERO), None);
}

#[test]
fn a_key_older_than_its_rollups_may_lack_charges_but_never_has_too_much_balance() {
    let grants = grants(&[DOLLAR]);
    let mut key = prepaid(DOLLAR - 100);
    let check = |key: &StoredKey, charged| balance(key, &grants, PicoUsd::new(charged), PicoUsd::ZERO).is_some();
    assert!(check(&key, 40), "all charges of a new key are known");
    key.created = Timestamp::UNIX_EPOCH.to_string();
    assert!(!check(&key, 40), "the other 60 may have expired");
    assert!(!check(&key, 100));
    assert!(check(&key, 101), "the balance is too high");
}

#[test]
fn charges_are_known_as_long_as_rollups_are_kept() {
    let (now, mut key) = (Timestamp::now(), prepaid(0));
    for (days, expected) in [(0, false), (399, false), (401, true)] {
        key.created = (now - SignedDuration::from_hours(24 * days)).to_string();
        assert_eq!(may_lack_charges(&key, now), expected, "{days} days");
    }
}
