//! The AWS account that the stack gives to the functions and the simulator checks signatures against.

/// The region of the local functions.
pub const AWS_REGION: &str = "us-east-1";
/// The access key that the stack gives to the functions.
pub const AWS_ACCESS_KEY_ID: &str = "local";
/// Its secret.
pub const AWS_SECRET_ACCESS_KEY: &str = "local";

/// The credentials with which the functions sign what they ask AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`; on Lambda there always is one.
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
    /// The credentials in these variables; where one is missing, the stack's own.
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
