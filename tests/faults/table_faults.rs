//! Faults during an admission: the table is throttled, slow or unreachable, or gives wrong answers.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway::store::items::Expired;
use gateway_dev::proxy::{Action, Rule};
use gateway_tests::{Answer, Harness, eventually, generous, read};
use serde_json::{Value, json};

use super::account::{
    ADMISSION, ATTEMPT, Account, CHAT, GRANT, LATE, NEW_MINUTE, breakable, chat, inject, price, proxy, rested, started,
};

/// Longest time that an admission may take when the table does not answer: three attempts and a quarter of a second. The library's
/// tests hold it to that exactly.
const LONGEST: Duration = ATTEMPT.saturating_mul(3).saturating_add(Duration::from_millis(250));

fn admissions(action: Action) -> Rule {
    Rule::on("UpdateItem", action).containing(ADMISSION)
}

fn code(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["error"]["code"].clone())
}

/// Asserts that a request has left nothing: no upstream call, no record, no hold, and no change of the balance.
async fn assert_untouched(gateway: &Harness, account: &Account, label: &str) -> Result<()> {
    assert_eq!(gateway.journal(label).len(), 0, "{label}");
    account.balanced(gateway, 0).await?;
    Ok(())
}

#[tokio::test]
async fn f1_an_admission_that_is_throttled_twice_is_admitted_at_the_third_try() -> Result<()> {
    let gateway = started().await?;
    for action in [Action::Throttle, Action::ExceedThroughput] {
        let (account, label) = (Account::prepaid(&gateway, GRANT).await?, format!("{action:?}"));
        inject(&gateway, admissions(action).times(2));
        let answer = account.ask(&gateway, &chat(&format!("hi [[sim:echo label={label}]]"), false)).await?;
        assert_eq!((answer.status, gateway.journal(&label).len()), (200, 1), "{}", answer.body);
        let records = account.balanced(&gateway, 1).await?;
        assert_eq!(records[0].charged, price(&gateway.journal(&label)));
        assert!(account.stored(&gateway).await?.expired.is_empty(), "a throttled write was not done: no duplicate can come");
    }
    Ok(())
}

#[tokio::test]
async fn f1_an_admission_that_stays_throttled_is_a_429_that_says_when_to_come_back() -> Result<()> {
    let gateway = started().await?;
    let account = Account::prepaid(&gateway, GRANT).await?;
    inject(&gateway, admissions(Action::Throttle));
    let answer = account.ask(&gateway, &chat("hi [[sim:echo label=throttled]]", true)).await?;
    assert_eq!(code(&answer), (429, json!("key_busy")), "{}", answer.body);
    assert_eq!((answer.header("retry-after"), answer.json()["error"]["type"].clone()), ("1", json!("rate_limit_error")));
    assert_untouched(&gateway, &account, "throttled").await?;
    proxy(&gateway).heal();
    rested(&gateway).await?;
    assert_eq!(account.ask(&gateway, &chat("hi", true)).await?.status, 200, "the refusal is not remembered");
    account.balanced(&gateway, 1).await?;
    Ok(())
}

#[tokio::test]
async fn f2_a_table_that_hangs_or_is_down_serves_known_keys_from_memory() -> Result<()> {
    let gateway = started().await?;
    let account = Account::open(&gateway).await?;
    assert_eq!(account.ask(&gateway, &chat("hi", false)).await?.status, 200);
    for (action, requests) in [(Action::Hang, 2), (Action::Refuse, 3), (Action::InternalError, 4)] {
        rested(&gateway).await?;
        let label = format!("{action:?}");
        inject(&gateway, admissions(action));
        let before = Instant::now();
        let answer = account.ask(&gateway, &chat(&format!("hi [[sim:echo label={label}]]"), false)).await?;
        assert_eq!((answer.status, gateway.journal(&label).len()), (200, 1), "{}", answer.body);
        assert!(before.elapsed() < generous(LONGEST), "{label}: {:?}", before.elapsed());
        account.balanced(&gateway, requests).await?;
        proxy(&gateway).heal();
    }
    Ok(())
}

