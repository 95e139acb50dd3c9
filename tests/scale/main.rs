//! What the ledger costs when there is much of it, in DynamoDB's own units as the emulator counts them.

mod logs;
mod reconcile;
mod units;
mod usage;
mod verify;
mod window;

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use gateway::store::items::Item;
use gateway_dev::stack::TABLE;

/// What a million read and write units cost in dollars (us-east-1, on demand, November 2026).
const READS: f64 = 0.125;
const WRITES: f64 = 0.625;

/// A client of the table without anything of the gateway's in between.
fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .build();
    Client::from_conf(config)
}

/// Writes items as they are.
async fn put_all(endpoint: &str, items: &[Item]) -> Result<()> {
    let client = client(endpoint);
    for batch in items.chunks(25) {
        let put = |item: &Item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build()?;
            anyhow::Ok(WriteRequest::builder().put_request(put).build())
        };
        let writes = batch.iter().map(put).collect::<Result<Vec<_>>>()?;
        client.batch_write_item().request_items(TABLE, writes).send().await?;
    }
    Ok(())
}
