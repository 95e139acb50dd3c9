//! What is read of a Messages request. Unknown top-level fields are found elsewhere.

use crate::wire::blocks;
use crate::wire::unread::Reading::{Each, Members};
use crate::wire::unread::{Reading, WHOLE};

/// What is read of the body.
pub(super) const BODY: &[(&str, &Reading)] = &[
    ("system", &blocks::CONTENT),
    ("messages", &Each(&Members(&[("role", WHOLE), ("content", &blocks::CONTENT)]))),
    ("tools", &Each(&TOOL)),
    ("tool_choice", &Members(&[("type", WHOLE), ("name", WHOLE), ("disable_parallel_tool_use", WHOLE)])),
    ("metadata", &Members(&[("user_id", WHOLE), ("tag", WHOLE)])),
    ("output_config", &Members(&[("effort", WHOLE), ("format", &FORMAT)])),
    ("output_format", &FORMAT),
    ("thinking", &Members(&[("type", WHOLE), ("budget_tokens", WHOLE), ("display", WHOLE)])),
];

// Settings for streaming a tool's arguments or for tool search do not change what the tool is.
static TOOL: Reading = Members(&[
    ("type", WHOLE),
    ("name", WHOLE),
    ("description", WHOLE),
    ("input_schema", WHOLE),
    ("strict", WHOLE),
    ("cache_control", WHOLE),
    ("defer_loading", WHOLE),
    ("eager_input_streaming", WHOLE),
]);

static FORMAT: Reading = Members(&[("type", WHOLE), ("schema", WHOLE)]);