/// Sends the request twice and returns the last answer. Both must be a 503 with `retry-after`, and both must come quickly.
async fn refused(gateway: &Harness, account: &Account, label: &str) -> Result<Answer> {
    let body = chat(&format!("hi [[sim:echo label={label}]]"), false);
    let ask = async || {
        let before = Instant::now();
        let answer = account.ask(gateway, &body).await?;
        assert!(before.elapsed() < generous(LONGEST), "{label}: {:?}", before.elapsed());
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{label}: {}", answer.body);
        rested(gateway).await?;
        anyhow::Ok(answer)
    };
    ask().await?;
    ask().await
}

#[tokio::test]
async fn f2_r14_an_unknown_key_gets_503_in_time_while_the_table_hangs_or_is_down() -> Result<()> {
    for action in [Action::Hang, Action::Refuse, Action::InternalError] {
        let gateway = started().await?;
        let (account, label) = (Account::open(&gateway).await?, format!("{action:?}"));
        inject(&gateway, Rule::any(action));
        let answer = refused(&gateway, &account, &label).await?;
        assert_eq!(answer.json()["error"]["type"], "upstream_error");
        proxy(&gateway).heal();
        assert_untouched(&gateway, &account, &label).await?;
    }
    Ok(())
}

#[tokio::test]
async fn f2_a_prepaid_key_is_never_served_from_memory() -> Result<()> {
    let gateway = started().await?;
    let account = Account::prepaid(&gateway, GRANT).await?;
    assert_eq!(account.ask(&gateway, &chat("hi", false)).await?.status, 200);
    for action in [Action::Hang, Action::Refuse] {
        rested(&gateway).await?;
        inject(&gateway, Rule::any(action));
        refused(&gateway, &account, "prepaid").await?;
        proxy(&gateway).heal();
    }
    assert_eq!(gateway.journal("prepaid").len(), 0);
    account.balanced(&gateway, 1).await?;
    Ok(())
}

#[tokio::test]
async fn f2_a_key_that_is_served_from_memory_leaves_no_hold_of_an_answer_that_came_too_late() -> Result<()> {
    let gateway = started().await?;
    let account = Account::open(&gateway).await?;
    assert_eq!(account.ask(&gateway, &chat("hi", false)).await?.status, 200);
    for (action, stream) in [(Action::CommitAndDelay(LATE), false), (Action::CommitAndDrop, true)] {
        rested(&gateway).await?;
        // The repeated write finds the hold, but that answer is lost as well.
        inject(&gateway, admissions(action));
        let answer = account.ask(&gateway, &chat("hi [[sim:echo label=late]]", stream)).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        proxy(&gateway).heal();
        let records = if stream { 3 } else { 2 };
        account.balanced(&gateway, records).await?;
    }
    Ok(())
}

/// Asks for the models with an account's key.
async fn models(gateway: &Harness, account: &Account) -> Result<(Answer, Duration)> {
    let before = Instant::now();
    let answer = read(account.sign(gateway.client.get(format!("{}/v1/models", gateway.stack.url)))).await?;
    Ok((answer, before.elapsed()))
}

#[tokio::test]
async fn f1_f2_an_endpoint_that_costs_nothing_reads_the_key_under_the_same_rules() -> Result<()> {
    for (fault, status) in [
        (Rule::any(Action::Throttle).times(2), 200),
        (Rule::any(Action::InternalError).times(2), 200),
        (Rule::any(Action::Throttle), 429),
        (Rule::any(Action::Refuse), 503),
        (Rule::any(Action::Hang), 503),
    ] {
        let gateway = Harness::start_with(breakable()?).await?;
        gateway.get("/v1/models").await?;
        let account = Account::open(&gateway).await?;
        inject(&gateway, fault.clone());
        let (answer, took) = models(&gateway, &account).await?;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.body);
        assert_eq!(answer.header("retry-after"), if status == 200 { "" } else { "1" }, "{fault:?}");
        assert!(took < generous(LONGEST), "{fault:?}: {took:?}");
    }
    Ok(())
}

