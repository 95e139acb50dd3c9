//! The exact rights of each function in the account.

use std::collections::BTreeMap;

use gateway::store::items::ACTIVE;
use gateway_dev::stack::FUNCTIONS;
use serde_json::{Value, json};

use crate::parsed::{functions, properties, resources, role, template};

/// A statement: the condition under which it exists, its actions, and the resources that they apply to.
type Statement = (&'static str, &'static [&'static str], &'static str);

const TABLE: &str = "Table";
const INDEX: &str = "Table/index/active";
const OPENROUTER_KEY: Statement = ("HasOpenRouterApiKeyParameter", &["ssm:GetParameter"], "OpenRouterApiKeyParameter");
const GOOGLE_CREDENTIALS: Statement = ("HasGoogleCredentialsParameter", &["ssm:GetParameter"], "GoogleCredentialsParameter");

/// The complete list of rights. A right that is not in it is not granted. Review every change of it carefully.
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
    ("models", &[("", &["dynamodb:GetItem", "dynamodb:Query"], TABLE)]),
    (
        "responses",
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
    ("usage", &[("", &["dynamodb:GetItem", "dynamodb:Query"], TABLE)]),
    ("dashboard", &[("", &["dynamodb:GetItem", "dynamodb:Query"], TABLE)]),
    ("health", &[("", &["dynamodb:Query"], TABLE)]),
    (
        "reconcile",
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
            ("", &["dynamodb:Query"], INDEX),
        ],
    ),
];

fn long_form(statement: &Statement) -> Value {
    let (condition, actions, resource) = statement;
    let named = |path: &str| json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:{path}")});
    let resource = match *resource {
        TABLE => {
            let existing = named("dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}");
            json!({"Fn::If": ["MakesTable", {"Fn::GetAtt": "Table.Arn"}, existing]})
        }
        INDEX => {
            let existing = named("dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}/index/active");
            json!({"Fn::If": ["MakesTable", {"Fn::Sub": "${Table.Arn}/index/active"}, existing]})
        }
        parameter => named(&format!("ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter${{{parameter}}}")),
    };
    let actions = if let [only] = actions { json!(only) } else { json!(actions) };
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    if condition.is_empty() { statement } else { json!({"Fn::If": [condition, statement, {"Ref": "AWS::NoValue"}]}) }
}

/// The rights that every function also has: to write its own logs, and traces, which belong to no resource.
fn observability(logs: &Value) -> [Value; 2] {
    let group = logs["Ref"].as_str().unwrap();
    [
        json!({"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": {"Fn::GetAtt": format!("{group}.Arn")}}),
        json!({"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*"}),
    ]
}

#[test]
fn every_function_may_do_exactly_what_the_golden_list_says() {
    let golden: BTreeMap<&str, &[Statement]> = RIGHTS.iter().copied().collect();
    assert_eq!(
        golden.keys().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        functions().into_keys().collect::<Vec<_>>()
    );
    let lambda = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}});
    for (name, (_, function)) in functions() {
        let mut statements: Vec<Value> = golden[&*name].iter().map(long_form).collect();
        statements.extend(observability(&function["LoggingConfig"]["LogGroup"]));
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        // Nothing else is attached: no managed policy, no boundary.
        let expected = json!({
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [lambda.clone()]},
            "Policies": [{"PolicyName": "function", "PolicyDocument": document}],
        });
        assert_eq!(role(&function), expected, "{name}");
        assert!(function.get("Policies").is_none(), "{name}");
    }
}

#[test]
fn no_right_is_a_wildcard_or_deletes() {
    for (name, (_, function)) in functions() {
        let rights = role(&function).to_string();
        assert!(!rights.contains("Delete") && !rights.contains(":*\""), "{name}: {rights}");
        // X-Ray knows no resources.
        assert_eq!(rights.matches('*').count(), 1, "{name}: {rights}");
    }
    assert_eq!(resources("AWS::IAM::Role").len(), functions().len());
    let others = ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"];
    assert!(others.iter().all(|kind| resources(kind).is_empty()));
    assert!(template()["Globals"]["Function"].get("Policies").is_none());
}

/// Who may call a function: either everyone through its URL, or only this stack's API.
#[test]
fn only_the_chosen_edge_may_call_the_functions() {
    let api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/live/*";
    let mut expected = BTreeMap::new();
    for (_, (id, _)) in functions().into_iter().filter(|(name, _)| FUNCTIONS.contains(&name.as_str())) {
        let short = id.trim_end_matches("Function");
        let who = json!({"FunctionName": {"Ref": format!("{id}.Alias")}, "Action": "lambda:InvokeFunction"});
        let with = |more: Value| {
            let mut all = who.as_object().unwrap().clone();
            all.extend(more.as_object().unwrap().clone());
            Value::Object(all)
        };
        let url = json!({"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"});
        let through_url = json!({"Principal": "*", "InvokedViaFunctionUrl": true});
        let gateway = json!({"Principal": "apigateway.amazonaws.com", "SourceArn": {"Fn::Sub": api}});
        for (name, condition, permission) in [
            (format!("{id}UrlPublicPermissions"), "HasUrls", url),
            (format!("{id}URLInvokeAllowPublicAccess"), "HasUrls", through_url),
            (format!("{short}ApiPermission"), "HasApi", gateway),
        ] {
            let properties = with(permission);
            expected
                .insert(name, json!({"Type": "AWS::Lambda::Permission", "Condition": condition, "Properties": properties}));
        }
    }
    assert_eq!(resources("AWS::Lambda::Permission"), expected);
    // The two conditions exclude each other.
    let conditions = template()["Conditions"].clone();
    assert_eq!(conditions["HasApi"], json!({"Fn::Equals": [{"Ref": "WithEdge"}, "api"]}));
    assert_eq!(conditions["HasUrls"], json!({"Fn::Not": [{"Condition": "HasApi"}]}));
}

/// The table must be like that of `make dev` and the tests, and its index must have the name that the code uses.
#[test]
fn the_tables_index_lists_the_keys_that_were_used_and_nothing_of_them() {
    let table = properties("Table");
    let index = json!([{
        "IndexName": ACTIVE,
        "KeySchema": [{"AttributeName": ACTIVE, "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }]);
    assert_eq!(table["GlobalSecondaryIndexes"], index);
    let attribute = json!({"AttributeName": ACTIVE, "AttributeType": "N"});
    assert!(table["AttributeDefinitions"].as_array().unwrap().contains(&attribute));
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
    let own = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "TableKey"}});
    assert_eq!(table["SSESpecification"], json!({"Fn::If": ["HasTableKey", own, {"Ref": "AWS::NoValue"}]}));
    assert_eq!(template["Parameters"]["TableKey"]["Default"], "");
    assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "ttl", "Enabled": true}));
}
