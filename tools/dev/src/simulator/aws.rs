//! The AWS account of the local stack. The simulator checks signatures against it.

/// The region of the local functions.
pub const AWS_REGION: &str = "us-east-1";
/// The access key of the functions.
pub const AWS_ACCESS_KEY_ID: &str = "local";
/// The secret access key that goes with [`AWS_ACCESS_KEY_ID`].
pub const AWS_SECRET_ACCESS_KEY: &str = "local";

/// The credentials that the functions use to sign AWS calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`. On Lambda there always is one.
    pub session_token: Option<String>,
}

impl Default for AwsCredentials {
    fn default() -> Self {
        Self {
            access_key_id: AWS_ACCESS_KEY_ID.to_owned(),
            secret_access_key: AWS_SECRET_ACCESS_KEY.to_owned(),
            session_token: None,
        }
    }
}

impl AwsCredentials {
    /// The credentials in these variables. Missing ones are the stack's own.
    pub fn of(variables: &[(String, String)]) -> Self {
        let value = |name: &str| {
            let given = variables.iter().rev().find(|(known, _)| known == name);
            given.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let own = Self::default();
        Self {
            access_key_id: value("AWS_ACCESS_KEY_ID").unwrap_or(own.access_key_id),
            secret_access_key: value("AWS_SECRET_ACCESS_KEY").unwrap_or(own.secret_access_key),
            session_token: value("AWS_SESSION_TOKEN"),
        }
    }
}
