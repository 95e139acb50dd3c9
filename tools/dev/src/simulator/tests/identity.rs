//! How clients obtain tokens, parameters and keys, and how tests change which are accepted.

use super::super::federation::tests::Draft;
use super::super::{AwsCredentials, ssm};
use super::*;

const CLAUDE: &str = "anthropic/models/claude-opus-4-6:rawPredict";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const ACCOUNT: &str = "simulator@simulated-project.iam.gserviceaccount.com";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

impl Stand {
    /// The status and Google's error name if this token is used for a model.
    async fn models(&self, token: &str) -> (u16, Value) {
        let headers = format!("authorization: Bearer {token}\r\n");
        let reply = self.send(&vertex_line(CLAUDE), &headers, &messages("hello", "")).await;
        (reply.status, reply.json()["error"]["status"].clone())
    }

    async fn federated(&self) -> String {
        let reply = self.send("POST /sts/v1/token", FORM, &Draft::default().form()).await;
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn impersonated(&self, token: &str, email: &str, body: &str) -> Reply {
        let line = format!("POST /impersonate/v1/projects/-/serviceAccounts/{email}:generateAccessToken");
        self.send(&line, &format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n"), body).await
    }

    async fn order(&self, path: &str, body: &str) -> u16 {
        self.send(&format!("POST /_simulator/{path}"), "", body).await.status
    }

    /// The headers of a signed request to the parameter store. The HTTP client adds the host.
    fn signed(&self, credentials: &AwsCredentials, body: &str) -> String {
        let headers = ssm::tests::headers(&self.host, credentials, body);
        let lines =
            headers.iter().filter(|(name, _)| *name != "host").map(|(name, value)| [name, ": ", value, "\r\n"].concat());
        lines.collect()
    }

    async fn parameter(&self, credentials: &AwsCredentials, body: &str) -> Reply {
        self.send("POST /ssm/", &self.signed(credentials, body), body).await
    }

    /// Scenario and status of each row of a provider.
    fn rows(&self, provider: &str) -> Vec<(String, u16)> {
        let rows = self.simulator.journal().entries("").into_iter().filter(|row| row.provider == provider);
        rows.map(|row| (row.scenario, row.status)).collect()
    }
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_new_ones_accepted() {
    with_simulator(async |stand: Stand| {
        let old = stand.token().await;
        assert_eq!(stand.models(&old).await, (200, Value::Null));
        assert_eq!(stand.order("tokens", r#"{"revoke":true}"#).await, 204);
        assert_eq!(stand.models(&old).await, (401, "UNAUTHENTICATED".into()));
        let new = stand.token().await;
        assert_eq!(stand.models(&new).await.0, 200);
        stand.simulator.revoke_tokens();
        assert_eq!(stand.models(&new).await.0, 401);
        let shown = stand.simulator.journal().entries("").pop().unwrap().headers["authorization"].clone();
        assert_eq!(shown, format!("Bearer {new}"));
    })
    .await;
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_told_to() {
    with_simulator(async |stand: Stand| {
        assert_eq!(stand.order("tokens", r#"{"expires_in":3}"#).await, 204);
        let form = token::tests::form(&stand.host, 3_600);
        let grant = stand.send("POST /token", FORM, &form).await.json();
        assert_eq!(grant["expires_in"], 3);
        let token = grant["access_token"].as_str().unwrap();
        assert_eq!(stand.models(token).await.0, 200);
        tokio::time::sleep(Duration::from_millis(3_050)).await;
        assert_eq!(stand.models(token).await, (401, "UNAUTHENTICATED".into()));
    })
    .await;
}

#[tokio::test]
async fn token_endpoints_fail_until_they_are_told_to_work() {
    with_simulator(async |stand: Stand| {
        let token = stand.federated().await;
        assert_eq!(stand.order("tokens", r#"{"status":503}"#).await, 204);
        let form = token::tests::form(&stand.host, 3_600);
        let failed = stand.send("POST /token", FORM, &form).await;
        assert_eq!((failed.status, &failed.json()["error"]), (503, &"internal_failure".into()));
        assert_eq!(stand.send("POST /sts/v1/token", FORM, &Draft::default().form()).await.status, 503);
        let failed = stand.impersonated(&token, ACCOUNT, "{}").await;
        assert_eq!((failed.status, &failed.json()["error"]["status"]), (503, &"UNAVAILABLE".into()));
        assert_eq!(stand.order("tokens", r#"{"status":200}"#).await, 204);
        assert_eq!(stand.send("POST /token", FORM, &form).await.status, 200);
        let rows = [("sts", 200), ("token", 503), ("sts", 503), ("impersonate", 503), ("token", 200)];
        assert_eq!(stand.rows("token"), rows.map(|(scenario, status)| (scenario.to_owned(), status)));
    })
    .await;
}

#[tokio::test]
async fn wrong_orders_change_nothing() {
    with_simulator(async |stand: Stand| {
        for (path, body) in [
            ("tokens", "{"),
            ("tokens", r#"{"status":302}"#),
            ("tokens", r#"{"revoked":true}"#),
            ("parameters", r#"{"name":"x"}"#),
            ("openrouter-key", "{}"),
        ] {
            assert_eq!(stand.order(path, body).await, 400, "{body}");
        }
        assert_eq!(stand.openrouter(&chat("hello", "")).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn signed_request_to_aws_buys_a_federated_token() {
    with_simulator(async |stand: Stand| {
        let reply = stand.send("POST /sts/v1/token", FORM, &Draft::default().form()).await;
        let grant = reply.json();
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        assert_eq!((reply.status, &grant["issued_token_type"]), (200, &kind.into()));
        assert_eq!((&grant["token_type"], &grant["expires_in"]), (&"Bearer".into(), &3_599.into()));
        assert_eq!(stand.models(grant["access_token"].as_str().unwrap()).await.0, 200);
        let wrong = Draft { secret: "other", ..Draft::default() }.form();
        let reply = stand.send("POST /sts/v1/token", FORM, &wrong).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &"invalid_grant".into()));
        assert!(reply.json()["error_description"].as_str().unwrap().contains("signature"), "{}", reply.body);
        assert_eq!(stand.rows("token"), [("sts".to_owned(), 200), ("refused".to_owned(), 400)]);
    })
    .await;
}

#[tokio::test]
async fn federated_token_buys_one_of_the_service_account() {
    with_simulator(async |stand: Stand| {
        let federated = stand.federated().await;
        let body = format!(r#"{{"scope":["{SCOPE}"],"lifetime":"600s"}}"#);
        let reply = stand.impersonated(&federated, ACCOUNT, &body).await;
        let granted = reply.json();
        let ends: jiff::Timestamp = granted["expireTime"].as_str().unwrap().parse().unwrap();
        let left = ends.as_second() - jiff::Timestamp::now().as_second();
        assert!(reply.status == 200 && (595..=601).contains(&left), "{left}");
        let token = granted["accessToken"].as_str().unwrap();
        assert_eq!(stand.models(token).await.0, 200);
        for (token, email, body, status) in [
            (token, ACCOUNT, body.as_str(), 401),
            (&federated, "other@x.iam.gserviceaccount.com", body.as_str(), 403),
            (&federated, ACCOUNT, r#"{"scope":[]}"#, 400),
        ] {
            assert_eq!(stand.impersonated(token, email, body).await.status, status, "{email} {body}");
        }
        assert_eq!(stand.rows("token")[1], ("impersonate".to_owned(), 200));
    })
    .await;
}

#[tokio::test]
async fn a_signed_call_gets_its_parameter() {
    with_simulator(async |stand: Stand| {
        let own = AwsCredentials::default();
        stand.simulator.set_parameter("/gateway/key", "sk-or-stored");
        let reply = stand.parameter(&own, r#"{"Name":"/gateway/key","WithDecryption":true}"#).await;
        let parameter = reply.json()["Parameter"].clone();
        assert_eq!((reply.status, &parameter["Name"]), (200, &"/gateway/key".into()));
        assert_eq!((&parameter["Type"], &parameter["Value"]), (&"SecureString".into(), &"sk-or-stored".into()));
        assert!(reply.head.contains("content-type: application/x-amz-json-1.1"));
        let sealed = stand.parameter(&own, r#"{"Name":"/gateway/key"}"#).await;
        assert!(sealed.status == 200 && !sealed.body.contains("sk-or-stored"), "{}", sealed.body);
        assert_eq!(stand.rows("ssm"), [("get-parameter".to_owned(), 200), ("get-parameter".to_owned(), 200)]);
    })
    .await;
}

#[tokio::test]
async fn parameter_store_refuses_in_aws_s_own_names() {
    with_simulator(async |stand: Stand| {
        let own = AwsCredentials::default();
        assert_eq!(stand.order("parameters", r#"{"name":"here","value":"secret"}"#).await, 204);
        let here = r#"{"Name":"here","WithDecryption":true}"#;
        assert_eq!(stand.parameter(&own, here).await.json()["Parameter"]["Value"], "secret");
        let name = |reply: Reply| (reply.status, reply.json()["__type"].as_str().unwrap().to_owned());
        let refused = |kind: &str| (400, kind.to_owned());
        assert_eq!(name(stand.parameter(&own, r#"{"Name":"gone"}"#).await), refused("ParameterNotFound"));
        let forged = AwsCredentials { secret_access_key: "other".to_owned(), ..own.clone() };
        assert_eq!(name(stand.parameter(&forged, here).await), refused("InvalidSignatureException"));
        let foreign = AwsCredentials { access_key_id: "other".to_owned(), ..own.clone() };
        assert_eq!(name(stand.parameter(&foreign, here).await), refused("UnrecognizedClientException"));
        assert_eq!(name(stand.send("POST /ssm/", "", here).await), refused("MissingAuthenticationTokenException"));
        let session = AwsCredentials { session_token: Some("session".to_owned()), ..own.clone() };
        stand.simulator.set_aws_credentials(session.clone());
        assert_eq!(name(stand.parameter(&own, here).await), refused("UnrecognizedClientException"));
        assert_eq!(stand.parameter(&session, here).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn changed_body_does_not_fit_its_signature() {
    with_simulator(async |stand: Stand| {
        let headers = stand.signed(&AwsCredentials::default(), r#"{"Name":"a"}"#);
        let reply = stand.send("POST /ssm/", &headers, r#"{"Name":"b"}"#).await;
        assert_eq!(reply.json()["__type"], "InvalidSignatureException");
    })
    .await;
}

#[tokio::test]
async fn openrouter_key_can_be_changed() {
    with_simulator(async |stand: Stand| {
        let with = async |key: &str| {
            let headers = format!("authorization: Bearer {key}\r\n");
            stand.send("POST /api/v1/chat/completions", &headers, &chat("hello", "")).await.status
        };
        assert_eq!(stand.order("openrouter-key", r#"{"key":"sk-or-new"}"#).await, 204);
        assert_eq!((with(OPENROUTER_KEY).await, with("sk-or-new").await), (401, 200));
        stand.simulator.set_openrouter_key("sk-or-newest");
        assert_eq!((with("sk-or-new").await, with("sk-or-newest").await), (401, 200));
        let shown = stand.simulator.journal().entries("").into_iter().map(|row| row.headers["authorization"].clone());
        assert!(shown.into_iter().all(|value| value.starts_with("Bearer sk-or-")));
    })
    .await;
}

#[tokio::test]
async fn the_list_of_models_has_as_many_as_it_is_told_to_and_needs_no_key() {
    with_simulator(async |stand| {
        let listed = async || stand.send("GET /api/v1/models", "", "").await.json()["data"].as_array().unwrap().clone();
        assert_eq!(listed().await.len(), 400);
        assert_eq!(stand.order("models", r#"{"models":2,"without_prices":1}"#).await, 204);
        let models = listed().await;
        let prices: Vec<&Value> = models.iter().map(|model| &model["pricing"]["prompt"]).collect();
        assert_eq!(prices, ["-1", "0.0000011"]);
    })
    .await;
}
