//! What each function may do in the account, to the letter.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::parsed::{functions, properties, template};

/// A statement: the condition under which it is there, its actions, and what they are allowed on.
type Statement = (&'static str, &'static [&'static str], &'static str);

const TABLE: &str = "Table";
const OPENROUTER_KEY: Statement = ("HasOpenRouterApiKeyParameter", &["ssm:GetParameter"], "OpenRouterApiKeyParameter");
const GOOGLE_CREDENTIALS: Statement = ("HasGoogleCredentialsParameter", &["ssm:GetParameter"], "GoogleCredentialsParameter");

/// The golden list. A right that is not here is not granted; read a change of it twice.
const RIGHTS: &[(&str, &[Statement])] = &[
    (
        "chat-completions",
        &[
            (
                "",
                &[
                    "dynamodb:BatchGetItem",
                    "dynamodb:BatchWriteItem",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:Query",
                    "dynamodb:UpdateItem",
                ],
                TABLE,
            ),
            OPENROUTER_KEY,
            GOOGLE_CREDENTIALS,
        ],
    ),
    (
        "messages",
        &[
            ("", &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], TABLE),
            OPENROUTER_KEY,
            GOOGLE_CREDENTIALS,
        ],
    ),
    (
        "count-tokens",
        &[("", &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], TABLE), OPENROUTER_KEY, GOOGLE_CREDENTIALS],
    ),
    ("models", &[("", &["dynamodb:GetItem"], TABLE)]),
    ("usage", &[("", &["dynamodb:GetItem", "dynamodb:Query"], TABLE)]),
    ("health", &[("", &["dynamodb:Query"], TABLE)]),
    ("reconcile", &[("", &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], TABLE)]),
];

fn long_form(statement: &Statement) -> Value {
    let (condition, actions, resource) = statement;
    let resource = match *resource {
        TABLE => {
            let existing = format!("arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{}", "${ExistingTable}");
            json!({"Fn::If": ["MakesTable", {"Fn::GetAtt": "Table.Arn"}, {"Fn::Sub": existing}]})
        }
        parameter => {
            let name = format!("${{{parameter}}}");
            json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{name}")})
        }
    };
    let actions = if let [only] = actions { json!(only) } else { json!(actions) };
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    if condition.is_empty() { statement } else { json!({"Fn::If": [condition, statement, {"Ref": "AWS::NoValue"}]}) }
}

#[test]
fn every_function_may_do_exactly_what_the_golden_list_says() {
    let expected: BTreeMap<String, Value> = RIGHTS
        .iter()
        .map(|(name, statements)| {
            let statements: Vec<Value> = statements.iter().map(long_form).collect();
            ((*name).to_owned(), json!([{"Version": "2012-10-17", "Statement": statements}]))
        })
        .collect();
    let declared: BTreeMap<String, Value> =
        functions().into_iter().map(|(name, (_, function))| (name, function["Policies"].clone())).collect();
    assert_eq!(declared, expected);
}

#[test]
fn roles_are_made_from_these_statements_alone_and_no_right_is_a_wildcard_or_deletes() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    assert!(resources.values().all(|resource| !resource["Type"].as_str().unwrap().starts_with("AWS::IAM")));
    for (name, (_, function)) in functions() {
        assert!(function.get("Role").is_none() && function.get("PermissionsBoundary").is_none(), "{name}");
        let rights = function["Policies"].to_string();
        assert!(!rights.contains('*') && !rights.contains("Delete"), "{name}: {rights}");
    }
    assert!(template["Globals"]["Function"].get("Policies").is_none());
}

#[test]
fn the_table_is_encrypted_restorable_and_outlives_the_stack() {
    let template = template();
    let table = &template["Resources"]["Table"];
    assert_eq!(table["Condition"], "MakesTable");
    assert_eq!((&table["DeletionPolicy"], &table["UpdateReplacePolicy"]), (&json!("Retain"), &json!("Retain")));
    let table = properties("Table");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(table["PointInTimeRecoverySpecification"], json!({"PointInTimeRecoveryEnabled": true}));
    assert_eq!(table["SSESpecification"], json!({"SSEEnabled": true}));
    assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "ttl", "Enabled": true}));
}
