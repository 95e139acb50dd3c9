//! Google's token endpoint. It accepts an assertion signed with the test key of a service account.

use anyhow::{Context, anyhow, ensure};
use axum::extract::Query;
use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::json::json;

const KEY_FILE: &str = include_str!("throwaway-key.pem");
/// The only service account.
pub(super) const EMAIL: &str = "simulator@simulated-project.iam.gserviceaccount.com";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The scope that every token must have.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A Google service-account key file whose `token_uri` is the simulator at this origin (such as `http://127.0.0.1:4000`).
pub fn service_account_json(origin: &str) -> String {
    json(&ServiceAccount {
        kind: "service_account",
        project_id: "simulated-project",
        private_key_id: "simulated-key",
        private_key: pem(),
        client_email: EMAIL,
        client_id: "100000000000000000000",
        auth_uri: format!("{origin}/auth"),
        token_uri: format!("{origin}/token"),
        universe_domain: "googleapis.com",
    })
}

#[derive(Serialize)]
struct ServiceAccount<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    project_id: &'a str,
    private_key_id: &'a str,
    private_key: &'a str,
    client_email: &'a str,
    client_id: &'a str,
    auth_uri: String,
    token_uri: String,
    universe_domain: &'a str,
}

/// The key without the warning above it.
fn pem() -> &'static str {
    KEY_FILE.find("-----BEGIN").and_then(|start| KEY_FILE.get(start..)).unwrap_or(KEY_FILE)
}

#[derive(Deserialize)]
struct Form {
    grant_type: String,
    assertion: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    scope: String,
    iat: i64,
    exp: i64,
}

/// Reads a form.
pub(super) fn form<T: DeserializeOwned>(form: &str) -> anyhow::Result<T> {
    // A form is encoded like a query string, which axum can read without a request.
    let uri: Uri = format!("/?{form}").parse().context("The body is not a form")?;
    let Query(form) = Query::<T>::try_from_uri(&uri).context("The form lacks a field")?;
    Ok(form)
}

/// Checks a token request that arrived at `host`.
pub(super) fn check(host: &str, text: &str) -> anyhow::Result<()> {
    let form: Form = form(text)?;
    ensure!(form.grant_type == GRANT, "Unsupported grant_type");
    let claims = verified(&form.assertion)?;
    let now = Timestamp::now().as_second();
    ensure!(claims.iss == EMAIL, "Not a known service account: iss");
    ensure!(claims.aud == format!("http://{host}/token"), "Invalid JWT: aud is not this endpoint");
    ensure!(claims.exp > now, "Invalid JWT: exp is in the past");
    ensure!(claims.exp <= claims.iat.saturating_add(3_600), "Invalid JWT: exp is more than an hour after iat");
    ensure!(claims.scope.split(' ').any(|scope| scope == SCOPE), "Invalid scope: cloud-platform is missing");
    Ok(())
}

/// The claims of an assertion with a valid signature.
fn verified(assertion: &str) -> anyhow::Result<Claims> {
    let (signed, signature) = assertion.rsplit_once('.').context("Invalid JWT: not three parts")?;
    let (header, claims) = signed.split_once('.').context("Invalid JWT: not three parts")?;
    let header: Header = part(header)?;
    ensure!(header.alg == "RS256", "Invalid JWT: alg is not RS256");
    let signature = URL_SAFE_NO_PAD.decode(signature).context("Invalid JWT Signature.")?;
    let key = key()?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key())
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| anyhow!("Invalid JWT Signature."))?;
    part(claims)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> anyhow::Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).context("Invalid JWT: not base64url")?;
    serde_json::from_slice(&bytes).context("Invalid JWT: not the expected JSON")
}

fn key() -> anyhow::Result<RsaKeyPair> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem().as_bytes()).map_err(|wrong| anyhow!("throw-away key: {wrong}"))?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|wrong| anyhow!("throw-away key: {wrong}"))
}

#[cfg(test)]
pub(super) mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::RSA_PKCS1_SHA256;

    use super::*;

    /// A signed token request for the simulator at `host`, valid for this many seconds.
    pub(crate) fn form(host: &str, seconds: i64) -> String {
        let now = Timestamp::now().as_second();
        let claims = format!(
            r#"{{"iss":"{EMAIL}","scope":"{SCOPE}","aud":"http://{host}/token","iat":{now},"exp":{}}}"#,
            now + seconds
        );
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#), URL_SAFE_NO_PAD.encode(claims));
        let key = key().unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        format!("grant_type={}&assertion={assertion}", GRANT.replace(':', "%3A"))
    }

    #[test]
    fn signed_assertion_is_accepted() {
        assert!(check("localhost:1", &form("localhost:1", 3_600)).is_ok());
    }

    #[test]
    fn wrong_signature_is_refused() {
        let right = form("localhost:1", 3_600);
        let (signed, signature) = right.rsplit_once('.').unwrap();
        let wrong: String = signature.chars().rev().collect();
        let refused = format!("{:#}", check("localhost:1", &format!("{signed}.{wrong}")).unwrap_err());
        assert!(refused.contains("Signature"), "{refused}");
    }

    #[test]
    fn wrong_audience_and_lifetime_are_refused() {
        for (form, reason) in [
            (form("elsewhere:1", 3_600), "aud"),
            (form("localhost:1", -1), "past"),
            (form("localhost:1", 7_200), "hour"),
            ("grant_type=password&assertion=x".to_owned(), "grant_type"),
            ("assertion=x".to_owned(), "field"),
        ] {
            let refused = format!("{:#}", check("localhost:1", &form).unwrap_err());
            assert!(refused.contains(reason), "{reason}: {refused}");
        }
    }

    #[test]
    fn service_account_holds_the_key_without_the_warning() {
        let account: serde_json::Value = serde_json::from_str(&service_account_json("http://localhost:1")).unwrap();
        assert!(account["private_key"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(account["token_uri"], "http://localhost:1/token");
        assert!(KEY_FILE.starts_with("A throw-away"));
    }
}
