//! Tests every table call of a chat request with every fault. The money must stay exact.

use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_dev::proxy::{Action, Call, Rule};
use gateway_dev::stack::Options;
use gateway_tests::{Harness, eventually};
use serde_json::{Value, json};

use super::account::{ADMISSION, Account, LATE, NEW_MINUTE, RELEASE, breakable, inject, proxy};

/// A request that makes every kind of table call. It names an earlier tool call, gets a signed call back, and one of its
/// routes fails once.
struct Case {
    name: &'static str,
    body: fn(&str) -> Value,
    /// Whether the request is the key's first in its minute, which its admission learns from a refused write.
    new_minute: bool,
    /// Whether its model is one of the open catalogue.
    open: bool,
    /// The expected calls: operation, and a text that its body contains.
    calls: &'static [(&'static str, &'static str)],
    /// The number of provider calls if the table has no fault.
    upstream: usize,
}

const CASES: [Case; 3] = [
    Case {
        name: "tools",
        body: tools,
        new_minute: false,
        open: false,
        calls: &[
            ("GetItem", "KEY"),
            ("UpdateItem", ADMISSION),
            ("Query", "ROUTES"),
            ("BatchGetItem", "S#call_"),
            ("BatchWriteItem", "S#call_"),
            ("UpdateItem", "T#"),
            ("TransactWriteItems", "E#"),
            ("UpdateItem", RELEASE),
        ],
        upstream: 1,
    },
    Case {
        name: "failover",
        body: failover,
        new_minute: true,
        open: false,
        calls: &[
            ("UpdateItem", NEW_MINUTE),
            ("UpdateItem", ADMISSION),
            ("Query", "ROUTES"),
            ("UpdateItem", "failures"),
            ("TransactWriteItems", "E#"),
            ("UpdateItem", RELEASE),
        ],
        upstream: 2,
    },
    Case {
        name: "open",
        body: open,
        new_minute: false,
        open: true,
        calls: &[
            ("GetItem", "KEY"),
            ("GetItem", "acme/model-8"),
            ("UpdateItem", ADMISSION),
            ("Query", "ROUTES"),
            ("TransactWriteItems", "E#"),
            ("UpdateItem", RELEASE),
        ],
        upstream: 1,
    },
];

fn open(label: &str) -> Value {
    let script = format!("hi [[sim:echo label={label}]]");
    json!({"model": "acme/model-8", "max_tokens": 512, "messages": [{"role": "user", "content": script}]})
}

