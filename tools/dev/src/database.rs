//! DynamoDB: the embedded emulator on its own HTTP port, with the gateway's table.

use std::path::Path;

use anyhow::{Context as _, Result};
use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
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
    /// Its address.
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
        return Ok(());
    }
    let attribute = |name: &str, attribute_type| AttributeDefinition { attribute_name: name.to_owned(), attribute_type };
    let key = |name: &str, key_type| KeySchemaElement { attribute_name: name.to_owned(), key_type };
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
            projection: Projection { projection_type: Some(ProjectionType::KEYS_ONLY), non_key_attributes: None },
            provisioned_throughput: None,
        }]),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    };
    database.create_table(request).map(drop).context("create the table")
}
