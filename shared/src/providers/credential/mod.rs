//! What a provider wants to see: a bearer secret, or a Google access token. Given or read from SSM; kept, refreshed, renewed.

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

/// A token is refreshed this long before it expires, and used to its end when the refresh fails.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);
/// Google's tokens live an hour, twelve at most.
const LONGEST_LIFE: Duration = Duration::from_hours(12);
/// A parameter is read again when what it held is older than this.
const PARAMETER_AGE: Duration = Duration::from_mins(10);
/// After a failed refresh, the next one waits this long: meanwhile the old token serves, and nobody waits for a broken endpoint.
const REFRESH_PAUSE: Duration = Duration::from_secs(30);

/// A credential in the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("environment variable GOOGLE_APPLICATION_CREDENTIALS_JSON: {0}")]
pub struct CredentialError(String);

/// A provider's credential.
pub struct Credential(Kind);

enum Kind {
    Fixed(SecretString),
    Kept(Box<Keeper>),
}

/// A token that has to be fetched.
struct Keeper {
    origin: Origin,
    /// Held while something is fetched: whoever comes meanwhile waits for that (single flight).
    state: Mutex<State>,
}

enum Origin {
    /// The parameter holds the token itself.
    Parameter(ParameterReader),
    Account(Account),
    /// The parameter holds an account's JSON.
    AccountParameter(ParameterReader),
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// What an account's parameter held, and when it was read.
    json: Option<(SecretString, SystemTime)>,
    /// The last failure, and when it happened: it is also the failure of everybody who waited for it.
    failed: Option<(UpstreamError, Instant)>,
}

struct Token {
    secret: SecretString,
    fetched: Instant,
    /// When to fetch the next one.
    refresh: SystemTime,
    /// `None` for one that does not expire by itself.
    expires: Option<SystemTime>,
}

impl Token {
    fn new(secret: SecretString, now: SystemTime, lifetime: Duration) -> Self {
        // No token lives longer; a time beyond what the clock can count would end the process.
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

    /// Tokens for an account of Google's, from its JSON: a service account's key, or workload identity federation. Federation
    /// signs with the function's role in `region`. JSON from a parameter is read later, so only a given one can fail here.
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

    /// The bearer token to send now.
    pub async fn token(&self, transport: &Transport) -> Result<SecretString, UpstreamError> {
        match &self.0 {
            Kind::Fixed(secret) => Ok(secret.clone()),
            Kind::Kept(keeper) => keeper.token(transport, SystemTime::now()).await,
        }
    }

    /// Another token, after the provider refused that one with 401: fetched anew, unless somebody did so already. A secret from
    /// SSM is read again; a fixed one stays what it is.
    pub async fn renew(&self, transport: &Transport, refused: &SecretString) -> Result<SecretString, UpstreamError> {
        match &self.0 {
            Kind::Fixed(secret) => Ok(secret.clone()),
            Kind::Kept(keeper) => keeper.renew(transport, refused, SystemTime::now()).await,
        }
    }

    /// Reads what comes from SSM, if anything does, and checks it. No token is fetched for it.
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
            // Kept until it is read again: when SSM is out of reach too, the refusal may still have been a passing one.
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

    /// Fetches a token and keeps it. `anew` does not trust what a parameter held before.
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

    /// What an account's parameter holds: read anew when it is old or not to be trusted, and kept when that fails.
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

/// What is wrong with JSON that holds secrets: serde's own words may quote a value, the name of a missing field does not.
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
