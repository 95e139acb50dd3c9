//! What a provider wants to see: a fixed bearer secret, or a Google access token that is fetched, kept and refreshed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use super::transport::Transport;
use crate::error::{UpstreamError, UpstreamErrorKind};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google's longest lifetime of an assertion.
const ASSERTION_LIFETIME: Duration = Duration::from_hours(1);
/// A token is refreshed this long before it expires, and used to its end when the refresh fails.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);

/// A credential in the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("environment variable GOOGLE_APPLICATION_CREDENTIALS_JSON: {0}")]
pub struct CredentialError(String);

/// A provider's credential.
pub struct Credential(Kind);

enum Kind {
    Bearer(SecretString),
    Google(Box<GoogleToken>),
}

impl Credential {
    /// A fixed secret.
    pub fn bearer(secret: SecretString) -> Self {
        Self(Kind::Bearer(secret))
    }

    /// Tokens for a service account, from its JSON key.
    pub fn google(json: &SecretString) -> Result<Self, CredentialError> {
        Ok(Self(Kind::Google(Box::new(GoogleToken::new(json)?))))
    }

    /// The bearer token to send now.
    pub async fn token(&self, transport: &Transport) -> Result<SecretString, UpstreamError> {
        match &self.0 {
            Kind::Bearer(secret) => Ok(secret.clone()),
            Kind::Google(google) => google.token(transport).await,
        }
    }
}

impl Credential {
    /// Another token than the one that was refused.
    pub async fn renew(&self, transport: &Transport, _refused: &SecretString) -> Result<SecretString, UpstreamError> {
        if let Kind::Google(google) = &self.0 {
            *google.cached.lock().await = None;
        }
        self.token(transport).await
    }
}

#[derive(Deserialize)]
struct ServiceAccount {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: SecretString,
    private_key_id: Option<String>,
    token_uri: Url,
}

struct GoogleToken {
    account: ServiceAccount,
    key: RsaKeyPair,
    /// Held while a token is fetched: whoever comes meanwhile waits for that one (single flight).
    cached: Mutex<Option<Token>>,
}

struct Token {
    secret: SecretString,
    expires: SystemTime,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: SecretString,
    expires_in: u64,
}

impl GoogleToken {
    fn new(json: &SecretString) -> Result<Self, CredentialError> {
        // Neither message quotes the value: it is a secret.
        let account: ServiceAccount = serde_json::from_str(json.expose_secret())
            .map_err(|error| CredentialError(format!("is not a service account's JSON key: {error}")))?;
        if account.kind != "service_account" {
            return Err(CredentialError("must have type service_account; others are not supported yet".to_owned()));
        }
        let der = PrivatePkcs8KeyDer::from_pem_slice(account.private_key.expose_secret().as_bytes());
        let der = der.map_err(|_| CredentialError("private_key is not a PKCS#8 PEM".to_owned()))?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
        let key = key.map_err(|error| CredentialError(format!("private_key is not a usable RSA key: {error}")))?;
        Ok(Self { account, key, cached: Mutex::new(None) })
    }

    async fn token(&self, transport: &Transport) -> Result<SecretString, UpstreamError> {
        let now = SystemTime::now();
        let mut cached = self.cached.lock().await;
        let lives = |token: &Token, at: SystemTime| token.expires > at;
        if let Some(token) = cached.as_ref().filter(|token| lives(token, now + REFRESH_BEFORE)) {
            return Ok(token.secret.clone());
        }
        match self.fetch(transport, now).await {
            Ok(token) => Ok(cached.insert(token).secret.clone()),
            Err(error) => match cached.as_ref().filter(|token| lives(token, now)) {
                Some(token) => {
                    tracing::warn!(cause = %error.message, "token refresh failed, the old token still lives");
                    Ok(token.secret.clone())
                }
                None => Err(error),
            },
        }
    }

    async fn fetch(&self, transport: &Transport, now: SystemTime) -> Result<Token, UpstreamError> {
        let failed = |message: String| UpstreamError::new(UpstreamErrorKind::Credential, message);
        let assertion = self.assertion(now).map_err(failed)?;
        let form = format!("grant_type={}&assertion={assertion}", GRANT_TYPE.replace(':', "%3A"));
        let reply = transport.post_form(&self.account.token_uri, form).await.map_err(|error| failed(error.message))?;
        let reply: TokenReply = serde_json::from_str(&reply).map_err(|error| failed(format!("token reply: {error}")))?;
        Ok(Token { secret: reply.access_token, expires: now + Duration::from_secs(reply.expires_in) })
    }

    /// The signed request for a token (RFC 7523, as Google's service accounts use it).
    fn assertion(&self, now: SystemTime) -> Result<String, String> {
        let iat = now.duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
        let header = Header { alg: "RS256", typ: "JWT", kid: self.account.private_key_id.as_deref() };
        let claims = Claims {
            iss: &self.account.client_email,
            scope: SCOPE,
            aud: self.account.token_uri.as_str(),
            iat,
            exp: iat.saturating_add(ASSERTION_LIFETIME.as_secs()),
        };
        let encode = |json: Result<Vec<u8>, serde_json::Error>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
        let header = encode(serde_json::to_vec(&header)).map_err(|error| error.to_string())?;
        let claims = encode(serde_json::to_vec(&claims)).map_err(|error| error.to_string())?;
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        let signing = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        signing.map_err(|_| "the assertion could not be signed".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
