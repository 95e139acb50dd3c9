//! Many requests of one key at once: none is lost, none is admitted without money.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_dev::proxy::{Action, Rule};
use gateway_tests::{Answer, ENVIRONMENTS, Harness};
use serde_json::Value;

use super::account::{Account, CHAT, GRANT, LATE, breakable, chat, inject, price, proxy};

/// Requests at the same moment.
const CROWD: usize = 200;
/// The number of requests that the balance covers.
const COVERED: usize = 10;

/// Checks the balance until the requests have ended. It must never be below zero, and the holds must never exceed what was
/// granted.
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

/// A gateway with a fault proxy whose processes are all started, because this test is not about two hundred cold starts.
async fn awake() -> Result<Harness> {
    let gateway = Harness::start_with(breakable()?).await?;
    let body = chat("start [[sim:silent ms=1500]]", false);
    try_join_all((0..ENVIRONMENTS).map(|_| gateway.post(CHAT, &body))).await?;
    assert_eq!(gateway.stack.lambda.pids("chat-completions").len(), ENVIRONMENTS);
    proxy(&gateway).forget_calls();
    Ok(gateway)
}

/// Two hundred requests at once on a balance for ten. Returns their statuses: 503 only where the table did not answer in time,
/// which may have left a hold that ends when it expires.
async fn crowd(gateway: &Harness, stream: bool) -> Result<Vec<u16>> {
    // No request ends before all have started.
    let body = chat("hi [[sim:silent ms=6000 label=crowd]]", stream);
    let granted = Account::hold_of(&body)? * i128::try_from(COVERED)?;
    let account = Account::prepaid(gateway, granted).await?;
    let done = tokio::sync::Notify::new();
    let asked = async {
        let answers = try_join_all((0..CROWD).map(|_| account.ask(gateway, &body))).await;
        done.notify_one();
        answers
    };
    let (answers, most) = tokio::try_join!(asked, watch(gateway, &account, granted, &done))?;
    let refused: Vec<Value> = answers.iter().filter(|answer| answer.status == 402).map(Answer::json).collect();
    assert!(refused.iter().all(|body| body["error"]["code"] == "insufficient_balance"));
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    let admitted = with(200);
    assert!(admitted <= COVERED && most <= COVERED, "{admitted} admitted, {most} at once");
    // Wait until the delayed calls have arrived.
    tokio::time::sleep(2 * LATE).await;
    let (left, records) = (account.conserved(gateway).await?, account.records(gateway).await?);
    assert!(left <= with(503), "{left} holds left");
    assert_eq!((gateway.journal("crowd").len(), records.len()), (admitted, admitted));
    assert_eq!(records.iter().map(|record| record.charged).sum::<u128>(), price(&gateway.journal("crowd")));
    Ok(answers.iter().map(|answer| answer.status).collect())
}

#[tokio::test]
async fn f5_r5_a_balance_for_ten_admits_ten_of_two_hundred_and_nothing_is_overspent() -> Result<()> {
    let statuses = crowd(&awake().await?, false).await?;
    let with = |status: u16| statuses.iter().filter(|known| **known == status).count();
    let late = with(503);
    assert_eq!(with(200) + with(402) + late, CROWD);
    assert!(with(200) == COVERED || late > 0, "{statuses:?}");
    Ok(())
}

#[tokio::test]
async fn r5_with_a_tenth_of_the_tables_calls_failing_nothing_is_overspent_either() -> Result<()> {
    let gateway = awake().await?;
    let faults = [Action::Throttle, Action::CommitAndDrop, Action::InternalError, Action::Delay(LATE)];
    for (seed, action) in faults.into_iter().enumerate() {
        inject(&gateway, Rule::any(action).sometimes(3, u64::try_from(seed)?));
    }
    let statuses = crowd(&gateway, true).await?;
    assert!(statuses.iter().all(|status| [200, 402, 429, 503].contains(status)), "{statuses:?}");
    Ok(())
}

#[tokio::test]
async fn f38_two_hundred_requests_of_one_key_at_once_are_as_many_records_and_their_sum() -> Result<()> {
    let gateway = awake().await?;
    let body = chat("hi [[sim:echo label=hot]]", false);
    let account = Account::prepaid(&gateway, Account::hold_of(&body)? * i128::try_from(CROWD)?).await?;
    let answers = try_join_all((0..CROWD).map(|_| account.ask(&gateway, &body))).await?;
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    // 503 where the table did not answer in time: this machine has fewer processors than the gateway has processes.
    let (answered, late) = (with(200), with(503));
    assert!(answered + late == CROWD && answered >= CROWD / 2, "{answered} answered, {late} late");
    let (left, records) = (account.conserved(&gateway).await?, account.records(&gateway).await?);
    assert!(left <= late, "{left} holds left");
    let entries = gateway.journal("hot");
    assert_eq!((records.len(), entries.len()), (answered, answered));
    assert_eq!(records.iter().map(|record| record.charged).sum::<u128>(), price(&entries));
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
        Action::Delay(LATE),
    ];
    for (seed, action) in faults.into_iter().enumerate() {
        inject(&gateway, Rule::any(action).sometimes(1, u64::try_from(seed)?));
    }
    let bodies: Vec<Value> = (0..REQUESTS)
        .map(|number| chat(&format!("hi [[sim:flaky percent=10 seed=5 label=weather-{number}]]"), number % 2 == 0))
        .collect();
    let asked = stream::iter(bodies.iter().map(|body| account.ask(&gateway, body))).buffered(AT_ONCE);
    let answers: Vec<Answer> = asked.try_collect().await?;
    tokio::time::sleep(2 * LATE).await;
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
