//! The table's address and time limits.

use std::time::Duration;

use super::{ConfigError, providers};

/// The table, and the time limit of its calls.
#[derive(Clone, Debug, Default)]
pub struct TableConfig {
    /// The name of the DynamoDB table (`TABLE_NAME`).
    pub name: String,
    /// Its region. Region and endpoint come from the AWS SDK's own variables, with their usual meaning.
    pub region: Option<String>,
    /// An emulator's address, if used.
    pub endpoint: Option<String>,
    /// Time limit of one attempt at a short call; `None` uses the store's default.
    pub attempt: Option<Duration>,
    /// The PEM certificates of `AWS_CA_BUNDLE`, trusted instead of Amazon's: for a table behind your own TLS, such as an
    /// emulator's.
    pub roots: Option<Vec<u8>>,
}

impl TableConfig {
    /// The table with this name for an operator. The rest comes from the process environment.
    pub fn of_operator(name: String) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is a reader, like those of the functions' settings")]
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::named(name, &read)
    }

    /// Reads a function's variables.
    pub(super) fn from_lookup(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let name =
            read("TABLE_NAME").ok_or_else(|| ConfigError::new("TABLE_NAME", "is not set; name the DynamoDB table"))?;
        let attempt = providers::millis(read, "TABLE_TIMEOUT_MS")?;
        Ok(Self { attempt, roots: ca_bundle(read)?, ..Self::named(name, read) })
    }

    fn named(name: String, read: &dyn Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 2]| names.into_iter().find_map(read);
        Self {
            name,
            region: first(["AWS_REGION", "AWS_DEFAULT_REGION"]),
            endpoint: first(["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"]),
            attempt: None,
            roots: None,
        }
    }
}

/// Reads the file of `AWS_CA_BUNDLE`. Most AWS SDKs know this variable, but the one for Rust does not.
fn ca_bundle(read: &dyn Fn(&str) -> Option<String>) -> Result<Option<Vec<u8>>, ConfigError> {
    let Some(file) = read("AWS_CA_BUNDLE") else { return Ok(None) };
    let refused = |error: std::io::Error| ConfigError::new("AWS_CA_BUNDLE", format!("cannot be read: {error}"));
    std::fs::read(&file).map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_where_the_sdks_variables_say() {
        let of = |set: &[(&str, &str)]| {
            let read = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            TableConfig::from_lookup(&read).map(|table| (table.name, table.region, table.endpoint, table.attempt))
        };
        let some = |text: &str| Some(text.to_owned());
        let name = ("TABLE_NAME", "t");
        assert_eq!(of(&[]).unwrap_err().variable, "TABLE_NAME");
        assert_eq!(of(&[name]).unwrap(), ("t".to_owned(), None, None, None));
        assert_eq!(
            of(&[name, ("AWS_DEFAULT_REGION", "a"), ("AWS_ENDPOINT_URL", "http://b"), ("TABLE_TIMEOUT_MS", "9")]).unwrap(),
            ("t".to_owned(), some("a"), some("http://b"), Some(Duration::from_millis(9)))
        );
        let both = [("AWS_REGION", "c"), ("AWS_DEFAULT_REGION", "a"), ("AWS_ENDPOINT_URL_DYNAMODB", "http://d")];
        let of_both = of(&[&[name, ("AWS_ENDPOINT_URL", "http://b")], &both[..]].concat()).unwrap();
        assert_eq!((of_both.1, of_both.2), (some("c"), some("http://d")));
    }
}
