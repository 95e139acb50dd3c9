//! Faults during a settlement: the table fails, the client disconnects, or the process dies.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway_dev::proxy::{Action, Rule};
use gateway_tests::{Harness, eventually, generous};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::account::{Account, CHAT, GRANT, RELEASE, chat, inject, price, proxy, rested, started};

/// Longest time that a settlement may hold up the end of a body. The library's tests hold it to that exactly.
const LONGEST: Duration = Duration::from_secs(4);

/// Runs one fault with a request of a prepaid key, streamed and not streamed, and checks the money exactly.
async fn settles_exactly(rule: &Rule, label: &str) -> Result<()> {
    let gateway = started().await?;
    for stream in [false, true] {
        let (account, label) = (Account::prepaid(&gateway, GRANT).await?, format!("{label}-{stream}"));
        inject(&gateway, rule.clone());
        let answer = account.ask(&gateway, &chat(&format!("hi [[sim:echo label={label}]]"), stream)).await?;
        assert!(answer.status == 200 && answer.complete && answer.body.contains("You"), "{}", answer.body);
        assert!(!answer.body.contains("\"error\""), "{}", answer.body);
        assert_eq!(gateway.journal(&label).len(), 1, "{label}");
        let records = account.balanced(&gateway, 1).await?;
        assert_eq!(records[0].charged, price(&gateway.journal(&label)), "{label}");
        assert!(proxy(&gateway).faults() > 0, "no call met the fault");
        proxy(&gateway).heal();
        proxy(&gateway).forget_calls();
        rested(&gateway).await?;
    }
    Ok(())
}

/// The lines of an event in a gateway's logs.
fn lines(gateway: &Harness, event: &str) -> Vec<Value> {
    let lines = gateway.stack.logs.lines();
    let parsed = lines.iter().filter(|line| line.contains(event)).filter_map(|line| serde_json::from_str(line).ok());
    parsed.collect()
}

#[tokio::test]
async fn f29_a_transaction_that_is_throttled_or_collides_is_tried_again() -> Result<()> {
    for action in [Action::Throttle, Action::ExceedThroughput, Action::TransactionConflict, Action::InternalError] {
        let label = format!("f29-{action:?}");
        settles_exactly(&Rule::on("TransactWriteItems", action).times(3), &label).await?;
    }
    Ok(())
}

#[tokio::test]
async fn f29_a_release_that_is_throttled_or_collides_is_tried_again() -> Result<()> {
    for action in [Action::Throttle, Action::TransactionConflict, Action::Refuse] {
        let label = format!("f29-release-{action:?}");
        settles_exactly(&Rule::on("UpdateItem", action).containing(RELEASE).times(3), &label).await?;
    }
    Ok(())
}

