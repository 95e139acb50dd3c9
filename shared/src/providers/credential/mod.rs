//! Credentials of providers: a bearer secret, or a Google access token. The configuration or an SSM parameter has them. A
//! token is cached. It is fetched again before it expires, and after a provider refused it.

mod account;
mod federation;
mod parameter;
mod service_account;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, MutexGuard};

use self::account::Account;
use self::parameter::ParameterReader;
use super::transport::Transport;
use crate::aws::Role;
use crate::config::Secret;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::reason::Reason;

/// How long before its expiry a token is refreshed. If this fails, the token is used until it expires.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);
/// Google's tokens live for an hour, and at most twelve.
const LONGEST_LIFE: Duration = Duration::from_hours(12);
/// After this time a parameter is read again.
const PARAMETER_AGE: Duration = Duration::from_mins(10);
/// Pause after a failed refresh. Meanwhile the old token is used, and no request waits for a broken endpoint.
const REFRESH_PAUSE: Duration = Duration::from_secs(30);

/// A configured credential that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("GOOGLE_APPLICATION_CREDENTIALS_JSON: {0}")]
pub struct CredentialError(String);

/// A provider's credential.
pub struct Credential(Kind);

enum Kind {
    Fixed(SecretString),
    Kept(Box<Keeper>),
}

/// A token that must be fetched.
struct Keeper {
    origin: Origin,
    /// Locked while something is fetched, so that parallel requests wait for the same fetch.
    state: Mutex<State>,
}

enum Origin {
    /// The parameter holds the token itself.
    Parameter(ParameterReader),
    Account(Account),
    /// The parameter holds a credential file.
    AccountParameter(ParameterReader),
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The credential file from a parameter, and when it was read.
    json: Option<(SecretString, SystemTime)>,
    /// The last failure and its time. It is also the failure of everyone who waited for it.
    failed: Option<(UpstreamError, Instant)>,
}

struct Token {
    secret: SecretString,
    fetched: Instant,
    /// When to fetch the next one.
    refresh: SystemTime,
    /// `None` if it does not expire by itself.
    expires: Option<SystemTime>,
}

impl Token {
    fn new(secret: SecretString, now: SystemTime, lifetime: Duration) -> Self {
        // No token lives longer, and a time that the clock cannot represent would end the process.
        let lifetime = lifetime.min(LONGEST_LIFE);
        let before = REFRESH_BEFORE.min(lifetime / 2);
        Self {
            secret,
            fetched: Instant::now(),
            refresh: now + lifetime.saturating_sub(before),
            expires: Some(now + lifetime),
        }
    }

    fn lives(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

impl Credential {
    /// A secret that is sent as it is.
    pub fn bearer(secret: &Secret) -> Self {
        match secret {
            Secret::Value(secret) => Self(Kind::Fixed(secret.clone())),
            Secret::Parameter(parameter) => Self::kept(Origin::Parameter(ParameterReader::new(parameter))),
        }
    }

    /// Tokens for a Google account, from its credential file: a service account key, or workload identity federation.
    /// Federation signs with the function's role in `region`. A file from a parameter is read later, so only a given one can
    /// fail here.
    pub fn google(secret: &Secret, region: Option<&str>) -> Result<Self, CredentialError> {
        Ok(Self::kept(match secret {
            Secret::Value(json) => {
                Origin::Account(Account::parse(json, region.map(Role::of_function).as_ref()).map_err(CredentialError)?)
            }
            Secret::Parameter(parameter) => Origin::AccountParameter(ParameterReader::new(parameter)),
        }))
    }

    fn kept(origin: Origin) -> Self {
        Self(Kind::Kept(Box::new(Keeper { origin, state: Mutex::default() })))
    }

    /// The current bearer token.
    pub async fn token(&self, transport: &Transport) -> Result<SecretString, UpstreamError> {
        match &self.0 {
            Kind::Fixed(secret) => Ok(secret.clone()),
            Kind::Kept(keeper) => keeper.token(transport, SystemTime::now()).await,
        }
    }

    /// Another token, after the provider refused `refused` with 401: fetches it, unless another request already did. A
    /// secret from SSM is read again; a fixed one stays the same.
    pub async fn renew(&self, transport: &Transport, refused: &SecretString) -> Result<SecretString, UpstreamError> {
        match &self.0 {
            Kind::Fixed(secret) => Ok(secret.clone()),
            Kind::Kept(keeper) => keeper.renew(transport, refused, SystemTime::now()).await,
        }
    }

    /// Reads and checks a secret from SSM, if there is one. Fetches no token.
    pub async fn preload(&self, transport: &Transport) -> Result<(), UpstreamError> {
        match &self.0 {
            Kind::Fixed(_) => Ok(()),
            Kind::Kept(keeper) => keeper.preload(transport, SystemTime::now()).await,
        }
    }
}

impl Keeper {
    async fn token(&self, transport: &Transport, now: SystemTime) -> Result<SecretString, UpstreamError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.refresh > now) {
            return Ok(token.secret.clone());
        }
        match self.fetch(&mut state, transport, (asked, now), false).await {
            Ok(secret) => Ok(secret),
            Err(error) => match state.token.as_mut().filter(|token| token.lives(now)) {
                Some(token) => {
                    tracing::warn!(cause = %error.cause(), "token refresh failed, the old token still lives");
                    token.refresh = now + REFRESH_PAUSE;
                    Ok(token.secret.clone())
                }
                None => Err(error),
            },
        }
    }

