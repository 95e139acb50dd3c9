//! `bk credits` and `GET /v1/credits`, exact to the pico-dollar.

use anyhow::Result;
use gateway_tests::{Harness, eventually, read};
use serde_json::{Value, json};

use crate::bk::{answer, bk, chat, created, get, text};

const MODEL: &str = "gpt-5.2";

/// The number after `"name":`, exactly as it is written.
fn digits(body: &str, name: &str) -> String {
    let rest = body.split(&format!("\"{name}\":")).nth(1).unwrap_or_default();
    rest.chars().take_while(|c| !matches!(c, ',' | '}')).collect()
}

async fn balance(gateway: &Harness, key: &str) -> Result<String> {
    Ok(digits(&get(gateway, key, "/v1/credits").await?.body, "balanceUsd"))
}

#[tokio::test]
async fn grants_add_up_to_the_pico_dollar_and_the_balance_shows_them_at_once() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--balance", "0.000000000001"]).await?;
    assert_eq!(balance(&gateway, &key).await?, "0.000000000001");
    for (arguments, expected) in [
        (vec!["123456789.123456789012"], "123456789.123456789013"),
        (vec!["0.1"], "123456789.223456789013"),
        (vec!["0.2", "--note", "a float would say 0.30000000000000004"], "123456789.423456789013"),
        (vec!["123456790", "--minus"], "-0.576543210987"),
        (vec!["0.576543210987"], "0"),
    ] {
        let output = bk(&gateway, &[&["credits", "grant", id.as_str()], arguments.as_slice(), &["--json"]].concat()).await?;
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(digits(&text(&output.stdout), "balanceUsd"), expected, "{arguments:?}");
        assert_eq!(balance(&gateway, &key).await?, expected, "{arguments:?}");
    }
    let shown = answer(&gateway, &["credits", "show", &id]).await?;
    assert_eq!((&shown["grantedUsd"], &shown["balanced"]), (&json!(0), &json!(true)));
    let grants = shown["grants"].as_array().unwrap();
    assert_eq!(
        (grants.len(), &grants[0]["note"], &grants[3]["note"]),
        (6, &json!("first balance"), &json!("a float would say 0.30000000000000004"))
    );
    let printed = text(&bk(&gateway, &["credits", "show", &id]).await?.stdout);
    for words in ["balance  0 USD", "-123456790 USD", "0.000000000001 USD", "books    balanced"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    Ok(())
}

#[tokio::test]
async fn what_requests_cost_leaves_the_balance_exactly() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--balance", "2"]).await?;
    let mut charged = 0;
    for words in ["one", "two words", "and a few more of them"] {
        let usage = chat(&gateway, &key, MODEL, words).await?.json()["usage"].clone();
        // 1.75 and 14 dollars per million tokens, in pico-dollars per token.
        charged +=
            usage["prompt_tokens"].as_u64().unwrap() * 1_750_000 + usage["completion_tokens"].as_u64().unwrap() * 14_000_000;
    }
    let left = 2_000_000_000_000 - charged;
    assert_eq!(balance(&gateway, &key).await?, format!("1.{:012}", left - 1_000_000_000_000).trim_end_matches('0'));
    let shown = answer(&gateway, &["credits", "show", &id]).await?;
    assert_eq!((&shown["balanced"], &shown["heldUsd"], &shown["offByUsd"]), (&json!(true), &json!(0), &json!(0)));
    Ok(())
}

#[tokio::test]
async fn a_grant_that_is_repeated_under_its_id_adds_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &["--prepaid"]).await?;
    let first = answer(&gateway, &["credits", "grant", &id, "5"]).await?;
    assert_eq!((&first["new"], &first["balanceUsd"]), (&json!(true), &json!(5)));
    let grant = first["grant"].as_str().unwrap();
    let second = answer(&gateway, &["credits", "grant", &id, "5", "--again", grant]).await?;
    assert_eq!((&second["new"], &second["balanceUsd"], &second["grant"]), (&json!(false), &json!(5), &json!(grant)));
    let other = bk(&gateway, &["credits", "grant", &id, "6", "--again", grant]).await?;
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("is another grant"), "{}", text(&other.stderr));
    assert_eq!(answer(&gateway, &["credits", "show", &id]).await?["grantedUsd"], json!(5));
    Ok(())
}