#[tokio::test]
async fn r13_a_key_that_was_read_within_a_minute_is_not_read_again() -> Result<()> {
    let gateway = Harness::start_with(breakable()?).await?;
    let account = Account::prepaid(&gateway, 0).await?;
    assert_eq!(models(&gateway, &account).await?.0.status, 200);
    inject(&gateway, Rule::any(Action::Hang));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(models(&gateway, &account).await?.0.status, 200);
    assert_eq!((proxy(&gateway).count("GetItem"), proxy(&gateway).faults()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn r13_a_malformed_key_costs_no_call_of_the_table() -> Result<()> {
    let gateway = started().await?;
    let mut mistyped = gateway.stack.key().to_owned();
    mistyped.replace_range(20..21, if &mistyped[20..21] == "a" { "b" } else { "a" });
    for wrong in [mistyped.as_str(), "bk_", "bk_short", "sk-foreign", ""] {
        let request = gateway.client.post(format!("{}{CHAT}", gateway.stack.url)).header("x-api-key", wrong);
        let answer = read(request.header("content-type", "application/json").body(chat("hi", false).to_string())).await?;
        assert_eq!(answer.status, 401, "{wrong}");
    }
    assert_eq!(proxy(&gateway).calls(), []);
    Ok(())
}

#[tokio::test]
async fn f3_f37_a_malformed_key_item_is_a_500_of_this_key_alone() -> Result<()> {
    let gateway = started().await?;
    let healthy = Account::prepaid(&gateway, GRANT).await?;
    let broken = [
        ("digest", json!({"S": "text"})),
        ("status", json!({"S": "asleep"})),
        ("max_concurrent", json!({"S": "many"})),
        ("balance", json!({"S": "plenty"})),
        ("requests_left", json!({"NULL": true})),
        ("window", json!({"S": "open"})),
        ("models", json!({"S": "*"})),
        ("name", json!({"N": "7"})),
        ("cidrs", json!({"N": "7"})),
        ("expired", json!({"M": {"req_x": {"S": "no hold"}}})),
        ("holds", json!({"M": {"req_x": {"S": "no hold"}}})),
    ];
    for (attribute, value) in broken {
        let account = Account::open(&gateway).await?;
        account.set(&gateway, attribute, &value).await?;
        let answer = account.ask(&gateway, &chat("hi [[sim:echo label=malformed]]", false)).await?;
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status, &error["type"]), (500, &json!("server_error")), "{attribute}: {}", answer.body);
        let id = answer.header("x-request-id");
        assert!(id.starts_with("req_"), "{attribute}: {id}");
        eventually("the log line", async || {
            let lines = gateway.stack.logs.lines();
            Ok(lines.iter().any(|line| line.contains(id) && line.contains("request failed") && line.contains("ERROR")))
        })
        .await?;
        assert!(!answer.body.contains(attribute), "what is wrong inside is for the log: {}", answer.body);
    }
    assert_eq!(gateway.journal("malformed").len(), 0);
    assert_eq!(healthy.ask(&gateway, &chat("hi", false)).await?.status, 200);
    healthy.balanced(&gateway, 1).await?;
    Ok(())
}

#[tokio::test]
async fn f4_an_admission_whose_answer_is_lost_is_one_admission() -> Result<()> {
    let gateway = started().await?;
    for (action, stream) in [(Action::CommitAndDrop, false), (Action::CommitAndDelay(Duration::from_millis(1_200)), true)] {
        let (account, label) = (Account::prepaid(&gateway, GRANT).await?, format!("lost-{stream}"));
        // The write that begins a minute, and the one within it.
        let write = if stream { NEW_MINUTE } else { ADMISSION };
        if !stream {
            account.begin_window(&gateway).await?;
        }
        inject(&gateway, Rule::on("UpdateItem", action).containing(write).times(1));
        let body = chat(&format!("hi [[sim:silent ms=2000 label={label}]]"), stream);
        let hold = Account::hold_of(&body)?;
        let (answer, ()) = tokio::try_join!(account.ask(&gateway, &body), async {
            eventually("the hold", async || Ok(!account.stored(&gateway).await?.holds.is_empty())).await?;
            let stored = account.stored(&gateway).await?;
            assert_eq!((stored.holds.len(), stored.balance), (1, GRANT - hold), "one hold, taken once");
            Ok(())
        })?;
        assert_eq!((answer.status, gateway.journal(&label).len()), (200, 1), "{}", answer.body);
        let records = account.balanced(&gateway, 1).await?;
        assert_eq!(records[0].charged, price(&gateway.journal(&label)));
        let marks: Vec<Expired> = account.stored(&gateway).await?.expired.into_values().collect();
        assert!(matches!(marks.as_slice(), [Expired::Released(_)]), "a late duplicate finds its place taken: {marks:?}");
        rested(&gateway).await?;
    }
    Ok(())
}
