//! DynamoDB: the embedded emulator on its own HTTP port, with the gateway's table.

use std::path::Path;

use anyhow::{Context as _, Result};
use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::update_table::{CreateGsiAction, GlobalSecondaryIndexUpdate, UpdateTableRequest};
use dynoxide::types::{
    AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
};
use gateway::store::items::ACTIVE;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running emulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    /// The address of the emulator's HTTP endpoint.
    pub endpoint: String,
    _stop: oneshot::Sender<()>,
    _server: JoinHandle<()>,
}

impl Emulator {
    /// Starts on a free port, in memory or with its data in a file, and creates the table if it is missing.
    pub async fn start(file: Option<&Path>, table: &str) -> Result<Self> {
        let database = match file {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.context("open the local database")?;
        create_table(&database, table)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stopped).await {
                eprintln!("local DynamoDB: {error}");
            }
        });
        Ok(Self { endpoint, _stop: stop, _server: server })
    }
}

fn create_table(database: &Database, table: &str) -> Result<()> {
    let tables = database.list_tables(ListTablesRequest::default()).context("list tables")?;
    if tables.table_names.iter().any(|name| name == table) {
        return add_index(database, table);
    }
    let request = CreateTableRequest {
        table_name: table.to_owned(),
        key_schema: vec![key("pk", KeyType::HASH), key("sk", KeyType::RANGE)],
        attribute_definitions: vec![
            attribute("pk", ScalarAttributeType::S),
            attribute("sk", ScalarAttributeType::S),
            attribute(ACTIVE, ScalarAttributeType::N),
        ],
        global_secondary_indexes: Some(vec![GlobalSecondaryIndex {
            index_name: ACTIVE.to_owned(),
            key_schema: vec![key(ACTIVE, KeyType::HASH)],
            projection: only_keys(),
            provisioned_throughput: None,
        }]),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    };
    database.create_table(request).map(drop).context("create the table")
}

/// Adds the index to a table of an earlier version, which has none.
fn add_index(database: &Database, table: &str) -> Result<()> {
    let described = database.describe_table(DescribeTableRequest { table_name: table.to_owned() });
    let indexes = described.context("describe the table")?.table.global_secondary_indexes.unwrap_or_default();
    if indexes.iter().any(|index| index.index_name == ACTIVE) {
        return Ok(());
    }
    let create = CreateGsiAction {
        index_name: ACTIVE.to_owned(),
        key_schema: vec![key(ACTIVE, KeyType::HASH)],
        projection: only_keys(),
    };
    let request = UpdateTableRequest {
        table_name: table.to_owned(),
        attribute_definitions: Some(vec![attribute(ACTIVE, ScalarAttributeType::N)]),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(create),
            update: None,
            delete: None,
        }]),
        ..UpdateTableRequest::default()
    };
    database.update_table(request).map(drop).context("add the index to the table")
}

fn attribute(name: &str, attribute_type: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition { attribute_name: name.to_owned(), attribute_type }
}

fn key(name: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement { attribute_name: name.to_owned(), key_type }
}

fn only_keys() -> Projection {
    Projection { projection_type: Some(ProjectionType::KEYS_ONLY), non_key_attributes: None }
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::query::QueryRequest;

    use super::*;

    #[test]
    fn a_table_of_an_earlier_version_gets_the_index() {
        let database = Database::memory().unwrap();
        let old = CreateTableRequest {
            table_name: "old".to_owned(),
            key_schema: vec![key("pk", KeyType::HASH), key("sk", KeyType::RANGE)],
            attribute_definitions: vec![attribute("pk", ScalarAttributeType::S), attribute("sk", ScalarAttributeType::S)],
            billing_mode: Some("PAY_PER_REQUEST".to_owned()),
            ..CreateTableRequest::default()
        };
        database.create_table(old).unwrap();
        let put = r#"{"TableName": "old", "Item": {"pk": {"S": "K#1"}, "sk": {"S": "KEY"}, "active": {"N": "7"}}}"#;
        database.put_item(serde_json::from_str(put).unwrap()).unwrap();
        for _ in 0..2 {
            create_table(&database, "old").unwrap();
        }
        let query = r#"{"TableName": "old", "IndexName": "active", "KeyConditionExpression": "active = :mark",
                        "ExpressionAttributeValues": {":mark": {"N": "7"}}}"#;
        let query: QueryRequest = serde_json::from_str(query).unwrap();
        assert_eq!(database.query(query).unwrap().count, 1);
    }
}