    async fn renew(
        &self,
        transport: &Transport,
        refused: &SecretString,
        now: SystemTime,
    ) -> Result<SecretString, UpstreamError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        let newer = |token: &&Token| {
            let other = token.secret.expose_secret() != refused.expose_secret();
            token.lives(now) && (other || token.fetched >= asked)
        };
        if let Some(token) = state.token.as_ref().filter(newer) {
            return Ok(token.secret.clone());
        }
        match &self.origin {
            // Kept until it is read again: if SSM does not answer either, the refusal may have been temporary.
            Origin::Parameter(_) => {}
            Origin::Account(_) | Origin::AccountParameter(_) => state.token = None,
        }
        self.fetch(&mut state, transport, (asked, now), true).await
    }

    async fn preload(&self, transport: &Transport, now: SystemTime) -> Result<(), UpstreamError> {
        match &self.origin {
            Origin::Account(_) => Ok(()),
            Origin::Parameter(_) => self.token(transport, now).await.map(drop),
            Origin::AccountParameter(parameter) => {
                let asked = Instant::now();
                let mut state = self.state.lock().await;
                state.failed_since(asked)?;
                let json = state.json(parameter, transport, now, false).await;
                let checked = json.and_then(|json| account_of(parameter, &json).map(drop));
                state.failed = checked.as_ref().err().map(|error| (error.clone(), Instant::now()));
                checked
            }
        }
    }

    /// Fetches a token and keeps it. `anew` reads the parameter again.
    async fn fetch(
        &self,
        state: &mut MutexGuard<'_, State>,
        transport: &Transport,
        (asked, now): (Instant, SystemTime),
        anew: bool,
    ) -> Result<SecretString, UpstreamError> {
        state.failed_since(asked)?;
        let fetched = match &self.origin {
            Origin::Account(account) => account.token(transport, now).await,
            Origin::Parameter(parameter) => parameter.read(transport, now).await.map(|secret| {
                let refresh = now + PARAMETER_AGE;
                Token { secret, fetched: Instant::now(), refresh, expires: None }
            }),
            Origin::AccountParameter(parameter) => {
                let json = state.json(parameter, transport, now, anew).await;
                match json.and_then(|json| account_of(parameter, &json)) {
                    Ok(account) => account.token(transport, now).await,
                    Err(error) => Err(error),
                }
            }
        };
        match fetched {
            Ok(token) => Ok(state.token.insert(token).secret.clone()),
            Err(error) => {
                state.failed = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }
}

impl State {
    /// The failure of a fetch that ended after `asked`, while the caller waited for it.
    fn failed_since(&self, asked: Instant) -> Result<(), UpstreamError> {
        let failed = self.failed.as_ref().filter(|(_, at)| *at >= asked);
        failed.map_or(Ok(()), |(error, _)| Err(error.clone()))
    }

    /// The credential file from a parameter: read again if it is old or was refused, kept if reading fails.
    async fn json(
        &mut self,
        parameter: &ParameterReader,
        transport: &Transport,
        now: SystemTime,
        anew: bool,
    ) -> Result<SecretString, UpstreamError> {
        if let Some((json, _)) = self.json.as_ref().filter(|(_, read)| !anew && *read + PARAMETER_AGE > now) {
            return Ok(json.clone());
        }
        match (parameter.read(transport, now).await, &self.json) {
            (Ok(json), _) => Ok(self.json.insert((json, now)).0.clone()),
            (Err(error), Some((json, _))) => {
                tracing::warn!(cause = %error.cause(), "a secret could not be read again, the old one is kept");
                Ok(json.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

fn account_of(parameter: &ParameterReader, json: &SecretString) -> Result<Account, UpstreamError> {
    let account = Account::parse(json, Some(parameter.role()));
    account.map_err(|fault| failure(format!("SSM parameter {} {fault}", parameter.name())))
}

fn failure(message: impl Into<String>) -> UpstreamError {
    let message = message.into();
    let reason = Reason::of_issuer(&message);
    UpstreamError::new(UpstreamErrorKind::Credential, message).because(reason)
}

/// What is wrong with JSON that contains secrets. Serde's own message may quote a value, but the name of a missing field
/// does not.
fn json_fault(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!("line {} column {}", error.line(), error.column());
    if error.is_data() && words.starts_with("missing field") {
        words
    } else if error.is_data() {
        format!("a field of the wrong type at {place}")
    } else {
        format!("not JSON at {place}")
    }
}
