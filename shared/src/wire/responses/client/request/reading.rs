//! What is read of a Responses request. Unknown top-level fields are found elsewhere.

use crate::wire::unread::Reading::{ByType, Default, Each, Members};
use crate::wire::unread::{Reading, WHOLE};

/// What is read of the body.
pub(super) const BODY: &[(&str, &Reading)] = &[
    ("input", &Each(&ITEM)),
    ("tools", &Each(&TOOL)),
    ("tool_choice", &CHOICE),
    ("reasoning", &Members(&[("effort", WHOLE), ("summary", WHOLE), ("generate_summary", WHOLE)])),
    ("text", &Members(&[("format", &FORMAT), ("verbosity", WHOLE)])),
];

// A message without a type is read by the same table.
static ITEM: Reading = ByType(&[
    ("message", &MESSAGE),
    ("agent_message", &AGENT_MESSAGE),
    ("additional_tools", &MORE_TOOLS),
    ("reasoning", &THOUGHT),
    ("function_call", &CALL),
    ("custom_tool_call", &CALL),
    ("function_call_output", &OUTPUT),
    ("custom_tool_call_output", &OUTPUT),
    ("local_shell_call", &TYPED_CALL),
    ("shell_call", &TYPED_CALL),
    ("apply_patch_call", &TYPED_CALL),
    ("tool_search_call", &TYPED_CALL),
    ("local_shell_call_output", &TYPED_OUTPUT),
    ("shell_call_output", &TYPED_OUTPUT),
    ("apply_patch_call_output", &TYPED_OUTPUT),
    ("tool_search_output", &TYPED_OUTPUT),
]);

/// What is read of a message. Ids and states of items are OpenAI's own bookkeeping and mean nothing to a model.
pub(super) static MESSAGE: Reading =
    Members(&[("type", WHOLE), ("id", WHOLE), ("status", WHOLE), ("role", WHOLE), ("content", &CONTENT)]);

static AGENT_MESSAGE: Reading = Members(&[
    ("type", WHOLE),
    ("id", WHOLE),
    ("status", WHOLE),
    ("author", WHOLE),
    ("recipient", WHOLE),
    ("content", WHOLE),
]);

static MORE_TOOLS: Reading = Members(&[("type", WHOLE), ("id", WHOLE), ("role", WHOLE), ("tools", &Each(&TOOL))]);

static CONTENT: Reading = Each(&PART);

static PART: Reading = ByType(&[
    ("input_text", &TEXT),
    ("output_text", &TEXT),
    ("text", &TEXT),
    ("refusal", &Members(&[("type", WHOLE), ("refusal", WHOLE)])),
    ("input_image", &Members(&[("type", WHOLE), ("image_url", WHOLE), ("file_id", WHOLE), ("detail", &Default("auto"))])),
    (
        "input_file",
        &Members(&[("type", WHOLE), ("filename", WHOLE), ("file_data", WHOLE), ("file_url", WHOLE), ("file_id", WHOLE)]),
    ),
    ("input_audio", &Members(&[("type", WHOLE), ("input_audio", &Members(&[("data", WHOLE), ("format", WHOLE)]))])),
]);

static TEXT: Reading = Members(&[("type", WHOLE), ("text", WHOLE)]);

static THOUGHT: Reading = Members(&[
    ("type", WHOLE),
    ("id", WHOLE),
    ("status", WHOLE),
    ("summary", WHOLE),
    ("content", WHOLE),
    ("encrypted_content", WHOLE),
]);

static CALL: Reading = Members(&[
    ("type", WHOLE),
    ("id", WHOLE),
    ("call_id", WHOLE),
    ("status", WHOLE),
    ("namespace", WHOLE),
    ("name", WHOLE),
    ("arguments", WHOLE),
    ("input", WHOLE),
]);

static OUTPUT: Reading =
    Members(&[("type", WHOLE), ("id", WHOLE), ("call_id", WHOLE), ("status", WHOLE), ("output", &CONTENT)]);

static TYPED_CALL: Reading = Members(&[
    ("type", WHOLE),
    ("id", WHOLE),
    ("call_id", WHOLE),
    ("status", WHOLE),
    ("action", WHOLE),
    ("operation", WHOLE),
    ("arguments", WHOLE),
    ("execution", WHOLE),
]);

static TYPED_OUTPUT: Reading = Members(&[
    ("type", WHOLE),
    ("id", WHOLE),
    ("call_id", WHOLE),
    ("status", WHOLE),
    ("output", WHOLE),
    ("tools", WHOLE),
    ("execution", WHOLE),
    ("max_output_length", WHOLE),
]);

/// What is read of a declared tool. Settings for tool search do not change what it is.
static TOOL: Reading = ByType(&[
    ("function", &FUNCTION),
    ("custom", &CUSTOM),
    (
        "namespace",
        &Members(&[
            ("type", WHOLE),
            ("name", WHOLE),
            ("description", WHOLE),
            ("tools", &Each(&ByType(&[("function", &FUNCTION), ("custom", &CUSTOM)]))),
        ]),
    ),
    ("local_shell", &Members(&[("type", WHOLE)])),
    ("shell", &Members(&[("type", WHOLE), ("environment", &Members(&[("type", WHOLE)]))])),
    ("apply_patch", &Members(&[("type", WHOLE)])),
    ("tool_search", &Members(&[("type", WHOLE), ("execution", WHOLE), ("description", WHOLE), ("parameters", WHOLE)])),
]);

static FUNCTION: Reading = Members(&[
    ("type", WHOLE),
    ("name", WHOLE),
    ("description", WHOLE),
    ("parameters", WHOLE),
    ("strict", WHOLE),
    ("defer_loading", WHOLE),
]);

// No other vendor enforces a grammar.
static CUSTOM: Reading = Members(&[
    ("type", WHOLE),
    ("name", WHOLE),
    ("description", WHOLE),
    ("format", &Members(&[("type", WHOLE)])),
    ("defer_loading", WHOLE),
]);

static CHOICE: Reading =
    Members(&[("type", WHOLE), ("namespace", WHOLE), ("name", WHOLE), ("mode", WHOLE), ("tools", WHOLE)]);

static FORMAT: Reading = Members(&[("type", WHOLE), ("name", WHOLE), ("schema", WHOLE), ("strict", WHOLE)]);
