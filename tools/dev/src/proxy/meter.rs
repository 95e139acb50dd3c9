//! Capacity consumption: each call requests its consumed capacity units, and the answers are added up.

use std::ops::AddAssign;

use serde::Deserialize;
use serde_json::Value;

use super::message::Message;

/// Capacity units of DynamoDB, including indexes. An eventually consistent read takes half a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Read units: 4 KB each.
    pub reads: f64,
    /// Write units: 1 KB each, twice in a transaction.
    pub writes: f64,
}

/// The part of an answer that names its consumption.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    consumed_capacity: Consumed,
}

/// One table, or a list of tables.
#[derive(Deserialize)]
#[serde(untagged)]
enum Consumed {
    One(Table),
    Many(Vec<Table>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    capacity_units: f64,
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
    }
}

impl Units {
    /// The units that an answer names. A rejected write names none, although it consumes as much as an accepted one.
    pub(super) fn of(operation: &str, answer: &Message) -> Self {
        let units = match serde_json::from_str(&answer.body()) {
            Ok(Answer { consumed_capacity: Consumed::One(table) }) => table.capacity_units,
            Ok(Answer { consumed_capacity: Consumed::Many(tables) }) => {
                tables.iter().map(|table| table.capacity_units).sum()
            }
            Err(_) => 0.0,
        };
        match operation {
            "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => Self { reads: units, writes: 0.0 },
            _ => Self { reads: 0.0, writes: units },
        }
    }
}

/// The same call with a request for its consumption. A body that is not a JSON object stays unchanged.
pub(super) fn metered(request: Message) -> Message {
    let Ok(Value::Object(mut call)) = serde_json::from_str(&request.body()) else { return request };
    call.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    request.with_body(Value::Object(call).to_string())
}