fn tools(label: &str) -> Value {
    // An earlier call with an id of the gateway's own form: its signature is looked up, for a key that is known.
    let id = format!("call_{}0", "0a".repeat(16));
    let call = json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
    json!({
        "model": "gemini-3-pro", "max_tokens": 512, "stream": true, "metadata": {"tag": "team-a"},
        "messages": [
            {"role": "user", "content": "look"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": id, "content": "seen"},
            {"role": "assistant", "content": "I have looked."},
            {"role": "user", "content": format!("go [[sim:tool label={label}]]")},
        ],
        "tools": [{"type": "function", "function": {"name": "look"}}],
    })
}

fn failover(label: &str) -> Value {
    let script = format!("hi [[sim:error status=500 on=claude label={label}]]");
    json!({"model": "claude-opus-4.6", "max_tokens": 512, "messages": [{"role": "user", "content": script}]})
}

/// Longer than the time limit of a ledger write.
const VERY_LATE: Duration = Duration::from_millis(2_400);

/// If these calls are delayed, they arrive after the calls that replaced them.
const FAULTS: [Action; 8] = [
    Action::Throttle,
    Action::InternalError,
    Action::TransactionConflict,
    Action::Refuse,
    Action::CommitAndDrop,
    Action::CommitAndDelay(LATE),
    Action::Delay(LATE),
    Action::Delay(VERY_LATE),
];

/// Ten thousand times the cost of a request.
const GRANT: i128 = 1_000_000_000_000_000;

/// Whether a call can fail so: a plain read never conflicts with a transaction (DynamoDB's developer guide, transaction conflicts).
fn can_happen(call: (&str, &str), fault: &Action) -> bool {
    call.0 != "GetItem" || *fault != Action::TransactionConflict
}

impl Case {
    /// A gateway for it, with the open catalogue on: it must not cost the models of the catalogue a call. Its list is read where the
    /// case needs it.
    async fn gateway(&self, mut options: Options) -> Result<Harness> {
        options.variables.push(("OPEN_CATALOG".to_owned(), "true".to_owned()));
        let gateway = Harness::start_with(options).await?;
        if self.open {
            gateway.stack.lambda.invoke("reconcile", "{}".to_owned()).await?;
            proxy(&gateway).forget_calls();
        }
        Ok(gateway)
    }

    async fn account(&self, gateway: &Harness) -> Result<Account> {
        let account = Account::prepaid(gateway, GRANT).await?;
        if !self.new_minute {
            account.begin_window(gateway).await?;
        }
        Ok(account)
    }
}

/// The operation of each call and the text that identifies it, as in the case's list.
fn known(calls: &[Call], case: &Case) -> Vec<Option<(&'static str, &'static str)>> {
    let place = |call: &Call| {
        case.calls.iter().copied().find(|(operation, part)| call.operation == *operation && call.body.contains(part))
    };
    calls.iter().map(place).collect()
}

#[tokio::test]
async fn the_cases_list_every_call_that_their_requests_make() -> Result<()> {
    for case in CASES {
        let gateway = case.gateway(breakable()?).await?;
        let account = case.account(&gateway).await?;
        let answer = account.ask(&gateway, &(case.body)("clean")).await?;
        assert_eq!((answer.status, gateway.journal("clean").len()), (200, case.upstream), "{}", answer.body);
        let calls = proxy(&gateway).calls();
        let mut made = known(&calls, &case);
        assert!(!made.contains(&None), "{}: a call that is not listed: {calls:?}", case.name);
        made.sort_unstable();
        let mut listed: Vec<_> = case.calls.iter().copied().map(Some).collect();
        listed.sort_unstable();
        assert_eq!(made, listed, "{}", case.name);
        account.balanced(&gateway, 1).await?;
    }
    Ok(())
}

/// Plays one fault to one call, on a gateway of its own: what is read once in a while is read again. Its process has opened its
/// connections while it started, so that no attempt's time holds that.
async fn play(case: &Case, call: (&str, &str), fault: &Action) -> Result<()> {
    let place = format!("{} {} {} {fault:?}", case.name, call.0, call.1);
    let mut options = breakable()?;
    options.variables.push(("WARMUP".to_owned(), "1".to_owned()));
    let gateway = case.gateway(options).await?;
    let account = case.account(&gateway).await?;
    inject(&gateway, Rule::on(call.0, fault.clone()).containing(call.1).times(1));
    let answer = account.ask(&gateway, &(case.body)("cell")).await?;
    assert!(answer.status == 200 && answer.complete && !answer.body.contains("\"error\""), "{place}: {}", answer.body);
    assert_eq!(gateway.journal("cell").len(), case.upstream, "{place}");
    assert_eq!(proxy(&gateway).faults(), 1, "{place}");
    let records = account.balanced(&gateway, 1).await?;
    assert!(records[0].charged > 0 && records[0].source == "upstream", "{place}: {records:?}");
    if matches!(fault, Action::Delay(_)) {
        // The late one arrives.
        tokio::time::sleep(VERY_LATE).await;
        eventually("quiet", async || Ok(account.stored(&gateway).await?.holds.is_empty())).await?;
        account.balanced(&gateway, 1).await?;
    }
    Ok(())
}

/// Plays a case's part of the matrix, two cells at a time.
async fn play_all(case: &Case) -> Result<()> {
    let cells = case.calls.iter().flat_map(|call| FAULTS.iter().map(move |fault| (*call, fault)));
    let cells = cells.filter(|(call, fault)| can_happen(*call, fault));
    let cells = cells.map(|(call, fault)| play(case, call, fault));
    stream::iter(cells).buffer_unordered(2).try_collect::<Vec<()>>().await.map(drop)
}

#[tokio::test]
async fn r2_any_fault_of_any_call_of_a_request_with_tools_leaves_one_exact_record() -> Result<()> {
    play_all(&CASES[0]).await
}

#[tokio::test]
async fn r2_any_fault_of_any_call_of_a_request_that_changes_its_route_leaves_one_exact_record() -> Result<()> {
    play_all(&CASES[1]).await
}

#[tokio::test]
async fn r2_any_fault_of_any_call_of_a_request_to_an_open_model_leaves_one_exact_record() -> Result<()> {
    play_all(&CASES[2]).await
}
