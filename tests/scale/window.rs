//! A refused write costs as much as a successful one. So the gateway sends no write whose refusal it can predict.

use anyhow::{Context as _, Result};
use gateway::admission::{Admission, issue_key};
use gateway::auth::ApiKey;
use gateway::ids::RequestId;
use gateway::protocol::{Demand, HoldPrice};
use gateway::store::Store;
use gateway::store::items::Limits;
use gateway_dev::database::Emulator;
use gateway_dev::proxy::FaultProxy;
use gateway_dev::stack::TABLE;
use secrecy::ExposeSecret as _;

const MODEL: &str = "gpt-5.2";

fn demand(key: &ApiKey) -> Demand {
    Demand {
        key: key.id().clone(),
        digest: key.digest(),
        request: RequestId::generate(),
        model: MODEL.to_owned(),
        input_tokens: 10,
        output_tokens: 10,
        paid_output: 10,
        least_output: 1,
        price: HoldPrice { input: 1, output: 1, markup_permille: 0 },
        lease: 960,
    }
}

/// The request of an admission.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Request,
    Count,
}

/// The writes of the first request in a minute, by an environment that has or has not seen an earlier window of the key.
async fn writes(ask: Ask, is_known: bool) -> Result<usize> {
    let emulator = Emulator::start(None, TABLE).await?;
    let proxy = FaultProxy::start(&emulator.endpoint).await?;
    let store = Store::local(TABLE, &proxy.endpoint);
    let (text, id) = issue_key(&store, "window", Limits::standard(), false).await?;
    let key = ApiKey::parse(text.expose_secret()).ok().context("a key")?;
    let admission = Admission::new(store.clone(), 0);
    if is_known {
        admission.authenticate(&key, None).await.ok().context("not recognised")?;
    }
    match ask {
        Ask::Request => assert!(admission.admit(&key, demand(&key), None).await.is_ok()),
        Ask::Count => assert!(admission.take_request(&key, MODEL, None).await.is_ok()),
    }
    let stored = store.key(&id).await?.context("the key")?;
    assert_eq!((stored.requests_left, stored.window > 0), (599, true));
    Ok(proxy.count("UpdateItem"))
}

#[tokio::test]
async fn a_new_minute_is_begun_by_the_first_write_of_an_environment_that_knows_the_one_before() -> Result<()> {
    for (ask, is_known, expected) in [
        (Ask::Request, true, 1),
        // If the environment does not know the window, the rejection tells it.
        (Ask::Request, false, 2),
        // The key is checked before anything is taken from it.
        (Ask::Count, false, 1),
    ] {
        assert_eq!(writes(ask, is_known).await?, expected, "{ask:?} {is_known}");
    }
    Ok(())
}
