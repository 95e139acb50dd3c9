//! `GET /dashboard`, the page, and `GET /dashboard/charts?days=30`, its charts. Only the function `dashboard` contains them,
//! so that the binaries of the others do not.

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Response};
use lambda_http::Request;

use super::parameters::Parameters;
use super::{Call, DashboardPart, serve_with, usage};
use crate::dashboard::{self, overview};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::Days;
use crate::page::Html;
use crate::respond::{self, Body};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Answers the paths of the dashboard.
pub(super) type Dashboard =
    for<'a> fn(&'a Arc<Gateway>, &'a Call, DashboardPart) -> BoxFuture<'a, Result<Response<Body>, GatewayError>>;

/// Answers a request as [`serve`](super::serve) does, and also the paths of the dashboard.
pub async fn serve_dashboard(gateway: Arc<Gateway>, request: Request) -> Response<Body> {
    serve_with(gateway, request, Some(handle)).await
}

fn handle<'a>(
    gateway: &'a Arc<Gateway>,
    call: &'a Call,
    part: DashboardPart,
) -> BoxFuture<'a, Result<Response<Body>, GatewayError>> {
    match part {
        DashboardPart::Page => Box::pin(async { Ok(page()) }),
        DashboardPart::Charts => Box::pin(charts(gateway, call)),
    }
}

/// The page needs no key: it asks for one.
fn page() -> Response<Body> {
    static PAGE: OnceLock<Html> = OnceLock::new();
    let page = PAGE.get_or_init(dashboard::page);
    let mut response = html(page.html.clone());
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
    Ok(html(overview(&usage::summary(gateway, call, &key, days).await?)))
}

fn html(text: String) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Some(text.into())));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HTML);
    response
}