#[tokio::test]
async fn grants_and_requests_at_the_same_moment_lose_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--balance", "10"]).await?;
    let requests = async { futures_util::future::join_all((0..6).map(|_| chat(&gateway, &key, MODEL, "hi"))).await };
    let arguments = ["credits", "grant", id.as_str(), "1"];
    let grants = async { futures_util::future::join_all((0..6).map(|_| bk(&gateway, &arguments))).await };
    let (requests, grants) = tokio::join!(requests, grants);
    for answer in requests {
        assert_eq!(answer?.status, 200);
    }
    for output in grants {
        let output = output?;
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let shown = answer(&gateway, &["credits", "show", &id]).await?;
    assert_eq!((&shown["grantedUsd"], &shown["balanced"]), (&json!(16), &json!(true)), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_key_becomes_prepaid_on_request_with_its_earlier_charges_in_the_books() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &[]).await?;
    let before = get(&gateway, &key, "/v1/credits").await?;
    let (before, nothing) = (before.json(), json!(null));
    assert_eq!((&before["balanceUsd"], &before["prepaid"]), (&nothing, &json!(false)));
    assert!(before.get("heldUsd").is_none(), "{before}");
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);

    let shown = text(&bk(&gateway, &["credits", "show", &id]).await?.stdout);
    assert!(shown.starts_with("this key is not prepaid: it has no balance\ncharged  0.0"), "{shown}");
    let refused = bk(&gateway, &["credits", "grant", &id, "5"]).await?;
    let error = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("is not prepaid") && error.contains(&format!("bk keys limit {id} --prepaid")), "{error}");

    let limited = answer(&gateway, &["keys", "limit", &id, "--prepaid", "--rpm", "9"]).await?;
    assert_eq!((&limited["prepaid"], &limited["balanceUsd"], &limited["rpm"]), (&json!(true), &json!(0), &json!(9)));
    let again = bk(&gateway, &["keys", "limit", &id, "--prepaid"]).await?;
    assert!(text(&again.stderr).contains("is prepaid already"));
    answer(&gateway, &["credits", "grant", &id, "5"]).await?;
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);

    let shown = answer(&gateway, &["credits", "show", &id]).await?;
    assert_eq!(shown["balanced"], json!(true), "{shown}");
    assert_eq!(shown["grants"][0]["note"], "charged before it was prepaid");
    let after = get(&gateway, &key, "/credits").await?.json();
    assert_eq!((&after["prepaid"], &after["heldUsd"]), (&json!(true), &json!(0)));
    Ok(())
}

#[tokio::test]
async fn what_a_running_request_may_cost_is_held() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--balance", "10"]).await?;
    get(&gateway, &key, "/v1/credits").await?;
    let slow = chat(&gateway, &key, MODEL, "hi [[sim:silent ms=8000 label=slow]]");
    let (slow, (during, books, printed)) = tokio::try_join!(slow, async {
        eventually("the slow one runs", async || Ok(!gateway.journal("slow").is_empty())).await?;
        let during = get(&gateway, &key, "/v1/credits").await?.json();
        let books = answer(&gateway, &["credits", "show", &id]).await?;
        Ok((during, books, bk(&gateway, &["credits", "show", &id]).await?))
    })?;
    assert_eq!(slow.status, 200);
    assert!(during["heldUsd"].as_f64() > Some(0.1) && during["balanceUsd"].as_f64() < Some(9.9), "{during}");
    assert_eq!((&books["balanced"], &books["heldUsd"]), (&Value::Null, &during["heldUsd"]));
    assert!(text(&printed.stdout).contains("requests are running"));
    assert_eq!(answer(&gateway, &["credits", "show", &id]).await?["balanced"], json!(true));
    Ok(())
}

#[tokio::test]
async fn amounts_that_are_not_exact_dollars_are_wrong_usage() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &["--prepaid"]).await?;
    for wrong in ["0", "1e3", "0.0000000000001", "five", "1,50", "1000000001"] {
        let output = bk(&gateway, &["credits", "grant", &id, wrong]).await?;
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", text(&output.stderr));
    }
    let unknown = bk(&gateway, &["credits", "grant", "0000000000000000", "1"]).await?;
    assert!(unknown.status.code() == Some(1) && text(&unknown.stderr).contains("there is no key"));
    assert_eq!(answer(&gateway, &["credits", "show", &id]).await?["grants"], json!([]));
    Ok(())
}

#[tokio::test]
async fn credits_are_one_keys_own_and_read_like_every_other_endpoint() -> Result<()> {
    let gateway = Harness::start().await?;
    for path in ["/v1/credits", "/credits", "/v1/v1/credits", "/v1/credits/?x=1"] {
        let answer = gateway.get(path).await?;
        assert_eq!((answer.status, &answer.json()["prepaid"]), (200, &json!(false)), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let anonymous = read(gateway.client.get(format!("{}/v1/credits", gateway.stack.url))).await?;
    assert_eq!((anonymous.status, &anonymous.json()["error"]["type"]), (401, &json!("auth_error")));
    let head = read(gateway.request("HEAD", "/v1/credits")).await?;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let preflight = read(gateway.request("OPTIONS", "/v1/credits")).await?;
    assert_eq!(preflight.status, 204);
    let post = read(gateway.request("POST", "/v1/credits").body("{}")).await?;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD, OPTIONS"));
    Ok(())
}
