//! The made-up usage of `make demo`.

use anyhow::{Context as _, Result};
use gateway::auth::ApiKey;
use gateway::catalog::Catalog;
use gateway::ledger::{Days, Summary, Timestamp, verify};
use gateway::store::Store;
use gateway_dev::database::Emulator;
use gateway_dev::demo;
use gateway_dev::stack::TABLE;
use secrecy::ExposeSecret as _;

#[tokio::test]
async fn made_up_usage_is_thirty_days_of_requests_whose_books_are_right_and_is_made_once() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let store = Store::local(TABLE, &emulator.endpoint);
    let folder = std::env::temp_dir().join(format!("gateway-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let key = demo::key(&store, "demo", &folder).await?;
    let id = ApiKey::parse(key.expose_secret()).ok().context("a key")?.id().clone();
    let days = Days::parse(Some("30")).ok().context("days")?;
    let summary = Summary::read(&store, &id, days, Timestamp::now()).await?;
    // Today has usage only until the current time.
    assert!((29..=30).contains(&summary.by_day.len()), "{:?}", summary.by_day.keys());
    assert!(summary.total.errors > 0 && summary.by_tag.len() == 4 && summary.by_model.len() == 7, "{summary:?}");
    let verified = verify(&store, &Catalog::embedded()?, |_| {}).await?;
    assert_eq!((verified.violations, verified.unsure), (vec![], vec![]));
    assert_eq!(verified.records, summary.total.requests);
    let again = demo::key(&store, "demo", &folder).await?;
    assert_eq!(again.expose_secret(), key.expose_secret());
    assert_eq!(Summary::read(&store, &id, days, Timestamp::now()).await?.total.requests, summary.total.requests);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
