//! What is read of content blocks.

use crate::wire::unread::Reading::{ByType, Each, Members};
use crate::wire::unread::{Reading, WHOLE};

/// What is read of a list of blocks.
pub(in crate::wire) static CONTENT: Reading = Each(&BLOCK);

/// What is read of a block, by its type.
pub(in crate::wire) static BLOCK: Reading = ByType(&[
    ("text", &Members(&[("type", WHOLE), ("text", WHOLE), ("cache_control", WHOLE)])),
    // The one or the other.
    ("mid_conv_system", &Members(&[("type", WHOLE), ("content", &CONTENT), ("text", WHOLE), ("cache_control", WHOLE)])),
    ("image", &Members(&[("type", WHOLE), ("source", &SOURCE), ("cache_control", WHOLE)])),
    ("document", &DOCUMENT),
    ("thinking", &Members(&[("type", WHOLE), ("thinking", WHOLE), ("signature", WHOLE), ("cache_control", WHOLE)])),
    ("redacted_thinking", &Members(&[("type", WHOLE), ("data", WHOLE), ("cache_control", WHOLE)])),
    ("tool_use", &CALL),
    ("tool_result", &RESULT),
    ("search_result", &FOUND),
    ("compaction", &Members(&[("type", WHOLE), ("content", WHOLE), ("cache_control", WHOLE)])),
    ("tool_reference", &Members(&[("type", WHOLE), ("tool_name", WHOLE), ("cache_control", WHOLE)])),
]);

static SOURCE: Reading =
    Members(&[("type", WHOLE), ("media_type", WHOLE), ("data", WHOLE), ("url", WHOLE), ("content", &CONTENT)]);

// Requested citations are named where a block is read.
static DOCUMENT: Reading = Members(&[
    ("type", WHOLE),
    ("source", &SOURCE),
    ("title", WHOLE),
    ("context", WHOLE),
    ("citations", WHOLE),
    ("cache_control", WHOLE),
]);

// The caller of a server tool means nothing to a model that did not call it.
static CALL: Reading = Members(&[
    ("type", WHOLE),
    ("id", WHOLE),
    ("name", WHOLE),
    ("input", WHOLE),
    ("caller", WHOLE),
    ("cache_control", WHOLE),
]);

static RESULT: Reading = Members(&[
    ("type", WHOLE),
    ("tool_use_id", WHOLE),
    ("content", &CONTENT),
    ("is_error", WHOLE),
    ("cache_control", WHOLE),
]);

static FOUND: Reading = Members(&[
    ("type", WHOLE),
    ("title", WHOLE),
    ("source", WHOLE),
    ("content", &CONTENT),
    ("citations", WHOLE),
    ("cache_control", WHOLE),
]);
