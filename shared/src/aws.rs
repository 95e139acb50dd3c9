//! The function role's credentials, and requests that are signed with them (AWS Signature Version 4).

mod http;
mod sdk;
mod signature;

use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::time::timeout;
use url::Url;

pub use http::http_client;
pub use sdk::{KeptKey, WithoutDescriptions};
use signature::{Signer, Unsigned};

/// The container's credential endpoint is on the same machine.
const CREDENTIALS: Duration = Duration::from_secs(3);

/// The sources of the role's credentials. These are the only two that Lambda has; the SDK's own chain would also look for
/// profiles and instance metadata. Nothing is read or built before the first use.
pub fn role_credentials() -> CredentialsProviderChain {
    CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("container", Container)
}

/// Whether the environment or the container has AWS credentials. `bk` uses this for its error message.
pub async fn has_credentials() -> bool {
    role_credentials().provide_credentials().await.is_ok()
}

/// The container's endpoint, built on first use. If the environment has keys, it is never built.
#[derive(Debug)]
struct Container;

impl ProvideCredentials for Container {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            // Without this line the credentials provider would have no HTTP client. The endpoint is on this machine and uses
            // plain HTTP.
            let config = ProviderConfig::default().with_http_client(http_client(&[]));
            EcsCredentialsProvider::builder().configure(&config).build().provide_credentials().await
        })
    }
}

/// Why a request could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The role has no credentials, or they did not arrive in time.
    #[error("no credentials of the function's role: {0}")]
    Credentials(String),
}

/// The credentials and the region of signatures.
#[derive(Clone, Debug)]
pub struct Role {
    region: String,
    /// Credentials to use instead of the role's; `None` in the functions.
    given: Option<Credentials>,
}

/// A POST to sign, with the headers that are a part of its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// The AWS service, by its name in signatures.
    pub service: &'static str,
    /// The URL. Its host is signed too.
    pub url: &'a Url,
    /// Lower-case names and values.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body as it is sent. Its SHA-256 is signed.
    pub body: &'a str,
}

impl Role {
    /// The function's role in this region.
    pub fn of_function(region: &str) -> Self {
        Self { region: region.to_owned(), given: None }
    }

    /// Fixed credentials, for emulators and tests.
    pub fn given(region: &str, credentials: Credentials) -> Self {
        Self { region: region.to_owned(), given: Some(credentials) }
    }

    /// The AWS region for which requests are signed, such as `eu-central-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The headers that sign the request at this time, to send in addition to its own.
    pub async fn sign(&self, post: &Post<'_>, at: SystemTime) -> Result<Vec<(&'static str, String)>, AwsError> {
        let credentials = match &self.given {
            Some(credentials) => credentials.clone(),
            None => current().await?,
        };
        let request = Unsigned { url: post.url, headers: post.headers, body: post.body.as_bytes() };
        Ok(Signer::new(self.region.clone(), post.service).sign(&request, &credentials, at))
    }
}

/// The role's current credentials. They are not cached: the environment's never change, and a container's are read once an
/// hour.
async fn current() -> Result<Credentials, AwsError> {
    let credentials = timeout(CREDENTIALS, role_credentials().provide_credentials()).await;
    let credentials = credentials.map_err(|_| AwsError::Credentials("nothing came in time".to_owned()))?;
    credentials.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        AwsError::Credentials(format!("{error}: {cause}"))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use ring::{digest, hmac};

    use super::*;

    /// Invented credentials, as in AWS's examples.
    pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
    pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    pub(crate) fn role(session: Option<&str>) -> Role {
        Role::given("us-east-1", Credentials::new(KEY_ID, SECRET, session.map(str::to_owned), None, "test"))
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }

    /// The signature that AWS would compute for a received POST, from its headers by lower-case name. The `authorization`
    /// header says which of them are signed, and for which service.
    pub(crate) fn expected_authorization(target: &str, headers: &[(String, String)], body: &str) -> String {
        let value = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim()).unwrap();
        let between = |from: &str, to: &str| value("authorization").split_once(from).unwrap().1.split_once(to).unwrap().0;
        let (scope, names) = (between("Credential=AKIDEXAMPLE/", ","), between("SignedHeaders=", ","));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let lines = names.split(';').fold(String::new(), |lines, name| format!("{lines}{name}:{}\n", value(name)));
        let hash = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        let canonical = format!("POST\n{path}\n{query}\n{lines}\n{names}\n{}", hash(body));
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", value("x-amz-date"), hash(&canonical));
        let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let key = scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part).as_ref().to_vec());
        let signature = hex(mac(&key, &to_sign).as_ref());
        format!("AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    async fn signed(role: &Role, post: &Post<'_>) -> Vec<(String, String)> {
        let at = SystemTime::from("2015-08-30T12:36:00Z".parse::<jiff::Timestamp>().unwrap());
        let added = role.sign(post, at).await.unwrap();
        let host = ("host".to_owned(), post.url.host_str().unwrap().to_owned());
        let own = post.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.chain([host]).chain(added.into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
    }

    fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[tokio::test]
    async fn the_example_of_awss_own_suite_has_its_signature() {
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let headers = signed(&role(None), &Post { service: "service", url: &url, headers: &[], body: "" }).await;
        assert_eq!(value(&headers, "x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(
            value(&headers, "authorization"),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
            )
        );
    }

    #[tokio::test]
    async fn own_headers_the_session_and_the_query_are_signed_too() {
        let target = "/?Action=GetCallerIdentity&Version=2011-06-15";
        let url = Url::parse(&format!("https://sts.us-east-1.amazonaws.com{target}")).unwrap();
        let own = [("x-goog-cloud-target-resource", "//iam.googleapis.com/projects/1/x")];
        let post = Post { service: "sts", url: &url, headers: &own, body: "{}" };
        let headers = signed(&role(Some("session")), &post).await;
        let authorization = value(&headers, "authorization").unwrap();
        assert!(authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource, "));
        assert_eq!(value(&headers, "x-amz-security-token"), Some("session"));
        assert_eq!(authorization, expected_authorization(target, &headers, "{}"));
    }
}
