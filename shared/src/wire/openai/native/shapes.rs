//! The members that messages, parts, calls and tools may have. A new member is added here. OpenAI and Mistral reject others
//! (`adamrushy/OpenAISwift#99`, `nomtek/mistralai_client_dart#44`). A removed member is listed in `x-gateway-dropped` if it
//! has a meaning in Chat Completions. Others, such as the flag that a tool was found by search, are not listed.

use std::collections::HashSet;

use crate::chat::request::Place;
use crate::document::{Kind, Value};
use crate::wire::native::Forwarding;
use crate::wire::openai::client::request::unread_in;
use crate::wire::openai::rules;
use crate::wire::target::Target;
use crate::wire::unread::Reading::{ByType, Each, Members};
use crate::wire::unread::{Reading, WHOLE, beyond};

// Other members of an assistant message are handled in `members.rs`.
static ASSISTANT: Reading = Members(&[
    ("annotations", WHOLE),
    ("audio", WHOLE),
    ("cache_control", &MARK),
    ("content", &Each(&PART)),
    ("function_call", WHOLE),
    ("images", WHOLE),
    ("name", WHOLE),
    ("reasoning", WHOLE),
    ("reasoning_content", WHOLE),
    ("reasoning_details", WHOLE),
    ("refusal", WHOLE),
    ("role", WHOLE),
    ("tool_calls", &Each(&CALL)),
]);

// Claude rejects other members (caozhiyuan/copilot-api#145).
static MARK: Reading = Members(&[("ttl", WHOLE), ("type", WHOLE)]);

static TOOL_MESSAGE: Reading = Members(&[
    ("cache_control", &MARK),
    ("content", &Each(&PART)),
    ("name", WHOLE),
    ("role", WHOLE),
    ("tool_call_id", WHOLE),
]);

static MESSAGE: Reading = Members(&[("cache_control", &MARK), ("content", &Each(&PART)), ("name", WHOLE), ("role", WHOLE)]);

// Parts of other APIs are rewritten as a whole.
static PART: Reading = ByType(&[
    ("text", &Members(&[("cache_control", &MARK), ("prompt_cache_breakpoint", WHOLE), ("text", WHOLE), ("type", WHOLE)])),
    (
        "image_url",
        &Members(&[
            ("cache_control", &MARK),
            ("image_url", &Members(&[("detail", WHOLE), ("url", WHOLE)])),
            ("prompt_cache_breakpoint", WHOLE),
            ("type", WHOLE),
        ]),
    ),
    (
        "file",
        &Members(&[
            ("cache_control", &MARK),
            ("file", &Members(&[("file_data", WHOLE), ("file_id", WHOLE), ("filename", WHOLE)])),
            ("prompt_cache_breakpoint", WHOLE),
            ("type", WHOLE),
        ]),
    ),
    (
        "input_audio",
        &Members(&[
            ("cache_control", &MARK),
            ("input_audio", &Members(&[("data", WHOLE), ("format", WHOLE)])),
            ("prompt_cache_breakpoint", WHOLE),
            ("type", WHOLE),
        ]),
    ),
    ("video_url", &Members(&[("cache_control", &MARK), ("type", WHOLE), ("video_url", &Members(&[("url", WHOLE)]))])),
    ("refusal", &Members(&[("cache_control", &MARK), ("refusal", WHOLE), ("type", WHOLE)])),
]);

static CALL: Reading = Members(&[
    ("custom", WHOLE),
    ("function", &Members(&[("arguments", WHOLE), ("name", WHOLE)])),
    ("id", WHOLE),
    // A leftover of a reply; OpenRouter's own whole replies have it.
    ("index", WHOLE),
    ("type", WHOLE),
]);

static TOOL: Reading = Members(&[
    ("cache_control", &MARK),
    ("custom", &Members(&[("description", WHOLE), ("format", WHOLE), ("name", WHOLE)])),
    ("function", &Members(&[("description", WHOLE), ("name", WHOLE), ("parameters", WHOLE), ("strict", WHOLE)])),
    ("type", WHOLE),
]);

static CHOICE: Reading =
    Members(&[("allowed_tools", WHOLE), ("custom", WHOLE), ("function", &Members(&[("name", WHOLE)])), ("type", WHOLE)]);

static FORMAT: Reading = Members(&[
    ("json_schema", &Members(&[("description", WHOLE), ("name", WHOLE), ("schema", WHOLE), ("strict", WHOLE)])),
    ("type", WHOLE),
]);

/// Values of an image's detail (OpenAI's API reference).
const DETAILS: [&str; 4] = ["auto", "low", "high", "original"];

/// Removes members that the shapes do not have.
pub(super) fn keep(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let body = forwarding.body;
    let unread: HashSet<_> = unread_in(body).into_iter().map(Place::offset).collect();
    let list = |name: &str| body.get(name).into_iter().flat_map(Value::elements);
    let mut others: Vec<Value<'_>> = Vec::new();
    for message in list("messages") {
        let role = message.get("role").and_then(Value::as_text).unwrap_or_default();
        let shape = match role.as_ref() {
            "assistant" => &ASSISTANT,
            "tool" => &TOOL_MESSAGE,
            _ => &MESSAGE,
        };
        others.extend(beyond(message, shape).into_iter().filter(|value| role != "assistant" || !is_own(message, *value)));
        others.extend(message.get("content").into_iter().flat_map(Value::elements).filter_map(odd_detail));
        if !rules::is_openai(target.upstream) {
            let parts = message.get("content").into_iter().flat_map(Value::elements);
            others.extend(parts.filter_map(|part| part.get("prompt_cache_breakpoint")));
        }
    }
    let is_nested = |tool: &Value<'_>| tool.get("function").or_else(|| tool.get("custom")).is_some();
    others.extend(list("tools").filter(is_nested).flat_map(|tool| beyond(tool, &TOOL)));
    let settings = [("tool_choice", &CHOICE), ("response_format", &FORMAT), ("cache_control", &MARK)];
    for (value, shape) in settings.into_iter().filter_map(|(name, shape)| Some((body.get(name)?, shape))) {
        others.extend(beyond(value, shape));
    }
    for value in others.into_iter().filter(|value| !forwarding.edits.removes(*value)).collect::<Vec<_>>() {
        forwarding.edits.remove(value);
        forwarding.left_out.extend(unread.contains(&value.place().offset()).then(|| value.place()));
    }
}

/// Whether a value is a direct member of the message.
fn is_own(message: Value<'_>, value: Value<'_>) -> bool {
    message.members().any(|(_, member)| member.place().offset() == value.place().offset())
}

/// The detail of an image, if OpenAI does not know it.
fn odd_detail(part: Value<'_>) -> Option<Value<'_>> {
    let detail = part.at(&["image_url", "detail"]).filter(|detail| detail.kind() != Kind::Null)?;
    (!DETAILS.iter().any(|known| detail.is(known))).then_some(detail)
}
