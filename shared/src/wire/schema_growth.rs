//! Limits how much schemas may grow when references are written out: a few lines can expand to megabytes, and the key would
//! pay for them.

use crate::chat::request::{JsonText, ToolDefinition};
use crate::error::GatewayError;

/// Allowed growth as a factor of the given size in bytes.
const FACTOR: usize = 4;
/// Additional allowed bytes.
const ALLOWANCE: usize = 64 * 1024;

/// The budget that all schemas of a request share.
#[derive(Debug)]
pub(super) struct SchemaGrowth {
    left: usize,
}

impl SchemaGrowth {
    /// The budget for the schemas of these tools and of the answer.
    pub(super) fn of(tools: &[ToolDefinition], answer: Option<&JsonText>) -> Self {
        let schemas = tools.iter().filter_map(|tool| tool.schema.as_ref()).chain(answer);
        let given: usize = schemas.map(|JsonText(schema)| schema.len()).sum();
        Self { left: given.saturating_mul(FACTOR).saturating_add(ALLOWANCE) }
    }

    /// Takes a written schema's size from the budget. Fails with a 400 that names its path if the budget is used up.
    pub(super) fn take(&mut self, path: &str, written: &str) -> Result<(), GatewayError> {
        match self.left.checked_sub(written.len()) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(GatewayError::invalid(
                path,
                format!(
                    "{path}: the schema becomes too large when its references are written out. Use fewer references to large definitions."
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(schema: &str) -> ToolDefinition {
        let schema = Some(JsonText(schema.to_owned()));
        ToolDefinition { name: "f".to_owned(), description: None, schema, strict: None, cache: None }
    }

    #[test]
    fn the_tool_that_takes_the_last_room_is_named() {
        let mut growth = SchemaGrowth::of(&[tool(&"x".repeat(1_000)), tool("{}")], Some(&JsonText("{}".to_owned())));
        assert!(growth.take("tools[0]", &"x".repeat(64 * 1024)).is_ok());
        assert!(growth.take("tools[1]", &"x".repeat(4_016)).is_ok());
        let error = growth.take("tools[2]", "x").unwrap_err();
        assert_eq!(error.param(), Some("tools[2]"));
    }
}
