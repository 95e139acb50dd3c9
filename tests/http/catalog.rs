//! An operator's own catalogue, and models that their vendor has ended.

use std::path::PathBuf;

use anyhow::Result;
use gateway_dev::stack::Options;
use gateway_tests::{Harness, options, project};
use serde_json::{Value, json};

/// A file that is removed when the test ends.
pub(crate) struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// A model's entry with these additional lines.
pub(crate) fn entry(id: &str, routes: &str, lines: &str) -> String {
    format!(
        "\n[[model]]\nid = \"{id}\"\nname = \"{id}\"\nowned_by = \"x\"\nroutes = {routes}\n\
         price = {{ input = \"1\", output = \"2\" }}\ncontext_window = 100000\nmax_output_tokens = 1000\n\
         input_modalities = [\"text\"]\nprofile = \"open\"\n{lines}\n"
    )
}

/// The embedded catalogue and these entries, in a file; and a stack's options with it and without Vertex AI.
pub(crate) fn with_entries(name: &str, entries: &[String]) -> Result<(File, Options)> {
    let embedded = std::fs::read_to_string(project().join("shared/src/catalog/models.toml"))?;
    let path = std::env::temp_dir().join(format!("gateway-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, embedded + &entries.concat())?;
    let mut options = options()?;
    options.variables.push(("MODEL_CATALOG".to_owned(), path.display().to_string()));
    options.variables.push(("GOOGLE_APPLICATION_CREDENTIALS_JSON".to_owned(), String::new()));
    Ok((File(path), options))
}

#[tokio::test]
async fn models_on_their_way_out_answer_with_their_end_and_gone_ones_are_refused() -> Result<()> {
    let (_file, options) = with_entries(
        "ends",
        &[
            entry("old-1", "[[\"openrouter\", \"x/old-1\"]]", "deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\""),
            entry(
                "older-1",
                "[[\"openrouter\", \"x/older-1\"]]",
                "deprecated = \"2025-01-31\"\nreplacement = \"old-1\"\ngone = true",
            ),
        ],
    )?;
    let gateway = Harness::start_with(options).await?;
    let ask = |model: &str, stream: bool| json!({"model": model, "stream": stream, "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]});
    for (path, stream) in [("/v1/chat/completions", false), ("/v1/chat/completions", true), ("/v1/messages", true)] {
        let answer = gateway.post(path, &ask("old-1", stream)).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let headers = (answer.header("x-model-deprecated"), answer.header("x-model-replacement"));
        assert_eq!(headers, ("2026-11-30", "gpt-5.2"));
        let current = gateway.post(path, &ask("gpt-5.2", stream)).await?;
        assert_eq!((current.status, current.header("x-model-deprecated")), (200, ""));
    }
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"] {
        let gone = gateway.post(path, &ask("x/older-1", false)).await?;
        assert_eq!(gone.status, 410, "{}", gone.body);
        let headers = (gone.header("x-model-deprecated"), gone.header("x-model-replacement"), gone.header("x-should-retry"));
        assert_eq!(headers, ("2025-01-31", "old-1", "false"));
        let error = &gone.json()["error"];
        assert_eq!((&error["type"], &error["code"]), (&json!("not_found_error"), &json!("model_gone")));
        assert_eq!(error["message"], "The model `older-1` is no longer available. Use `old-1` instead.");
    }
    assert_eq!(gateway.get("/v1/models/older-1").await?.status, 410);
    Ok(())
}

#[tokio::test]
async fn the_list_holds_the_contracts_models_and_those_that_a_provider_serves() -> Result<()> {
    let (_file, options) = with_entries(
        "list",
        &[
            entry("vertex-only", "[[\"vertex-claude\", \"vertex-only\"]]", ""),
            entry("old-1", "[[\"openrouter\", \"x/old-1\"]]", "deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\""),
            entry("gone-1", "[[\"openrouter\", \"x/gone-1\"]]", "deprecated = \"2026-11-30\"\ngone = true"),
        ],
    )?;
    let mut without = options.clone();
    without.variables.push(("OPENROUTER_API_KEY".to_owned(), String::new()));
    let list = async |options| -> Result<Vec<Value>> {
        let gateway = Harness::start_with(options).await?;
        Ok(gateway.get("/v1/models").await?.json()["data"].as_array().cloned().unwrap_or_default())
    };
    let listed = list(options).await?;
    let ids: Vec<&str> = listed.iter().filter_map(|model| model["id"].as_str()).collect();
    assert_eq!((ids[13], ids.last()), ("qwen3-coder", Some(&"old-1")), "{ids:?}");
    let old = &listed[ids.len() - 1];
    assert_eq!((&old["deprecated"], &old["replacement"]), (&json!("2026-11-30"), &json!("gpt-5.2")));
    assert!(listed[0].get("deprecated").is_none());
    assert_eq!(list(without).await?[..], listed[..14]);
    Ok(())
}

#[tokio::test]
async fn models_that_the_deployment_does_not_serve_are_refused_and_not_listed() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("MODELS_ALLOWED".to_owned(), "claude-*, gpt-5*".to_owned()));
    options.variables.push(("MODELS_DENIED".to_owned(), "*-opus-*".to_owned()));
    let gateway = Harness::start_with(options).await?;
    let body = |model: &str| json!({"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]});
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"] {
        for (model, status) in [("claude-haiku-4.5", 200), ("anthropic/claude-opus-4.6", 403), ("gemini-3-flash", 403)] {
            let answer = gateway.post(path, &body(model)).await?;
            assert_eq!(answer.status, status, "{path} {model}: {}", answer.body);
            if status == 403 {
                let error = &answer.json()["error"];
                assert_eq!(
                    (&error["code"], &error["param"]),
                    (&json!("model_not_allowed"), &json!("model")),
                    "{path} {model}"
                );
            }
        }
    }
    for (model, status) in [("claude-haiku-4.5", 200), ("claude-opus-4.6", 403), ("gpt-9", 404)] {
        assert_eq!(gateway.get(&format!("/v1/models/{model}")).await?.status, status, "{model}");
    }
    let list = gateway.get("/v1/models").await?.json();
    let ids: Vec<&str> = list["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str()).collect();
    assert!(
        ids.contains(&"gpt-5.2") && ids.iter().all(|id| id.starts_with("claude-") || id.starts_with("gpt-5")),
        "{ids:?}"
    );
    assert!(!ids.iter().any(|id| id.contains("opus")), "{ids:?}");
    Ok(())
}

#[tokio::test]
async fn a_catalogue_that_cannot_be_used_stops_the_start_and_says_which_and_why() -> Result<()> {
    let (file, options) = with_entries("bad", &[entry("gpt-5.2", "[[\"openrouter\", \"x/y\"]]", "")])?;
    let gateway = Harness::start_with(options).await?;
    assert!(gateway.get("/v1/models").await?.status >= 500);
    let words = format!("MODEL_CATALOG: {}: catalogue: model gpt-5.2: the name gpt-5-2 already belongs", file.0.display());
    assert!(gateway.stack.logs.lines().iter().any(|line| line.contains(&words)), "{:?}", gateway.stack.logs.lines());
    Ok(())
}

#[tokio::test]
async fn a_route_that_is_marked_so_is_asked_for_whole_replies_whatever_the_client_wants() -> Result<()> {
    let (_file, options) = with_entries("whole", &[entry("whole-1", "[[\"openrouter\", \"x/whole-1\", \"whole\"]]", "")])?;
    let gateway = Harness::start_with(options).await?;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        for stream in [false, true] {
            let label = format!("{}-{stream}", path.len());
            let content = format!("hi [[sim:echo label={label}]]");
            let body = json!({"model": "whole-1", "stream": stream, "max_tokens": 99, "messages": [{"role": "user", "content": content}]});
            let answer = gateway.post(path, &body).await?;
            let text = if stream { answer.streamed_text() } else { answer.body.clone() };
            assert!(answer.status == 200 && text.contains("You said"), "{path} {stream}: {}", answer.body);
            let sent: Value = serde_json::from_str(&gateway.journal(&label)[0].body)?;
            assert_eq!((&sent["stream"], sent.get("stream_options")), (&json!(false), None), "{path} {stream}");
        }
    }
    Ok(())
}