#[tokio::test]
async fn f30_a_transaction_whose_answer_is_lost_is_one_record_and_one_sum() -> Result<()> {
    // The SDK repeats the call twice. From the fourth attempt on, the gateway repeats it.
    for times in [1, 2, 4] {
        let rule = Rule::on("TransactWriteItems", Action::CommitAndDrop).times(times);
        settles_exactly(&rule, &format!("f30-{times}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn f30_a_release_whose_answer_is_lost_is_one_refund() -> Result<()> {
    for times in [1, 3] {
        let rule = Rule::on("UpdateItem", Action::CommitAndDrop).containing(RELEASE).times(times);
        settles_exactly(&rule, &format!("f30-release-{times}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn f31_with_the_table_down_at_the_end_the_client_has_its_answer_and_the_log_the_record() -> Result<()> {
    for (action, stream) in [(Action::Refuse, false), (Action::Refuse, true), (Action::Hang, false), (Action::Hang, true)] {
        let gateway = started().await?;
        let (account, label) = (Account::prepaid(&gateway, GRANT).await?, format!("f31-{action:?}-{stream}"));
        let body = chat(&format!("hi [[sim:echo label={label}]]"), stream);
        inject(&gateway, Rule::on("TransactWriteItems", action.clone()));
        inject(&gateway, Rule::on("UpdateItem", action).containing(RELEASE));
        let before = Instant::now();
        let answer = account.ask(&gateway, &body).await?;
        let took = before.elapsed();
        assert!(answer.status == 200 && answer.complete && !answer.body.contains("\"error\""), "{}", answer.body);
        assert!(took < generous(LONGEST), "{label}: {took:?}");
        let request = answer.header("x-request-id").to_owned();
        eventually("the line", async || Ok(lines(&gateway, "ledger.final").iter().any(|line| names(line, &request))))
            .await?;
        let finals = lines(&gateway, "ledger.final");
        let line = finals.iter().find(|line| names(line, &request)).unwrap().to_string();
        assert!(line.contains(&format!("\"charged_pico\":\"{}\"", price(&gateway.journal(&label)))), "{line}");
        assert!(account.records(&gateway).await?.is_empty(), "nothing could be stored");
        let stored = account.stored(&gateway).await?;
        assert_eq!(
            (stored.holds.len(), stored.balance),
            (1, GRANT - Account::hold_of(&body)?),
            "the hold waits for its end"
        );
    }
    Ok(())
}

fn names(line: &Value, request: &str) -> bool {
    line.to_string().contains(request)
}

#[tokio::test]
async fn f23_a_client_that_leaves_mid_stream_is_charged_exactly_what_the_provider_says() -> Result<()> {
    let gateway = started().await?;
    for stop in [0, 1, 60, 400, 2_000, 6_000] {
        let (account, label) = (Account::prepaid(&gateway, 10 * GRANT).await?, format!("leaves-{stop}"));
        let body = chat(&format!("hi [[sim:long words=60 pace=4 label={label}]]"), true);
        let mut response = account.request(&gateway, CHAT, &body).send().await?;
        assert_eq!(response.status(), 200);
        let mut read = 0;
        while read < stop {
            read += response.chunk().await?.map_or(stop, |chunk| chunk.len());
        }
        drop(response);
        eventually("the record", async || Ok(!account.records(&gateway).await?.is_empty())).await?;
        eventually("the release", async || Ok(account.stored(&gateway).await?.holds.is_empty())).await?;
        let records = account.balanced(&gateway, 1).await?;
        let entries = gateway.journal(&label);
        let usage = entries[0].usage.unwrap();
        assert_eq!((entries.len(), entries[0].finished), (1, true), "upstream is read to its end");
        let record = &records[0];
        assert_eq!((record.input, record.output), (usage.input_tokens, usage.output_tokens), "{label}");
        assert_eq!((record.source.as_str(), record.status, record.charged), ("upstream", 200, price(&entries)), "{label}");
    }
    Ok(())
}

#[tokio::test]
async fn f23_a_client_that_leaves_before_any_answer_is_settled_just_the_same() -> Result<()> {
    let gateway = started().await?;
    let account = Account::prepaid(&gateway, 10 * GRANT).await?;
    for (stream, records) in [(true, 1), (false, 2)] {
        let body = chat("hi [[sim:silent ms=3000]]", stream);
        let request = account.request(&gateway, CHAT, &body).timeout(Duration::from_secs(1));
        assert!(request.send().await.is_err_and(|error| error.is_timeout()));
        eventually("the record", async || Ok(account.records(&gateway).await?.len() == records)).await?;
        eventually("the release", async || Ok(account.stored(&gateway).await?.holds.is_empty())).await?;
    }
    account.balanced(&gateway, 2).await?;
    Ok(())
}

#[tokio::test]
async fn f26_a_process_that_is_killed_mid_stream_leaves_its_trace_and_its_hold() -> Result<()> {
    let gateway = started().await?;
    let account = Account::prepaid(&gateway, GRANT).await?;
    let body = chat("hi [[sim:long words=4000 pace=20 label=killed]]", true);
    let mut response = account.request(&gateway, CHAT, &body).send().await?;
    let request = response.headers()["x-request-id"].to_str()?.to_owned();
    response.chunk().await?;
    let pid = gateway.stack.lambda.pids("chat-completions")[0];
    kill_process(Pid::from_raw(i32::try_from(pid)?).unwrap(), Signal::KILL)?;
    while let Ok(Some(_)) = response.chunk().await {}
    for event in ["ledger.intent", "ledger.checkpoint"] {
        let is_there = || lines(&gateway, event).iter().any(|line| names(line, &request));
        eventually(event, async || Ok(is_there())).await?;
    }
    assert!(!lines(&gateway, "ledger.final").iter().any(|line| names(line, &request)));
    assert!(account.records(&gateway).await?.is_empty());
    let stored = account.stored(&gateway).await?;
    let holds: Vec<_> = stored.holds.iter().map(|(id, hold)| (id.to_string(), hold.clone())).collect();
    let [(id, hold)] = holds.as_slice() else { panic!("{holds:?}") };
    let now = u64::try_from(gateway::ledger::Timestamp::now().as_second())?;
    assert_eq!((id, i128::try_from(hold.amount.pico())?), (&request, Account::hold_of(&body)?));
    // The function's time of two minutes, and a minute more.
    assert!((now + 150..=now + 180).contains(&hold.expires), "{} at {now}", hold.expires);
    assert_eq!(stored.balance, GRANT - Account::hold_of(&body)?);
    Ok(())
}
