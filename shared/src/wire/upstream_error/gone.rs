//! Messages by which providers say that they do not serve a model: for now or permanently, for the gateway's account or for
//! everyone.

use crate::error::{Absence, UpstreamErrorKind};

/// The form of a refusal's message. Providers quote the client's text in other messages, so a form covers the whole message
/// from beginning to end.
struct Form {
    status: u16,
    begins: &'static str,
    holds: &'static str,
    ends: &'static str,
}

const fn form(status: u16, begins: &'static str, holds: &'static str, ends: &'static str) -> Form {
    Form { status, begins, holds, ends }
}

/// Messages that say that the model is gone, or not available to the gateway's account, whatever the request.
///
/// Google: googleapis/python-aiplatform#3574, genkit-ai/genkit#4688 (404); yym68686/uni-api#41,
/// langchain-ai/langchain-google#593 and NousResearch/hermes-agent#32678 (400, `FAILED_PRECONDITION`). Anthropic:
/// platform.claude.com, errors (404, `not_found_error`). OpenRouter: OpenRouterTeam/openrouter-examples#74 (400). OpenAI
/// behind OpenRouter: developers.openai.com, error codes (404).
const FOR_EVERYONE: [Form; 8] = [
    form(404, "Publisher Model ", "was not found or your project does not have access to it", ""),
    form(404, "Publisher Model ", "is not found", ""),
    form(400, "Project ", " is not allowed to use Publisher Model ", ""),
    form(403, "Project ", " is not allowed to use Publisher Model ", ""),
    form(400, "Publisher Model ", " is not servable in region ", ""),
    form(404, "model: claude-", "", ""),
    form(400, "", "", " is not a valid model ID"),
    form(404, "The model `", "` does not exist or you do not have access to it", ""),
];

/// A message about the model that may also be about this request or the permissions of the gateway's account: providers send
/// it for a model that does not exist and for one that the project may not use (rpurinton/gemini-php#4).
const FOR_NOW: [Form; 1] =
    [form(403, "Permission 'aiplatform.endpoints.predict' denied", "/models/", " (or it may not exist).")];

impl Form {
    fn is_that_of(&self, status: u16, message: &str) -> bool {
        let Self { status: own, begins, holds, ends } = self;
        *own == status && message.starts_with(begins) && message.contains(holds) && message.trim_end().ends_with(ends)
    }
}

/// The kind of a refusal that says that the model is not served; `None` for other refusals. Every 404 and 410 says so,
/// because the gateway itself writes everything in the path except the model. `OpenRouter`'s "No endpoints found" depends on
/// what the request contains.
pub(super) fn kind(status: u16, message: &str) -> Option<UpstreamErrorKind> {
    let absence = if FOR_EVERYONE.iter().any(|form| form.is_that_of(status, message)) {
        Absence::ForEveryone
    } else if matches!(status, 404 | 410) || FOR_NOW.iter().any(|form| form.is_that_of(status, message)) {
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
        let kind = decode(status, None, body).kind;
        let of = |absence| kind == UpstreamErrorKind::NotServed { status, absence };
        [Absence::ForEveryone, Absence::ForThisRequest].into_iter().find(|absence| of(*absence))
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
            (
                400,
                google(400, "Invalid value: 'is not a valid model ID'. Supported values are: 'text'.", "INVALID_ARGUMENT"),
            ),
            (400, google(400, "messages.0.text.is not allowed to use Publisher Model: Extra inputs", "INVALID_ARGUMENT")),
        ] {
            assert_eq!(absence(status, &body), None, "{body}");
        }
    }
}
