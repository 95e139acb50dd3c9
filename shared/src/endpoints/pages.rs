//! The pages of the function `dashboard`: `GET /dashboard` with its charts, and the reference of the API.

use std::sync::{Arc, OnceLock};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::parameters::Parameters;
use super::{Call, usage};
use crate::dashboard::{self, overview};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::{Days, Timestamp};
use crate::page::Html;
use crate::reference::Reference;
use crate::respond::{self, Body};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Browsers show Markdown only as plain text.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What the function `dashboard` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// `GET /dashboard`
    Dashboard,
    /// `GET /dashboard/charts?days=30`: the charts of a key's usage, as HTML.
    Charts,
    /// `GET /openapi.json`: the description of the API.
    OpenApi,
    /// `GET /docs`: the same for people.
    Docs,
    /// `GET /llms.txt`: the same for agents.
    Llms,
}

/// Answers a request for a page.
pub(super) async fn handle(gateway: &Arc<Gateway>, call: &Call, page: Page) -> Result<Response<Body>, GatewayError> {
    Ok(match page {
        Page::Dashboard => whole(dashboard()),
        Page::Charts => charts(gateway, call).await?,
        Page::OpenApi => respond::json_bytes(StatusCode::OK, reference()?.json.clone()),
        Page::Docs => whole(&reference()?.html),
        Page::Llms => text(TEXT, reference()?.text.clone()),
    })
}

/// The page needs no key: it asks for one.
fn dashboard() -> &'static Html {
    static PAGE: OnceLock<Html> = OnceLock::new();
    PAGE.get_or_init(dashboard::page)
}

fn reference() -> Result<&'static Reference, GatewayError> {
    static REFERENCE: OnceLock<Option<Reference>> = OnceLock::new();
    let reference = REFERENCE.get_or_init(|| Reference::new().ok());
    reference.as_ref().ok_or_else(|| GatewayError::internal("the description of the API cannot be read"))
}

/// A page with its policies.
fn whole(page: &Html) -> Response<Body> {
    let mut response = text(HTML, page.html.clone());
    for (name, value) in [
        ("content-security-policy", &*page.policy),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        respond::set_header(&mut response, name, value);
    }
    response
}

async fn charts(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    let key = call.reader(gateway)?;
    let days = Days::parse(Parameters::of(call).get("days"))?;
    Ok(text(HTML, overview(&usage::summary(gateway, call, &key, days, Timestamp::now()).await?)))
}

fn text(kind: HeaderValue, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Some(text.into())));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
