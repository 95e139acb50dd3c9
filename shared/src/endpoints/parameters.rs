//! URL parameters. An invalid one is a 400 that names it and says what to send.

use std::str::FromStr;

use lambda_http::RequestExt as _;
use lambda_http::aws_lambda_events::query_map::QueryMap;

use super::Call;
use crate::error::GatewayError;

/// The parameters of a request.
pub(super) struct Parameters(QueryMap);

impl Parameters {
    /// The parameters of this request.
    pub(super) fn of(call: &Call) -> Self {
        Self(call.request.query_string_parameters())
    }

    /// The value of a parameter; `None` if it is missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.first(name)
    }

    /// A parameter parsed by `read`. If `read` returns `None`, a 400 with the `rule`.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        rule: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, GatewayError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| GatewayError::invalid(name, format!("{name}: {rule}.")))
    }
}

/// A whole number within these bounds.
pub(super) fn within<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}
