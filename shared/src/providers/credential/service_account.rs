//! A service account key: a signed assertion in exchange for a token (RFC 7523, as Google's service accounts use it).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::super::transport::Transport;
use super::account::{SCOPE, exchange};
use super::{Token, failure};
use crate::error::UpstreamError;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google's maximum lifetime of an assertion.
const ASSERTION_LIFETIME: Duration = Duration::from_hours(1);

/// The fields of the key file that are used.
#[derive(Deserialize)]
pub(super) struct KeyFile {
    client_email: String,
    private_key: SecretString,
    private_key_id: Option<String>,
    token_uri: Url,
}

pub(super) struct ServiceAccount {
    file: KeyFile,
    key: RsaKeyPair,
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

impl ServiceAccount {
    pub(super) fn new(file: KeyFile) -> Result<Self, String> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.expose_secret().as_bytes());
        let der = der.map_err(|_| "has a private_key that is not a PKCS#8 PEM".to_owned())?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
        let key = key.map_err(|error| format!("has a private_key that is not a usable RSA key: {error}"))?;
        Ok(Self { file, key })
    }

    pub(super) async fn token(&self, transport: &Transport, now: SystemTime) -> Result<Token, UpstreamError> {
        let assertion = self.assertion(now).map_err(failure)?;
        let fields = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
        exchange(transport, &self.file.token_uri, &fields, now).await
    }

    fn assertion(&self, now: SystemTime) -> Result<String, String> {
        let iat = now.duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
        let header = Header { alg: "RS256", typ: "JWT", kid: self.file.private_key_id.as_deref() };
        let claims = Claims {
            iss: &self.file.client_email,
            scope: SCOPE,
            aud: self.file.token_uri.as_str(),
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
