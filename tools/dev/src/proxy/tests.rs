//! Each fault as the SDK sees it.

use std::time::{Duration, Instant};

use gateway::admission::issue_key;
use gateway::store::items::Limits;
use gateway::store::{Store, StoreError};

use super::*;
use crate::database::Emulator;

const TABLE: &str = "proxied";

struct Bench {
    _database: Emulator,
    proxy: FaultProxy,
    direct: Store,
    proxied: Store,
}

async fn bench() -> Bench {
    let database = Emulator::start(None, TABLE).await.unwrap();
    let proxy = FaultProxy::start(&database.endpoint).await.unwrap();
    let (direct, proxied) = (Store::local(TABLE, &database.endpoint), Store::local(TABLE, &proxy.endpoint));
    Bench { _database: database, proxy, direct, proxied }
}

#[tokio::test]
async fn without_rules_everything_is_passed_on_and_counted() {
    let bench = bench().await;
    let (_, id) = issue_key(&bench.proxied, "one", Limits::none(), false).await.unwrap();
    assert_eq!(bench.proxied.key(&id).await.unwrap(), bench.direct.key(&id).await.unwrap());
    assert_eq!((bench.proxy.count("TransactWriteItems"), bench.proxy.count("GetItem")), (1, 1));
    assert_eq!((bench.proxy.count("Query"), bench.proxy.faults()), (0, 0));
    bench.proxy.forget_calls();
    assert!(bench.proxy.calls().is_empty());
}

#[tokio::test]
async fn units_are_counted_from_when_they_are_first_asked_for() {
    let bench = bench().await;
    let (_, id) = issue_key(&bench.proxied, "one", Limits::none(), false).await.unwrap();
    assert_eq!(bench.proxy.take_units(), Units::default());
    bench.proxied.key(&id).await.unwrap();
    bench.proxied.current_key(&id).await.unwrap();
    // Two items below a KB, in a transaction.
    issue_key(&bench.proxied, "two", Limits::none(), false).await.unwrap();
    assert_eq!(bench.proxy.take_units(), Units { reads: 1.5, writes: 4.0 });
    assert_eq!(bench.proxy.take_units(), Units::default());
}

#[tokio::test]
async fn a_throttled_call_is_repeated_by_the_sdk() {
    let bench = bench().await;
    let (_, id) = issue_key(&bench.direct, "one", Limits::none(), false).await.unwrap();
    for (action, is_throttle) in [(Action::Throttle, true), (Action::ExceedThroughput, true), (Action::InternalError, false)]
    {
        bench.proxy.add(Rule::on("GetItem", action.clone()).times(2));
        assert!(bench.proxied.key(&id).await.unwrap().is_some());
        bench.proxy.add(Rule::any(action));
        let error = bench.proxied.key(&id).await.unwrap_err();
        assert_eq!(matches!(error, StoreError::Throttled(_)), is_throttle, "{error}");
        bench.proxy.heal();
    }
    assert_eq!((bench.proxy.count("GetItem"), bench.proxy.faults()), (18, 15));
}

#[tokio::test]
async fn a_conflict_is_told_in_the_operations_own_words() {
    let bench = bench().await;
    let (_, id) = issue_key(&bench.direct, "one", Limits::none(), false).await.unwrap();
    bench.proxy.add(Rule::any(Action::TransactionConflict));
    let transaction = bench.proxied.disable_key(&id).await.unwrap_err().to_string();
    assert!(transaction.contains("TransactionCanceledException") && transaction.contains("[TransactionConflict, None]"));
    let other = bench.proxied.key(&id).await.unwrap_err().to_string();
    assert!(other.contains("TransactionConflictException"), "{other}");
}

#[tokio::test]
async fn a_dropped_answer_leaves_the_work_done_and_a_refused_call_does_not() {
    let bench = bench().await;
    bench.proxy.add(Rule::on("TransactWriteItems", Action::Refuse));
    issue_key(&bench.proxied, "one", Limits::none(), false).await.unwrap_err();
    assert_eq!(bench.direct.list_keys().await.unwrap().len(), 0);
    bench.proxy.heal();
    bench.proxy.add(Rule::on("TransactWriteItems", Action::CommitAndDrop));
    issue_key(&bench.proxied, "two", Limits::none(), false).await.unwrap_err();
    assert_eq!(bench.direct.list_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn delayed_and_hanging_calls_take_their_time() {
    let bench = bench().await;
    let (_, id) = issue_key(&bench.direct, "one", Limits::none(), false).await.unwrap();
    for action in [Action::Delay(Duration::from_millis(200)), Action::CommitAndDelay(Duration::from_millis(200))] {
        bench.proxy.add(Rule::on("GetItem", action).times(1));
        let before = Instant::now();
        bench.proxied.key(&id).await.unwrap();
        assert!(before.elapsed() >= Duration::from_millis(200));
    }
    bench.proxy.add(Rule::on("GetItem", Action::Hang));
    tokio::time::timeout(Duration::from_millis(500), bench.proxied.key(&id)).await.unwrap_err();
}
