//! What is read of a Chat Completions request. Unknown top-level fields are found elsewhere.

use crate::wire::blocks;
use crate::wire::unread::Reading::{ByType, Default, Each, Members};
use crate::wire::unread::{Reading, WHOLE};

/// What is read of the body.
pub(super) const BODY: &[(&str, &Reading)] = &[
    ("messages", &Each(&MESSAGE)),
    ("tools", &Each(&TOOL)),
    ("functions", &Each(&FUNCTION)),
    ("tool_choice", &CHOICE),
    ("response_format", &FORMAT),
    ("reasoning", &Members(&[("effort", WHOLE), ("max_tokens", WHOLE), ("enabled", WHOLE), ("exclude", WHOLE)])),
    ("thinking", &Members(&[("type", WHOLE), ("budget_tokens", WHOLE), ("display", WHOLE)])),
];

// The name is read where the conversation can hold it.
static MESSAGE: Reading = Members(&[
    ("role", WHOLE),
    ("content", &Each(&PART)),
    ("name", WHOLE),
    ("refusal", WHOLE),
    ("tool_calls", &Each(&CALL)),
    ("tool_call_id", WHOLE),
    ("function_call", &Members(&[("name", WHOLE), ("arguments", WHOLE)])),
    ("reasoning", WHOLE),
    ("reasoning_content", WHOLE),
    ("reasoning_details", &Each(&DETAIL)),
    ("cache_control", WHOLE),
]);

static VIDEO: Reading = Members(&[("type", WHOLE), ("video_url", &Members(&[("url", WHOLE)])), ("cache_control", WHOLE)]);

static PART: Reading = ByType(&[
    ("text", &TEXT),
    ("input_text", &TEXT),
    ("output_text", &TEXT),
    ("refusal", &Members(&[("type", WHOLE), ("refusal", WHOLE), ("cache_control", WHOLE)])),
    (
        "image_url",
        &Members(&[
            ("type", WHOLE),
            ("image_url", &Members(&[("url", WHOLE), ("detail", &Default("auto"))])),
            ("cache_control", WHOLE),
        ]),
    ),
    (
        "input_image",
        &Members(&[("type", WHOLE), ("image_url", WHOLE), ("detail", &Default("auto")), ("cache_control", WHOLE)]),
    ),
    ("video_url", &VIDEO),
    ("input_video", &VIDEO),
    (
        "file",
        &Members(&[
            ("type", WHOLE),
            ("file", &Members(&[("filename", WHOLE), ("file_data", WHOLE)])),
            ("cache_control", WHOLE),
        ]),
    ),
    (
        "input_file",
        &Members(&[
            ("type", WHOLE),
            ("filename", WHOLE),
            ("file_data", WHOLE),
            ("file_url", WHOLE),
            ("cache_control", WHOLE),
        ]),
    ),
    (
        "input_audio",
        &Members(&[
            ("type", WHOLE),
            ("input_audio", &Members(&[("data", WHOLE), ("format", WHOLE)])),
            ("cache_control", WHOLE),
        ]),
    ),
    ("reasoning", &THOUGHT),
    ("image", &blocks::BLOCK),
    ("document", &blocks::BLOCK),
    ("thinking", &blocks::BLOCK),
    ("redacted_thinking", &blocks::BLOCK),
    ("tool_use", &blocks::BLOCK),
    ("tool_result", &blocks::BLOCK),
    ("search_result", &blocks::BLOCK),
    ("tool_reference", &blocks::BLOCK),
    ("mid_conv_system", &blocks::BLOCK),
]);

static TEXT: Reading = Members(&[("type", WHOLE), ("text", WHOLE), ("cache_control", WHOLE)]);

static THOUGHT: Reading =
    Members(&[("type", WHOLE), ("id", WHOLE), ("text", WHOLE), ("summary", WHOLE), ("content", WHOLE)]);

static DETAIL: Reading = Members(&[
    ("type", WHOLE),
    ("text", WHOLE),
    ("summary", WHOLE),
    ("signature", WHOLE),
    ("data", WHOLE),
    ("id", WHOLE),
    ("format", WHOLE),
    ("index", WHOLE),
]);

static CALL: Reading = Members(&[
    ("id", WHOLE),
    ("index", WHOLE),
    ("type", WHOLE),
    ("function", &Members(&[("name", WHOLE), ("arguments", WHOLE)])),
    ("custom", &Members(&[("name", WHOLE), ("input", WHOLE)])),
    ("extra_content", &Members(&[("google", &Members(&[("thought_signature", WHOLE)]))])),
]);

/// What is read of a declared tool, nested or flat. Settings for streaming its arguments or for tool search do not change
/// what the tool is.
pub static TOOL: Reading = Members(&[
    ("type", WHOLE),
    ("function", &FUNCTION),
    ("custom", &CUSTOM),
    ("name", WHOLE),
    ("description", WHOLE),
    ("parameters", WHOLE),
    ("input_schema", WHOLE),
    ("format", &GRAMMAR),
    ("strict", WHOLE),
    ("cache_control", WHOLE),
    ("defer_loading", WHOLE),
    ("eager_input_streaming", WHOLE),
]);

static FUNCTION: Reading = Members(&[
    ("name", WHOLE),
    ("description", WHOLE),
    ("parameters", WHOLE),
    ("input_schema", WHOLE),
    ("strict", WHOLE),
    ("cache_control", WHOLE),
]);

static CUSTOM: Reading = Members(&[("name", WHOLE), ("description", WHOLE), ("format", &GRAMMAR), ("cache_control", WHOLE)]);

// No other vendor enforces a grammar.
static GRAMMAR: Reading = Members(&[("type", WHOLE)]);

static CHOICE: Reading = Members(&[
    ("type", WHOLE),
    ("function", WHOLE),
    ("custom", WHOLE),
    ("name", WHOLE),
    ("allowed_tools", WHOLE),
    ("mode", WHOLE),
    ("tools", WHOLE),
    ("disable_parallel_tool_use", WHOLE),
]);

static FORMAT: Reading = Members(&[
    ("type", WHOLE),
    ("name", WHOLE),
    ("schema", WHOLE),
    ("strict", WHOLE),
    ("json_schema", &Members(&[("name", WHOLE), ("schema", WHOLE), ("strict", WHOLE)])),
]);
