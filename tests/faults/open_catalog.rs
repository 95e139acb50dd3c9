//! The list of models, read into a table that fails.

use anyhow::Result;
use gateway_dev::proxy::{Action, Rule};
use gateway_dev::stack::Options;
use gateway_tests::Harness;

use super::account::{breakable, inject, proxy};

async fn reconcile(gateway: &Harness) -> Result<()> {
    gateway.stack.lambda.invoke("reconcile", "{}".to_owned()).await.map(drop)
}

async fn started() -> Result<Harness> {
    let mut options: Options = breakable()?;
    options.variables.push(("OPEN_CATALOG".to_owned(), "true".to_owned()));
    Harness::start_with(options).await
}

#[tokio::test]
async fn a_list_that_is_half_written_counts_as_unread_and_is_read_again_an_hour_later() -> Result<()> {
    let gateway = started().await?;
    let store = &gateway.stack.support.store;
    // The first batch is written; the second one fails, however often it is tried.
    inject(&gateway, Rule::on("BatchWriteItem", Action::Throttle).containing("globex/model-37\""));
    reconcile(&gateway).await?;
    let state = store.list_state().await?;
    assert!(state.read == 0 && state.tried > 0, "{state:?}");
    proxy(&gateway).heal();
    reconcile(&gateway).await?;
    assert_eq!(gateway.journal("models").len(), 1);
    // An hour passes.
    assert!(store.claim_list(state, state.tried - 3_600).await?);
    reconcile(&gateway).await?;
    assert_eq!((gateway.journal("models").len(), store.list_state().await?.models), (2, 319));
    Ok(())
}

#[tokio::test]
async fn a_table_that_does_not_answer_keeps_no_hold_from_ending_for_the_lists_sake() -> Result<()> {
    let gateway = started().await?;
    let (store, key) = (&gateway.stack.support.store, gateway.key_id()?);
    gateway_tests::plant_dead_hold(store, &key).await?;
    inject(&gateway, Rule::on("GetItem", Action::InternalError).containing("#LIST"));
    reconcile(&gateway).await?;
    assert!(store.key(&key).await?.is_some_and(|key| key.holds.is_empty() && key.expired.is_empty()));
    assert_eq!(gateway.journal("models").len(), 0);
    Ok(())
}
