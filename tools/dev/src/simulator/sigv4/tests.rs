//! AWS's published examples, and invalid signatures.

use super::*;

/// Signs with the given headers and returns the `authorization` value for them.
pub(crate) fn sign(signed: &Signed<'_>, scope: &str, names: &str, secret: &str) -> String {
    let credential = format!("{ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature=");
    let authorization = Authorization::parse(&credential).unwrap();
    format!("{credential}{}", signed.signature(authorization, secret))
}

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The example account of AWS's documentation.
fn example() -> AwsCredentials {
    AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    }
}

fn noon() -> Timestamp {
    "2015-08-30T12:36:00Z".parse().unwrap()
}

/// The documentation's request to IAM; its signature is published.
fn iam() -> BTreeMap<String, String> {
    headers(&[
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ])
}

fn check(headers: &BTreeMap<String, String>, now: Timestamp) -> Result<String, Wrong> {
    // The parameters are out of order on purpose.
    let query = "Version=2010-05-08&Action=ListUsers";
    let signed = Signed { method: "GET", path: "/", query, headers, payload: b"" };
    signed.check("iam", &[], &example(), now)
}

#[test]
fn published_example_of_the_documentation_holds() {
    assert_eq!(check(&iam(), noon()).as_deref(), Ok("us-east-1"));
}

#[test]
fn published_vanilla_case_of_the_test_suite_holds() {
    let headers = headers(&[
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
    ]);
    let signed = Signed { method: "GET", path: "", query: "", headers: &headers, payload: b"" };
    assert_eq!(signed.check("service", &[], &example(), noon()).as_deref(), Ok("us-east-1"));
}

#[test]
fn changed_requests_are_refused_with_their_reason() {
    for (name, value, kind, reason) in [
        ("host", "iam.example.com", INVALID, "does not match"),
        ("content-type", "text/plain", INVALID, "does not match"),
        ("x-amz-date", "20150830T123601Z", INVALID, "does not match"),
        ("x-amz-date", "20150831T123600Z", INVALID, "Credential scope"),
        ("x-amz-date", "yesterday", "IncompleteSignatureException", "ISO-8601"),
        ("x-amz-target", "unsigned", INVALID, "not signed: x-amz-target"),
        ("x-amz-security-token", "foreign", "UnrecognizedClientException", "invalid"),
        ("authorization", "Bearer x", "MissingAuthenticationTokenException", "Missing"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=x", "IncompleteSignatureException", "Credential"),
    ] {
        let mut headers = iam();
        headers.insert(name.to_owned(), value.to_owned());
        let wrong = check(&headers, noon()).unwrap_err();
        assert!(wrong.kind == kind && wrong.message.contains(reason), "{name}: {wrong:?}");
    }
}

#[test]
fn signature_holds_for_a_quarter_of_an_hour_either_way() {
    let at = |text: &str| check(&iam(), text.parse().unwrap()).is_ok();
    assert!(at("2015-08-30T12:21:00Z") && at("2015-08-30T12:51:00Z"));
    assert!(!at("2015-08-30T12:20:59Z") && !at("2015-08-30T12:51:01Z"));
}

#[test]
fn session_token_must_be_sent_and_signed() {
    let credentials = AwsCredentials { session_token: Some("session".to_owned()), ..example() };
    let checked = |names: &str, token: &str| {
        let mut headers = headers(&[("host", "h"), ("x-amz-date", "20150830T123600Z"), ("x-amz-security-token", token)]);
        let signed = Signed { method: "POST", path: "/", query: "", headers: &headers, payload: b"{}" };
        let value = sign(&signed, "AKIDEXAMPLE/20150830/eu-west-1/sts/aws4_request", names, &credentials.secret_access_key);
        headers.insert("authorization".to_owned(), value);
        let signed = Signed { method: "POST", path: "/", query: "", headers: &headers, payload: b"{}" };
        signed.check("sts", &[], &credentials, noon())
    };
    assert_eq!(checked("host;x-amz-date;x-amz-security-token", "session").as_deref(), Ok("eu-west-1"));
    assert!(checked("host;x-amz-date", "session").unwrap_err().message.contains("not signed: x-amz-security-token"));
    assert_eq!(checked("host;x-amz-date;x-amz-security-token", "other").unwrap_err().kind, "UnrecognizedClientException");
}
