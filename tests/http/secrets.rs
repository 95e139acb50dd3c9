//! Provider secrets that are in SSM and not in the environment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::extract::{Request, State};
use gateway_dev::simulator::{OPENROUTER_KEY, Simulator, service_account_json};
use gateway_dev::stack::Options;
use gateway_tests::{Harness, options};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server in place of SSM: the parameters by name, and the names that were requested.
#[derive(Default)]
struct Ssm {
    held: Vec<(&'static str, String)>,
    asked: Mutex<Vec<String>>,
}

impl Ssm {
    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        asked.sort();
        asked
    }
}

async fn get_parameter(State(ssm): State<Arc<Ssm>>, request: Request) -> (http::StatusCode, String) {
    assert_eq!(request.headers()["x-amz-target"], "AmazonSSM.GetParameter");
    assert!(request.headers()["authorization"].to_str().unwrap().contains("Credential=local/"));
    let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["WithDecryption"], true);
    let name = body["Name"].as_str().unwrap();
    ssm.asked.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    match ssm.held.iter().find(|(held, _)| *held == name) {
        Some((_, value)) => (http::StatusCode::OK, json!({"Parameter": {"Name": name, "Value": value}}).to_string()),
        None => (http::StatusCode::BAD_REQUEST, json!({"__type": "ParameterNotFound"}).to_string()),
    }
}

async fn listen() -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    Ok((listener, origin))
}

/// Simulated providers whose secrets are in SSM, with or without the parameters.
async fn start(held: bool) -> Result<(Arc<Ssm>, Options)> {
    let (listener, providers) = listen().await?;
    tokio::spawn(Simulator::new(Duration::ZERO).serve(listener, std::future::pending()));
    let secrets =
        [("/gateway/openrouter", OPENROUTER_KEY.to_owned()), ("/gateway/google", service_account_json(&providers))];
    let ssm = Arc::new(Ssm { held: if held { secrets.to_vec() } else { Vec::new() }, ..Ssm::default() });
    let (listener, endpoint) = listen().await?;
    let service = axum::Router::new().fallback(get_parameter).with_state(Arc::clone(&ssm));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let mut options = options()?;
    let variables = [
        ("OPENROUTER_API_KEY_PARAMETER", "/gateway/openrouter".to_owned()),
        ("OPENROUTER_BASE_URL", format!("{providers}/api/v1")),
        ("GOOGLE_APPLICATION_CREDENTIALS_PARAMETER", "/gateway/google".to_owned()),
        ("VERTEX_PROJECT", "simulated-project".to_owned()),
        ("VERTEX_BASE_URL", providers),
        ("AWS_ENDPOINT_URL_SSM", endpoint),
    ];
    options.variables.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    Ok((ssm, options))
}

fn ask(model: &str) -> Value {
    json!({"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]})
}

#[tokio::test]
async fn the_inference_functions_read_their_secrets_at_the_start_and_the_others_never() -> Result<()> {
    let (ssm, options) = start(true).await?;
    let gateway = Harness::start_with(options).await?;
    for path in ["/v1/models", "/v1/usage", "/health"] {
        assert_eq!(gateway.get(path).await?.status, 200, "{path}");
    }
    assert_eq!(ssm.asked(), [""; 0]);
    // This request is refused before it needs a provider. So the parameters that were read were read at the start.
    assert_eq!(gateway.post("/v1/chat/completions", &json!({})).await?.status, 400);
    assert_eq!(ssm.asked(), ["/gateway/google", "/gateway/openrouter"]);
    for model in ["gpt-5.2", "claude-opus-4.6", "gemini-2.5-flash"] {
        let answer = gateway.post("/v1/chat/completions", &ask(model)).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(ssm.asked().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_logged_and_answered_as_our_own_trouble() -> Result<()> {
    let (_ssm, options) = start(false).await?;
    let gateway = Harness::start_with(options).await?;
    let answer = gateway.post("/v1/chat/completions", &ask("gpt-5.2")).await?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{}", answer.body);
    assert!(!answer.body.contains("/gateway/openrouter"));
    let words = "SSM parameter /gateway/openrouter: ParameterNotFound";
    assert!(gateway.stack.logs.lines().iter().any(|line| line.contains(words)), "{:?}", gateway.stack.logs.lines());
    Ok(())
}

#[tokio::test]
async fn without_keys_in_the_environment_the_containers_credentials_sign_for_the_table_and_for_ssm() -> Result<()> {
    let (listener, origin) = listen().await?;
    let credentials = json!({
        "AccessKeyId": "local", "SecretAccessKey": "local", "Token": "session", "Expiration": "2099-01-01T00:00:00Z"
    });
    let service = axum::Router::new().fallback(async move || credentials.to_string());
    tokio::spawn(async move { axum::serve(listener, service).await });
    let (ssm, mut options) = start(true).await?;
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{origin}/credentials")),
    ] {
        options.variables.push((name.to_owned(), value.to_owned()));
    }
    let gateway = Harness::start_with(options).await?;
    let answer = gateway.post("/v1/chat/completions", &ask("gpt-5.2")).await?;
    assert_eq!((answer.status, ssm.asked().len()), (200, 2), "{}", answer.body);
    Ok(())
}
