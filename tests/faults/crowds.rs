//! Many requests of one key at once: none is lost, none is admitted without money.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_dev::proxy::{Action, Rule};
use gateway_tests::{Answer, Harness, eventually};
use serde_json::{Value, json};

use super::account::{Account, GRANT, breakable, chat, inject, price, proxy};

/// Requests at the same moment.
const CROWD: usize = 200;
/// Requests that the balance is for.
const COVERED: usize = 10;

/// Looks at the balance until the requests are done: it is never below zero, and never more money is held than was granted.
async fn watch(gateway: &Harness, account: &Account, granted: i128, done: &tokio::sync::Notify) -> Result<usize> {
    let mut most = 0;
    loop {
        let stored = account.stored(gateway).await?;
        let held: u128 = stored.holds.values().map(|hold| hold.amount.pico()).sum();
        let held = i128::try_from(held)?;
        assert!(stored.balance >= 0, "overspent: {}", stored.balance);
        assert!(stored.balance + held <= granted, "{} and {held} of {granted}", stored.balance);
        most = most.max(stored.holds.len());
        tokio::select! {
            () = done.notified() => return Ok(most),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
}

#[tokio::test]
async fn f5_r5_a_balance_for_ten_admits_ten_of_two_hundred_and_nothing_is_overspent() -> Result<()> {
    let gateway = Harness::start_with(breakable()?).await?;
    // Nobody is done before everybody has asked.
    let body = chat("hi [[sim:silent ms=6000 label=crowd]]", false);
    let probe = Account::prepaid(&gateway, 0).await?;
    let granted = probe.hold_of(&body)? * i128::try_from(COVERED)?;
    let account = Account::prepaid(&gateway, granted).await?;
    let done = tokio::sync::Notify::new();
    let crowd = async {
        let answers = try_join_all((0..CROWD).map(|_| account.ask(&gateway, &body))).await;
        done.notify_one();
        answers
    };
    let (answers, most) = tokio::try_join!(crowd, watch(&gateway, &account, granted, &done))?;
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(402)), (COVERED, CROWD - COVERED));
    assert_eq!((most, gateway.journal("crowd").len()), (COVERED, COVERED));
    let refused = answers.iter().find(|answer| answer.status == 402).unwrap();
    assert_eq!(refused.json()["error"]["code"], json!("insufficient_balance"));
    let records = account.balanced(&gateway, COVERED).await?;
    assert_eq!(records.iter().map(|record| record.charged).sum::<u128>(), price(&gateway.journal("crowd")));
    Ok(())
}

#[tokio::test]
async fn r5_with_a_tenth_of_the_tables_calls_failing_nothing_is_overspent_either() -> Result<()> {
    let gateway = Harness::start_with(breakable()?).await?;
    let body = chat("hi [[sim:silent ms=6000 label=crowd]]", true);
    let probe = Account::prepaid(&gateway, 0).await?;
    let granted = probe.hold_of(&body)? * i128::try_from(COVERED)?;
    let account = Account::prepaid(&gateway, granted).await?;
    let faults = [Action::Throttle, Action::CommitAndDrop, Action::InternalError, Action::Delay(Duration::from_millis(350))];
    for (seed, action) in faults.into_iter().enumerate() {
        inject(&gateway, Rule::any(action).sometimes(3, u64::try_from(seed)?));
    }
    let done = tokio::sync::Notify::new();
    let crowd = async {
        let answers = try_join_all((0..CROWD).map(|_| account.ask(&gateway, &body))).await;
        done.notify_one();
        answers
    };
    let (answers, most) = tokio::try_join!(crowd, watch(&gateway, &account, granted, &done))?;
    let admitted = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(admitted <= COVERED && most <= COVERED, "{admitted} admitted, {most} at once");
    assert_eq!(gateway.journal("crowd").len(), admitted);
    // What was delayed arrives. Only a request that was told 503 may have left a hold, which ends when it expires.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = account.conserved(&gateway).await?;
    assert!(left <= answers.iter().filter(|answer| answer.status == 503).count(), "{left} holds left");
    assert_eq!(account.records(&gateway).await?.len(), admitted);
    Ok(())
}

#[tokio::test]
async fn f38_two_hundred_requests_of_one_key_at_once_are_two_hundred_records_and_their_sum() -> Result<()> {
    let gateway = Harness::start_with(breakable()?).await?;
    let body = chat("hi [[sim:echo label=hot]]", false);
    let probe = Account::prepaid(&gateway, 0).await?;
    let account = Account::prepaid(&gateway, probe.hold_of(&body)? * i128::try_from(CROWD)?).await?;
    let answers = try_join_all((0..CROWD).map(|_| account.ask(&gateway, &body))).await?;
    assert!(answers.iter().all(|answer| answer.status == 200));
    eventually("the last release", async || Ok(account.stored(&gateway).await?.holds.is_empty())).await?;
    let records = account.balanced(&gateway, CROWD).await?;
    let entries = gateway.journal("hot");
    assert_eq!(entries.len(), CROWD);
    assert_eq!(records.iter().map(|record| record.charged).sum::<u128>(), price(&entries));
    assert_eq!((proxy(&gateway).faults(), proxy(&gateway).count("TransactWriteItems")), (0, CROWD));
    Ok(())
}

#[tokio::test]
async fn r1_three_hundred_requests_in_bad_weather_keep_every_pico_dollar() -> Result<()> {
    const REQUESTS: usize = 300;
    const AT_ONCE: usize = 8;
    let gateway = Harness::start_with(breakable()?).await?;
    let account = Account::prepaid(&gateway, 100 * GRANT).await?;
    let faults = [
        Action::Throttle,
        Action::TransactionConflict,
        Action::InternalError,
        Action::Refuse,
        Action::CommitAndDrop,
        Action::Delay(Duration::from_millis(350)),
    ];
    for (seed, action) in faults.into_iter().enumerate() {
        inject(&gateway, Rule::any(action).sometimes(1, u64::try_from(seed)?));
    }
    let bodies: Vec<Value> = (0..REQUESTS)
        .map(|number| chat(&format!("hi [[sim:flaky percent=10 seed=5 label=weather-{number}]]"), number % 2 == 0))
        .collect();
    let asked = stream::iter(bodies.iter().map(|body| account.ask(&gateway, body))).buffered(AT_ONCE);
    let answers: Vec<Answer> = asked.try_collect().await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let served = (0..REQUESTS).filter(|number| !gateway.journal(&format!("weather-{number}")).is_empty()).count();
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    let records = account.records(&gateway).await?;
    assert_eq!(records.len(), served, "what reached a provider has one record");
    assert_eq!(records.iter().filter(|record| record.status == 200).count(), answered, "what was answered is charged");
    let left = account.conserved(&gateway).await?;
    assert!(left <= REQUESTS - served, "{left} holds left by {} requests that were refused", REQUESTS - served);
    assert!(answered >= REQUESTS * 99 / 100, "{answered} of {REQUESTS} answered");
    assert!(proxy(&gateway).faults() >= REQUESTS / 10, "{} calls failed", proxy(&gateway).faults());
    Ok(())
}
