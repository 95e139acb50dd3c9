//! The template as JSON: `!Ref X` is `{"Ref": "X"}`, as in the long form of YAML's tags.

use std::collections::BTreeMap;
use std::fs;

use gateway_tests::project;
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The template's text.
pub fn text() -> String {
    fs::read_to_string(project().join("template.yaml")).unwrap()
}

/// The whole template.
pub fn template() -> Value {
    plain(serde_yaml_ng::from_str(&text()).unwrap())
}

/// The resources of a type, by logical id.
pub fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template = template();
    let all = template["Resources"].as_object().unwrap().clone();
    all.into_iter().filter(|(_, resource)| resource["Type"] == kind).collect()
}

/// A resource's properties.
pub fn properties(logical_id: &str) -> Value {
    template()["Resources"][logical_id]["Properties"].clone()
}

/// The functions' properties, by the names of their binaries, with the logical id.
pub fn functions() -> BTreeMap<String, (String, Value)> {
    let name = |properties: &Value| properties["CodeUri"].as_str().unwrap().strip_prefix("functions/").unwrap().to_owned();
    let functions = resources("AWS::Serverless::Function").into_iter();
    functions.map(|(id, resource)| (name(&resource["Properties"]), (id, resource["Properties"].clone()))).collect()
}

/// The properties of a function's role.
pub fn role(function: &Value) -> Value {
    let name = function["Role"]["Fn::GetAtt"].as_str().unwrap().strip_suffix(".Arn").unwrap();
    properties(name)
}

/// What every function has.
pub fn globals() -> Value {
    template()["Globals"]["Function"].clone()
}

fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(value) => serde_json::to_value(value).unwrap(),
        Yaml::String(value) => json!(value),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                "Ref" => "Ref".to_owned(),
                "Condition" => "Condition".to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: plain(tagged.value) })
        }
    }
}
