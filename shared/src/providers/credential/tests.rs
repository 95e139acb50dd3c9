//! Every kind of credential against a server that simulates SSM, Google's token endpoints and its impersonation.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::net::TcpListener;

use super::*;
use crate::aws::tests::{expected_authorization, role};
use crate::config::Parameter;

const KEY: &str = include_str!("../../../../tools/dev/src/simulator/throwaway-key.pem");
const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws";

/// A request as the server saw it.
#[derive(Clone)]
struct Seen {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Default)]
struct Server {
    origin: String,
    seen: Mutex<Vec<Seen>>,
    /// Paths that answer 503.
    broken: Mutex<HashSet<&'static str>>,
    /// The value of the SSM parameter.
    held: Mutex<String>,
    transport: Transport,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Self { origin, ..Self::default() });
        let service = axum::Router::new().fallback(answer).with_state(Arc::clone(&server));
        #[expect(clippy::disallowed_methods, reason = "the test's server runs in parallel to the test")]
        tokio::spawn(async move { axum::serve(listener, service).await });
        server
    }

    fn hold(&self, value: &str) {
        value.clone_into(&mut locked(&self.held));
    }

    fn seen(&self, path: &str) -> Vec<Seen> {
        locked(&self.seen).iter().filter(|seen| seen.path == path).cloned().collect()
    }

    fn calls(&self) -> Vec<String> {
        locked(&self.seen).iter().map(|seen| seen.path.clone()).collect()
    }

    fn parameter(&self) -> ParameterReader {
        let endpoint = self.origin.parse().unwrap();
        let parameter = Parameter { name: "/gateway/secret".to_owned(), region: "us-east-1".to_owned(), endpoint };
        ParameterReader { parameter, role: role(Some("session")) }
    }

    fn service_account(&self) -> String {
        let pem = KEY.split_once("-----BEGIN").unwrap().1.replace('\n', "\\n");
        let start = r#"{"type": "service_account", "client_email": "a@b", "private_key": "-----BEGIN"#;
        format!(r#"{start}{pem}", "token_uri": "{}/token"}}"#, self.origin)
    }

    fn federation(&self, impersonation: &str) -> String {
        format!(
            r#"{{"type": "external_account", "audience": "{AUDIENCE}", "token_url": "{origin}/sts",
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request", {impersonation}
            "credential_source": {{"environment_id": "aws1", "url": "http://169.254.169.254/x", "regional_cred_verification_url":
            "https://sts.{{region}}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}}}}"#,
            origin = self.origin
        )
    }

    fn account(json: &str) -> Keeper {
        let account = Account::parse(&json.into(), Some(&role(Some("session"))));
        keeper(Origin::Account(account.unwrap_or_else(|fault| panic!("{fault}"))))
    }

    async fn token(&self, keeper: &Keeper, now: SystemTime) -> Result<String, String> {
        text(keeper.token(&self.transport, now).await)
    }

    async fn renew(&self, keeper: &Keeper, refused: &str) -> Result<String, String> {
        text(keeper.renew(&self.transport, &refused.into(), SystemTime::now()).await)
    }
}

fn keeper(origin: Origin) -> Keeper {
    Keeper { origin, state: tokio::sync::Mutex::default() }
}

fn text(token: Result<SecretString, UpstreamError>) -> Result<String, String> {
    match token {
        Ok(token) => Ok(token.expose_secret().to_owned()),
        Err(error) => {
            assert_eq!(error.kind, UpstreamErrorKind::Credential);
            Err(error.message)
        }
    }
}

async fn answer(Shared(server): Shared<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let path = parts.uri.path().to_owned();
    let seen = Seen { path: path.clone(), headers: headers.collect(), body: read(body).await };
    let count = {
        let mut all = locked(&server.seen);
        all.push(seen);
        all.iter().filter(|seen| seen.path == path).count()
    };
    // Long enough for all requests to arrive while the first one is answered.
    tokio::time::sleep(Duration::from_millis(30)).await;
    if locked(&server.broken).contains(path.as_str()) {
        return (StatusCode::SERVICE_UNAVAILABLE, r#"{"__type": "InternalServerError", "message": "no"}"#).into_response();
    }
    let name = path.trim_start_matches('/');
    match name {
        "" => format!(r#"{{"Parameter": {{"Value": {:?}, "Version": {count}}}}}"#, *locked(&server.held)),
        "impersonate" => format!(r#"{{"accessToken": "{name}-{count}", "expireTime": "2099-01-01T00:00:00Z"}}"#),
        _ => format!(r#"{{"access_token": "{name}-{count}", "expires_in": 3600, "token_type": "Bearer"}}"#),
    }
    .into_response()
}

async fn read(body: axum::body::Body) -> String {
    String::from_utf8(axum::body::to_bytes(body, 100_000).await.unwrap().to_vec()).unwrap()
}

fn after(minutes: u64) -> SystemTime {
    SystemTime::now() + Duration::from_mins(minutes)
}

fn form(body: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
fn ok(token: &str) -> Result<String, String> {
    Ok(token.to_owned())
}

#[tokio::test]
async fn ten_callers_at_once_share_one_fetch_and_one_failure() {
    let server = Server::start().await;
    let keeper = Server::account(&server.service_account());
    locked(&server.broken).insert("/token");
    let failed = join_all((0..10).map(|_| server.token(&keeper, after(0)))).await;
    assert!(failed.iter().all(Result::is_err));
    assert_eq!(server.calls().len(), 1);
    locked(&server.broken).clear();
    let tokens = join_all((0..10).map(|_| server.token(&keeper, after(0)))).await;
    assert!(tokens.iter().all(|token| *token == ok("token-2")), "{tokens:?}");
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_token_is_refreshed_before_its_end_and_serves_to_it_when_that_fails() {
    let server = Server::start().await;
    let keeper = Server::account(&server.service_account());
    assert_eq!(server.token(&keeper, after(0)).await, ok("token-1"));
    assert_eq!(server.token(&keeper, after(54)).await, ok("token-1"));
    locked(&server.broken).insert("/token");
    assert_eq!(server.token(&keeper, after(56)).await, ok("token-1"));
    assert_eq!(server.token(&keeper, after(56)).await, ok("token-1"), "a failed refresh is not repeated at once");
    assert_eq!(server.calls().len(), 2);
    assert!(server.token(&keeper, after(61)).await.is_err());
    locked(&server.broken).clear();
    assert_eq!(server.token(&keeper, after(61)).await, ok("token-4"));
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew_once_for_everybody_it_was_refused_to() {
    let server = Server::start().await;
    let keeper = Server::account(&server.service_account());
    assert_eq!(server.token(&keeper, after(0)).await, ok("token-1"));
    let renewed = join_all((0..10).map(|_| server.renew(&keeper, "token-1"))).await;
    assert!(renewed.iter().all(|token| *token == ok("token-2")), "{renewed:?}");
    assert_eq!(server.renew(&keeper, "token-1").await, ok("token-2"));
    assert_eq!(server.token(&keeper, after(0)).await, ok("token-2"));
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_secret_from_ssm_is_asked_for_with_the_roles_signature() {
    let server = Server::start().await;
    server.hold(" sk-1\n");
    let keeper = keeper(Origin::Parameter(server.parameter()));
    assert_eq!(server.token(&keeper, after(0)).await, ok("sk-1"));
    let [Seen { headers, body, .. }] = &server.seen("/")[..] else { panic!("one request") };
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(body, r#"{"Name":"/gateway/secret","WithDecryption":true}"#);
    assert_eq!(header("x-amz-target"), Some("AmazonSSM.GetParameter"));
    assert_eq!(header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(header("x-amz-security-token"), Some("session"));
    assert_eq!(header("authorization"), Some(expected_authorization("/", headers, body).as_str()));
    assert!(header("authorization").is_some_and(|value| value.contains("/us-east-1/ssm/aws4_request")));
}

#[tokio::test]
async fn a_secret_from_ssm_is_read_again_when_old_or_refused_and_kept_when_that_fails() {
    let server = Server::start().await;
    server.hold("sk-1");
    let keeper = keeper(Origin::Parameter(server.parameter()));
    assert_eq!(server.token(&keeper, after(0)).await, ok("sk-1"));
    server.hold("sk-2");
    assert_eq!(server.token(&keeper, after(9)).await, ok("sk-1"));
    assert_eq!(server.token(&keeper, after(11)).await, ok("sk-2"));
    server.hold("sk-3");
    let renewed = join_all((0..10).map(|_| server.renew(&keeper, "sk-2"))).await;
    assert!(renewed.iter().all(|token| *token == ok("sk-3")), "{renewed:?}");
    assert_eq!(server.calls().len(), 3);
    locked(&server.broken).insert("/");
    assert_eq!(server.token(&keeper, after(11)).await, ok("sk-3"));
    let error = server.renew(&keeper, "sk-3").await.unwrap_err();
    assert_eq!(error, "SSM parameter /gateway/secret: InternalServerError: no");
    assert_eq!(server.token(&keeper, after(0)).await, ok("sk-3"), "the refusal may have been a passing one");
}

#[tokio::test]
async fn a_secret_from_ssm_that_is_the_same_again_is_read_once_for_everybody() {
    let server = Server::start().await;
    server.hold("sk-1");
    let keeper = keeper(Origin::Parameter(server.parameter()));
    assert_eq!(server.token(&keeper, after(0)).await, ok("sk-1"));
    let renewed = join_all((0..10).map(|_| server.renew(&keeper, "sk-1"))).await;
    assert!(renewed.iter().all(|token| *token == ok("sk-1")), "{renewed:?}");
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn an_accounts_json_from_ssm_is_read_again_for_a_renewed_token() {
    let server = Server::start().await;
    server.hold(&server.service_account());
    let keeper = keeper(Origin::AccountParameter(server.parameter()));
    assert!(keeper.preload(&server.transport, after(0)).await.is_ok());
    assert_eq!(server.calls(), ["/"]);
    assert_eq!(server.token(&keeper, after(0)).await, ok("token-1"));
    assert_eq!(server.calls(), ["/", "/token"]);
    server.hold(&server.federation(""));
    assert_eq!(server.renew(&keeper, "token-1").await, ok("sts-1"));
    assert_eq!(server.calls(), ["/", "/token", "/", "/sts"]);
    locked(&server.broken).insert("/");
    assert_eq!(server.renew(&keeper, "sts-1").await, ok("sts-2"), "SSM out of reach: the JSON it held is used");
}

#[tokio::test]
async fn unusable_json_from_ssm_is_a_failure_that_does_not_quote_it() {
    let server = Server::start().await;
    let keeper = keeper(Origin::AccountParameter(server.parameter()));
    for held in ["\"canary\"", "canary", r#"{"type": "canary"}"#, r#"{"type": "service_account", "client_email": "canary"}"#]
    {
        server.hold(held);
        let error = text(keeper.renew(&server.transport, &"".into(), after(0)).await).unwrap_err();
        assert!(error.starts_with("SSM parameter /gateway/secret ") && !error.contains("canary"), "{error}");
    }
    server.hold("  ");
    let error = text(keeper.renew(&server.transport, &"".into(), after(0)).await).unwrap_err();
    assert!(error.contains("service_account") || error.contains("missing field"), "{error}");
}

#[tokio::test]
async fn federation_proves_the_role_by_a_signed_request_that_only_google_sends() {
    let server = Server::start().await;
    let keeper = Server::account(&server.federation(""));
    assert_eq!(server.token(&keeper, after(0)).await, ok("sts-1"));
    let fields = form(&server.seen("/sts")[0].body);
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", AUDIENCE),
        ("scope", "https://www.googleapis.com/auth/cloud-platform"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
    ];
    let given: Vec<(&str, &str)> = fields.iter().take(5).map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(given, expected);
    assert_eq!(fields[5].0, "subject_token");
    assert!(!fields[5].1.contains('+') && !fields[5].1.contains('{'), "{}", fields[5].1);
    let (proof, _) = form(&fields[5].1).swap_remove(0);
    let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
    assert_eq!(proof["url"], "https://sts.us-east-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(proof["method"], "POST");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let headers = proof["headers"].as_array().unwrap().iter().map(|header| (text(&header["key"]), text(&header["value"])));
    let headers: Vec<(String, String)> = headers.collect();
    let names: HashSet<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = ["host", "x-amz-date", "x-amz-security-token", "x-goog-cloud-target-resource", "authorization"];
    assert_eq!(names, HashSet::from(wanted));
    assert!(headers.contains(&("host".to_owned(), "sts.us-east-1.amazonaws.com".to_owned())));
    let authorization = expected_authorization("/?Action=GetCallerIdentity&Version=2011-06-15", &headers, "");
    assert!(headers.contains(&("authorization".to_owned(), authorization)));
}

#[tokio::test]
async fn a_federated_identity_may_act_as_a_service_account() {
    let server = Server::start().await;
    let url = format!(r#""service_account_impersonation_url": "{}/impersonate","#, server.origin);
    let keeper = Server::account(&server.federation(&url));
    assert_eq!(server.token(&keeper, after(0)).await, ok("impersonate-1"));
    assert_eq!(server.calls(), ["/sts", "/impersonate"]);
    let asked = &server.seen("/impersonate")[0];
    assert!(asked.headers.contains(&("authorization".to_owned(), "Bearer sts-1".to_owned())));
    assert_eq!(asked.body, r#"{"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"3600s"}"#);
    locked(&server.broken).insert("/impersonate");
    assert_eq!(server.renew(&keeper, "impersonate-1").await.unwrap_err(), "impersonation: InternalServerError: no");
}

#[test]
fn given_json_that_cannot_be_used_stops_the_start_and_says_why() {
    let federation = Server::default().federation("").replace("\"/sts\"", "\"https://sts.googleapis.com/v1/token\"");
    let says = |json: &str, region: Option<&str>, words: &str| {
        let error = Credential::google(&Secret::Value(json.into()), region).err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(error.starts_with("GOOGLE_APPLICATION_CREDENTIALS_JSON: "), "{error}");
        assert!(error.contains(words) && !error.contains("canary"), "{error}");
    };
    let region = Some("us-east-1");
    says("canary", region, "not JSON at line 1");
    says("\"canary\"", region, "wrong type");
    says(r#"{"type": "authorized_user"}"#, region, "service_account or external_account");
    says(r#"{"type": "service_account", "client_email": "canary"}"#, region, "missing field");
    says(&federation, None, "AWS_REGION");
    says(&federation.replace("aws1", "canary"), region, "environment_id");
    says(&federation.replace("aws4_request", "canary"), region, "subject_token_type");
    says(&federation.replace("https://sts.{", "canary.{"), region, "regional_cred_verification_url");
    assert!(Credential::google(&Secret::Value(federation.into()), region).is_ok());
}

#[tokio::test]
async fn a_fixed_secret_stays_what_it_is() {
    let transport = Transport::default();
    let credential = Credential::bearer(&Secret::Value("sk".into()));
    assert_eq!(text(credential.token(&transport).await), ok("sk"));
    assert_eq!(text(credential.renew(&transport, &"sk".into()).await), ok("sk"));
    assert!(credential.preload(&transport).await.is_ok());
}
