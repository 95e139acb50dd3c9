//! Chance from a seed, and what requests of both formats are made up from.

use serde_json::{Value, json};

/// A `SplitMix64` generator that numbers its texts.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    texts: u32,
}

impl Random {
    /// The generator of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed, texts: 0 }
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below another one.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % end as u64).unwrap()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())].clone()
    }

    /// A list of fewer than so many.
    pub fn list(&mut self, end: usize, mut make: impl FnMut(&mut Self) -> Value) -> Vec<Value> {
        (0..self.below(end)).map(|_| make(self)).collect()
    }

    /// A text that no other part has, or one that says nothing.
    pub fn text(&mut self) -> String {
        if self.once_in(6) {
            return self.pick(&["", " ", "\n\n"]).to_owned();
        }
        self.texts += 1;
        let end = self.pick(&["", "", " ", "\n"]);
        format!("text {} of many.{end}", self.texts)
    }

    /// The id of a call: they repeat, are empty, or have what some providers do not take.
    pub fn id(&mut self) -> String {
        let long = "x".repeat(90);
        self.pick(&["a", "a", "b", "c", "", "functions.f:0", "ü b", &long]).to_owned()
    }

    /// The name of a tool.
    pub fn name(&mut self) -> String {
        self.pick(&["f", "f", "g", "odd name!", "1x", "mcp.server:tool"]).to_owned()
    }

    /// Sets a field to one of these, once in so many times.
    pub fn maybe(&mut self, object: &mut Value, times: usize, name: &str, values: &[Value]) {
        if self.once_in(times) {
            object[name] = self.pick(values);
        }
    }

    /// A cache mark now and then.
    pub fn mark(&mut self, object: &mut Value) {
        let hour = json!({"type": "ephemeral", "ttl": "1h"});
        self.maybe(object, 4, "cache_control", &[json!({"type": "ephemeral"}), hour, Value::Null]);
    }

    /// The schema of a tool.
    pub fn schema(&mut self) -> Value {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        let odd = json!({"type": "object", "properties": {"odd key!": {"$ref": "#/$defs/d"}}, "$defs": {"d": {"type": ["string", "null"]}}});
        self.pick(&[
            closed,
            odd,
            json!({}),
            json!({"type": "object"}),
            json!({"type": "object", "properties": {"a": {"enum": [1, "b"]}}}),
        ])
    }

    /// Settings that both formats have.
    pub fn settings(&mut self, body: &mut Value) {
        self.maybe(body, 3, "temperature", &[json!(-1), json!(0.5), json!(1.7), json!(2.5)]);
        self.maybe(body, 4, "top_p", &[json!(-0.1), json!(0.9), json!(7)]);
        self.maybe(body, 4, "top_k", &[json!(-1), json!(0), json!(40), json!(5_000_000_000_u64)]);
        let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
        let adaptive = json!({"type": "adaptive", "display": "omitted"});
        self.maybe(
            body,
            3,
            "thinking",
            &[budget(500), budget(2_000), budget(60_000), adaptive, json!({"type": "disabled"})],
        );
    }
}
