//! What operators use: `bk` and the events.

mod api_gateway;
mod bk;
mod catalog;
mod containers;
mod credits;
mod demo;
mod dev;
mod dev_start;
mod edge;
mod emulator;
mod events;
mod keys;
mod ledger;
mod limits;
mod names;
mod printing;
mod probe;
mod setup;
mod workflows;

use std::time::Duration;

use anyhow::Result;
use gateway_dev::proxy::{Action, Rule};
use gateway_dev::stack::Options;
use gateway_tests::{Harness, options};
use serde_json::{Value, json};

use crate::bk::{bk, bk_with, text};

async fn status_with(gateway: &Harness, key: &str) -> Result<u16> {
    let request = gateway.client.get(format!("{}/v1/usage", gateway.stack.url)).bearer_auth(key);
    Ok(request.send().await?.status().as_u16())
}

#[tokio::test]
async fn a_created_key_is_alone_on_standard_output_works_and_can_be_switched_off() -> Result<()> {
    let gateway = Harness::start().await?;
    let created = bk(&gateway, &["keys", "create", "--name", "ci"]).await?;
    let (key, notes) = (text(&created.stdout), text(&created.stderr));
    assert!(created.status.success(), "{notes}");
    assert!(key.starts_with("bk_") && key.trim().len() == 49 && key.lines().count() == 1, "{key}");
    assert!(!notes.contains(key.trim()));
    assert_eq!(status_with(&gateway, key.trim()).await?, 200);

    let listed: Value = serde_json::from_slice(&bk(&gateway, &["keys", "list", "--json"]).await?.stdout)?;
    let mine = listed.as_array().unwrap().iter().find(|line| line["name"] == "ci").unwrap().clone();
    assert_eq!((&mine["status"], &mine["last4"]), (&json!("active"), &json!(&key.trim()[45..])));
    let id = mine["id"].as_str().unwrap();
    let shown = text(&bk(&gateway, &["keys", "show", id]).await?.stdout);
    assert!(shown.contains("status   active") && shown.contains("expires  never"), "{shown}");

    let other = text(&bk(&gateway, &["keys", "create", "--name", "other"]).await?.stdout);
    let listed: Value = serde_json::from_slice(&bk(&gateway, &["keys", "list", "--json"]).await?.stdout)?;
    let other_id = listed.as_array().unwrap().iter().find(|line| line["last4"] == other.trim()[45..]).unwrap()["id"].clone();
    assert!(bk(&gateway, &["keys", "disable", other_id.as_str().unwrap()]).await?.status.success());
    assert_eq!(status_with(&gateway, other.trim()).await?, 401);
    Ok(())
}

#[tokio::test]
async fn bk_refuses_what_is_not_a_key_id_and_says_the_way_out() -> Result<()> {
    let gateway = Harness::start().await?;
    let key = gateway.stack.key().to_owned();
    for (arguments, code, words) in [
        (vec!["keys", "show", "0000000000000000"], 1, "there is no key 0000000000000000"),
        (vec!["keys", "disable", "0000000000000000"], 1, "there is no key 0000000000000000"),
        (vec!["keys", "show", "xyz"], 1, "there is no key xyz"),
        (vec!["keys", "show", key.as_str()], 1, "that is a key, not a key's id or name"),
        (vec!["keys"], 2, "Usage"),
    ] {
        let output = bk(&gateway, &arguments).await?;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(&key));
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_may_be_farther_from_the_table_than_a_function() -> Result<()> {
    let gateway = Harness::start_with(Options { fault_proxy: true, ..options()? }).await?;
    let proxy = gateway.stack.support.proxy.as_ref().expect("these options have a proxy");
    // Longer than a function waits for one attempt of any kind.
    proxy.add(Rule::any(Action::Delay(Duration::from_millis(1_500))));
    let far = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint.as_str())];
    for arguments in [&["keys", "create", "--name", "far"][..], &["keys", "list"]] {
        let output = bk_with(&gateway, &far, arguments).await?;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    }
    assert_eq!(proxy.calls().len(), proxy.faults());
    Ok(())
}
