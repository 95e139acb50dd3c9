//! The path table: every path of the API, and the endpoint that answers it.

use super::Endpoint;
use super::pages::Page;
use crate::wire::ClientFormat;

/// What is at a path.
enum Place {
    /// One endpoint.
    One(Endpoint),
    /// An endpoint for each id. The path ends with `{id}`, which may contain slashes.
    ById(fn(String) -> Endpoint),
}

/// Every path as documented, in the order in which `/` lists them.
const TABLE: &[(&str, Place)] = &[
    ("/v1/chat/completions", Place::One(Endpoint::ChatCompletions)),
    ("/v1/messages", Place::One(Endpoint::Messages)),
    ("/v1/messages/count_tokens", Place::One(Endpoint::CountTokens(ClientFormat::Messages))),
    ("/v1/responses", Place::One(Endpoint::Responses)),
    ("/v1/responses/compact", Place::One(Endpoint::Compact)),
    ("/v1/responses/input_tokens", Place::One(Endpoint::CountTokens(ClientFormat::Responses))),
    ("/v1/models", Place::One(Endpoint::Models)),
    ("/v1/models/{id}", Place::ById(Endpoint::Model)),
    ("/v1/usage", Place::One(Endpoint::Usage)),
    ("/v1/requests", Place::One(Endpoint::Requests)),
    ("/v1/requests/{id}", Place::ById(Endpoint::Request)),
    ("/v1/credits", Place::One(Endpoint::Credits)),
    ("/health", Place::One(Endpoint::Health)),
    ("/dashboard", Place::One(Endpoint::Page(Page::Dashboard))),
    ("/dashboard/charts", Place::One(Endpoint::Page(Page::Charts))),
    ("/openapi.json", Place::One(Endpoint::Page(Page::OpenApi))),
    ("/docs", Place::One(Endpoint::Page(Page::Docs))),
    ("/llms.txt", Place::One(Endpoint::Page(Page::Llms))),
    ("/", Place::One(Endpoint::Root)),
];

/// Every path of the API and its methods, separated by commas. Ids are written as `{id}`.
pub fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|(path, place)| match place {
        Place::One(endpoint) => (*path, endpoint.methods()),
        Place::ById(endpoint) => (*path, endpoint(String::new()).methods()),
    })
}

/// Finds the endpoint of a path. `/v1` may be missing or doubled, repeated slashes count as one, and a trailing slash is
/// ignored, because clients join a base URL and a path in different ways.
pub(super) fn find(path: &str) -> Option<Endpoint> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let versions = segments.iter().take(2).take_while(|segment| **segment == "v1").count();
    let asked = segments.get(versions..).unwrap_or_default().join("/");
    TABLE.iter().find_map(|(path, place)| {
        let known = path.strip_prefix("/v1").unwrap_or(path).trim_start_matches('/');
        match place {
            Place::One(endpoint) => (asked == known).then(|| endpoint.clone()),
            Place::ById(endpoint) => {
                let id = asked.strip_prefix(known.strip_suffix("{id}")?)?;
                Some(endpoint(decode_percent(id)))
            }
        }
    })
}

/// Decodes `%xx`. Text that is not UTF-8 afterwards cannot be a model's name.
fn decode_percent(text: &str) -> String {
    url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_work_with_without_and_with_doubled_v1() {
        for (path, endpoint) in [
            ("/v1/chat/completions", Some(Endpoint::ChatCompletions)),
            ("/chat/completions", Some(Endpoint::ChatCompletions)),
            ("/v1/v1/chat/completions", Some(Endpoint::ChatCompletions)),
            ("/v1/messages/", Some(Endpoint::Messages)),
            ("/v1/messages/count_tokens", Some(Endpoint::CountTokens(ClientFormat::Messages))),
            ("/v1/responses", Some(Endpoint::Responses)),
            ("/responses/", Some(Endpoint::Responses)),
            ("/v1//v1//responses", Some(Endpoint::Responses)),
            ("/v1/responses/input_tokens", Some(Endpoint::CountTokens(ClientFormat::Responses))),
            ("/v1/responses/compact", Some(Endpoint::Compact)),
            ("/responses/compact/", Some(Endpoint::Compact)),
            ("/models", Some(Endpoint::Models)),
            ("/v1/models/gpt-5.2", Some(Endpoint::Model("gpt-5.2".to_owned()))),
            ("/v1/models/openai/gpt-5.2", Some(Endpoint::Model("openai/gpt-5.2".to_owned()))),
            ("/v1/models/openai%2Fgpt-5.2", Some(Endpoint::Model("openai/gpt-5.2".to_owned()))),
            ("/v1//chat/completions", Some(Endpoint::ChatCompletions)),
            ("//chat//completions//", Some(Endpoint::ChatCompletions)),
            ("//v1//v1//messages", Some(Endpoint::Messages)),
            ("/v1//messages//count_tokens", Some(Endpoint::CountTokens(ClientFormat::Messages))),
            ("//v1/models", Some(Endpoint::Models)),
            ("/v1//models//openai//gpt-5.2", Some(Endpoint::Model("openai/gpt-5.2".to_owned()))),
            ("//", Some(Endpoint::Root)),
            ("/usage", Some(Endpoint::Usage)),
            ("/v1/credits", Some(Endpoint::Credits)),
            ("/credits/", Some(Endpoint::Credits)),
            ("/v1/requests", Some(Endpoint::Requests)),
            ("/requests/req_1", Some(Endpoint::Request("req_1".to_owned()))),
            ("/v1/requests/chatcmpl-1/", Some(Endpoint::Request("chatcmpl-1".to_owned()))),
            ("/dashboard", Some(Endpoint::Page(Page::Dashboard))),
            ("/v1/dashboard/charts/", Some(Endpoint::Page(Page::Charts))),
            ("/dashboard/other", None),
            ("/openapi.json", Some(Endpoint::Page(Page::OpenApi))),
            ("/v1/docs/", Some(Endpoint::Page(Page::Docs))),
            ("/v1/v1/llms.txt", Some(Endpoint::Page(Page::Llms))),
            ("/docs/other", None),
            ("/models/{id}", Some(Endpoint::Model("{id}".to_owned()))),
            ("/models/", Some(Endpoint::Models)),
            ("/health", Some(Endpoint::Health)),
            ("/v1/health", Some(Endpoint::Health)),
            ("/", Some(Endpoint::Root)),
            ("", Some(Endpoint::Root)),
            ("/v1", Some(Endpoint::Root)),
            ("/v1/v1/v1/models", None),
            ("/v2/models", None),
            ("/v1models", None),
            ("/v1/chat", None),
            ("/v1/messages/batches", None),
        ] {
            assert_eq!(Endpoint::of_path(path), endpoint, "{path}");
        }
    }
}
