//! The words by which providers say that they do not serve a model, now or ever, to us or to anybody.

use crate::error::{Absence, UpstreamErrorKind};

/// What a refusal says when the model is gone, or not ours to use, whatever the request: with its status, and all of these phrases.
///
/// Google: googleapis/python-aiplatform#3574, genkit-ai/genkit#4688 (404); yym68686/uni-api#41, langchain-ai/langchain-google#593 and
/// NousResearch/hermes-agent#32678 (400, `FAILED_PRECONDITION`). Anthropic: platform.claude.com, errors (404, `not_found_error`).
/// OpenRouter: OpenRouterTeam/openrouter-examples#74 (400). OpenAI behind OpenRouter: developers.openai.com, error codes (404).
const FOR_EVERYONE: [(u16, &[&str]); 8] = [
    (404, &["Publisher Model", "was not found or your project does not have access to it"]),
    (404, &["Publisher Model", "is not found"]),
    (400, &["is not allowed to use Publisher Model"]),
    (403, &["is not allowed to use Publisher Model"]),
    (400, &["Publisher Model", "is not servable in region"]),
    (404, &["model: claude-"]),
    (400, &["is not a valid model ID"]),
    (404, &["The model `", "does not exist or you do not have access to it"]),
];

/// What a refusal says when it is about the model but may be about this request or our rights, too: it is said of a model that does not
/// exist as well as of one that the project may not use (rpurinton/gemini-php#4).
const FOR_NOW: [(u16, &[&str]); 1] = [(403, &["aiplatform.endpoints.predict", "/models/", "or it may not exist"])];

/// The kind of a refusal that says that the model is not served; `None` for any other. Every 404 and 410 is one: the rest of a path is
/// ours. `OpenRouter`'s "No endpoints found" depends on what the request asks for.
pub(super) fn kind(status: u16, message: &str) -> Option<UpstreamErrorKind> {
    let says = |list: &[(u16, &[&str])]| {
        list.iter().any(|(of, phrases)| *of == status && phrases.iter().all(|phrase| message.contains(phrase)))
    };
    let absence = if says(&FOR_EVERYONE) {
        Absence::ForEveryone
    } else if matches!(status, 404 | 410) || says(&FOR_NOW) {
        Absence::ForThisRequest
    } else {
        return None;
    };
    Some(UpstreamErrorKind::NotServed { status, absence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::upstream_error::decode;

    fn absence(status: u16, body: &str) -> Option<Absence> {
        match decode(status, None, body).kind {
            UpstreamErrorKind::NotServed { status: kept, absence } if kept == status => Some(absence),
            _ => None,
        }
    }

    fn google(code: u16, message: &str, status: &str) -> String {
        format!(r#"{{"error":{{"code":{code},"message":"{message}","status":"{status}"}}}}"#)
    }

    #[test]
    fn a_model_that_is_gone_is_told_by_each_providers_own_words() {
        let path = "projects/p/locations/global/publishers/google/models/gemini-3-pro-preview";
        let missing = format!(
            "Publisher Model `{path}` was not found or your project does not have access to it. Please ensure you are using a valid model version."
        );
        let older = format!("Publisher Model `{path}` is not found.");
        let denied = format!("Project `1` is not allowed to use Publisher Model `{path}`");
        let elsewhere = format!("Publisher Model {path} is not servable in region global.");
        for (status, body) in [
            (404, google(404, &missing, "NOT_FOUND")),
            (404, format!("[{}]", google(404, &missing, "NOT_FOUND"))),
            (404, google(404, &older, "NOT_FOUND")),
            (400, google(400, &denied, "FAILED_PRECONDITION")),
            (400, google(400, &elsewhere, "FAILED_PRECONDITION")),
            (
                404,
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-3-opus-20240229"}}"#
                    .to_owned(),
            ),
            (
                400,
                r#"{"error":{"message":"openai/gpt-5-nano is not a valid model ID","code":400},"user_id":"u"}"#.to_owned(),
            ),
        ] {
            assert_eq!(absence(status, &body), Some(Absence::ForEveryone), "{body}");
        }
    }

    #[test]
    fn what_may_be_about_the_request_is_about_it_alone() {
        let denied = "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/locations/l/publishers/google/models/m' (or it may not exist).";
        for (status, body) in [
            (
                404,
                r#"{"error":{"message":"No endpoints found for deepseek/deepseek-chat-v3.1:free.","code":404}}"#.to_owned(),
            ),
            (404, r#"{"error":{"message":"No endpoints found that support tool use.","code":404}}"#.to_owned()),
            (404, "<html>Not found</html>".to_owned()),
            (410, "{}".to_owned()),
            (403, google(403, denied, "PERMISSION_DENIED")),
        ] {
            assert_eq!(absence(status, &body), Some(Absence::ForThisRequest), "{body}");
        }
    }

    #[test]
    fn other_refusals_say_nothing_about_the_model() {
        let endpoint = "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/locations/l/endpoints/openapi' (or it may not exist).";
        for (status, body) in [
            (400, google(400, "Invalid value", "INVALID_ARGUMENT")),
            (403, google(403, endpoint, "PERMISSION_DENIED")),
            (500, google(500, "Publisher Model `m` is not found.", "INTERNAL")),
        ] {
            assert_eq!(absence(status, &body), None, "{body}");
        }
    }
}
