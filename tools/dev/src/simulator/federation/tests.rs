//! Which subject tokens are accepted.

use super::super::sigv4::tests::sign;
use super::*;

/// What a workload sends in its request.
pub(crate) struct Draft {
    pub(crate) audience: &'static str,
    pub(crate) url: &'static str,
    pub(crate) host: &'static str,
    pub(crate) region: &'static str,
    pub(crate) names: &'static str,
    pub(crate) target: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) age: i64,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            audience: AUDIENCE,
            url: "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
            host: "sts.eu-west-1.amazonaws.com",
            region: "eu-west-1",
            names: "host;x-amz-date;x-goog-cloud-target-resource",
            target: AUDIENCE,
            secret: "local",
            age: 0,
        }
    }
}

fn encoded(text: &str) -> String {
    let letter = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(letter).collect()
}

impl Draft {
    /// The form.
    pub(crate) fn form(&self) -> String {
        let time = Timestamp::from_second(Timestamp::now().as_second() - self.age).unwrap();
        let date = time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let pairs = [("host", self.host), ("x-amz-date", date.as_str()), (TARGET, self.target)];
        let mut headers: BTreeMap<String, String> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let signed = Signed { method: "POST", path: "/", query: QUESTION, headers: &headers, payload: b"" };
        let scope = format!("local/{}/{}/sts/aws4_request", &date[..8], self.region);
        let authorization = sign(&signed, &scope, self.names, self.secret);
        headers.insert("Authorization".to_owned(), authorization);
        let headers: Vec<_> = headers.iter().map(|(key, value)| serde_json::json!({ "key": key, "value": value })).collect();
        let subject = serde_json::json!({ "url": self.url, "method": "POST", "headers": headers }).to_string();
        let fields = [
            ("grant_type", GRANT.to_owned()),
            ("audience", self.audience.to_owned()),
            ("scope", SCOPE.to_owned()),
            ("requested_token_type", ACCESS_TOKEN.to_owned()),
            ("subject_token_type", SUBJECT.to_owned()),
            ("subject_token", encoded(&subject)),
        ];
        fields.map(|(name, value)| format!("{name}={}", encoded(&value))).join("&")
    }

    fn refused(&self) -> String {
        format!("{:#}", check(&self.form(), &AwsCredentials::default(), Timestamp::now()).unwrap_err())
    }
}

#[test]
fn signed_request_is_accepted_with_and_without_a_slash() {
    let checked = |draft: Draft| check(&draft.form(), &AwsCredentials::default(), Timestamp::now());
    checked(Draft::default()).unwrap();
    let url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    checked(Draft { url, ..Draft::default() }).unwrap();
}

#[test]
fn wrong_requests_are_refused_with_their_reason() {
    let own = Draft::default;
    for (draft, reason) in [
        (Draft { audience: "//iam.googleapis.com/other", ..own() }, "audience"),
        (Draft { url: "http://sts.eu-west-1.amazonaws.com?x", ..own() }, "not of AWS"),
        (Draft { url: "https://sts.eu-west-1.amazonaws.com?Action=GetSessionToken", ..own() }, "something else"),
        (Draft { host: "sts.us-east-1.amazonaws.com", ..own() }, "Header host"),
        (Draft { region: "us-east-1", ..own() }, "not of AWS"),
        (Draft { target: "//iam.googleapis.com/other", ..own() }, "x-goog-cloud-target-resource"),
        (Draft { names: "host;x-amz-date", ..own() }, "not signed: x-goog-cloud-target-resource"),
        (Draft { names: "x-amz-date;x-goog-cloud-target-resource", ..own() }, "not signed: host"),
        (Draft { secret: "other", ..own() }, "does not match"),
        (Draft { age: 1_000, ..own() }, "15 minutes"),
    ] {
        let refused = draft.refused();
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
}

#[test]
fn session_token_of_the_account_is_needed() {
    let account = AwsCredentials { session_token: Some("session".to_owned()), ..AwsCredentials::default() };
    let refused = check(&Draft::default().form(), &account, Timestamp::now()).unwrap_err();
    assert!(format!("{refused:#}").contains("UnrecognizedClientException"));
}

#[test]
fn subject_token_without_its_own_encoding_is_refused() {
    let form = Draft::default().form().replace("%25", "%");
    assert!(check(&form, &AwsCredentials::default(), Timestamp::now()).is_err());
}

#[test]
fn impersonation_is_for_an_hour_at_most() {
    let asked = |lifetime: &str| impersonation(&format!(r#"{{"scope":["{SCOPE}"]{lifetime}}}"#)).ok();
    assert_eq!(asked(""), Some(3_600));
    assert_eq!(asked(r#","lifetime":"60s""#), Some(60));
    assert_eq!((asked(r#","lifetime":"3601s""#), asked(r#","lifetime":"60""#)), (None, None));
    assert!(impersonation(r#"{"scope":[]}"#).is_err());
}

#[test]
fn configuration_names_the_simulator_and_keeps_the_region_open() {
    let read = |impersonate: bool| -> serde_json::Value {
        serde_json::from_str(&external_account_json("http://localhost:1", impersonate)).unwrap()
    };
    let account = read(true);
    assert_eq!((&account["type"], &account["audience"]), (&"external_account".into(), &AUDIENCE.into()));
    assert_eq!(account["token_url"], "http://localhost:1/sts/v1/token");
    assert_eq!(
        account["service_account_impersonation_url"],
        "http://localhost:1/impersonate/v1/projects/-/serviceAccounts/simulator@simulated-project.iam.gserviceaccount.com:generateAccessToken"
    );
    assert_eq!(
        account["credential_source"]["regional_cred_verification_url"],
        "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    );
    assert!(read(false).get("service_account_impersonation_url").is_none());
}
