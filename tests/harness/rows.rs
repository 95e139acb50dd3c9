//! Writes directly to the table, and makes rows of the ledger of a busy key.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use gateway::chat::Usage;
use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::store::items::{Item, Record, TokenSource};
use gateway_dev::stack::TABLE;

/// A client of the table that uses no code of the gateway.
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(gateway::aws::http_client(&[]))
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .build();
    Client::from_conf(config)
}

/// Writes items without changes.
pub async fn put_all(endpoint: &str, items: &[Item]) -> Result<()> {
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

/// A record with many tokens of every kind and this cost.
pub fn busy_record(key: &KeyId, request: RequestId, model: &str, cost: PicoUsd) -> Record {
    Record {
        key: key.clone(),
        request,
        format: "messages".into(),
        model: model.to_owned(),
        served_model: model.to_owned(),
        upstream_model: model.to_owned(),
        provider: "openrouter".into(),
        attempts: 1,
        attempt_log: Vec::new(),
        tag: None,
        status: 200,
        finish: "stop".into(),
        upstream_id: String::new(),
        usage: Usage {
            input: 12_345_678,
            cache_read: 98_765_432,
            cache_write_5m: 1_234_567,
            cache_write_1h: 7_654_321,
            output: 5_432_123,
            reasoning: 1_234_567,
            ..Usage::default()
        },
        source: TokenSource::Upstream,
        price_version: "v".to_owned(),
        markup_permille: 0,
        provider_cost: cost,
        charged: cost,
        first_event_ms: Some(1_234_567),
        duration_ms: 12_345_678,
    }
}
