//! Makes requests that no real client would send. Each has its own seed.

use std::io::Write as _;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway_tests::rich;
use serde_json::{Map, Number, Value, json};

/// A mutated request.
#[derive(Clone, Debug)]
pub struct Odd {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// The request before its mutation.
#[derive(Clone, Debug)]
pub struct Sample {
    pub method: String,
    pub path: String,
    pub body: Option<Value>,
}

const NAMES: [&str; 28] = [
    "model",
    "messages",
    "content",
    "role",
    "type",
    "text",
    "tools",
    "tool_choice",
    "function",
    "name",
    "parameters",
    "input_schema",
    "properties",
    "reasoning",
    "thinking",
    "response_format",
    "stream",
    "max_tokens",
    "metadata",
    "system",
    "source",
    "tool_calls",
    "input",
    "output",
    "summary",
    "encrypted_content",
    "\u{0}",
    "",
];
const TEXTS: [&str; 14] = [
    "",
    " ",
    "null",
    "\u{0}",
    "\u{feff}",
    "\u{202e}abc",
    "😀",
    "e\u{301}\u{301}\u{301}",
    "\u{ffff}",
    "ephemeral",
    "auto",
    "data:image/png;base64,%%%",
    "https://[::1",
    "{\"a\":",
];
const METHODS: [&str; 8] = ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "FOO", "POST"];
const PATHS: [&str; 18] = [
    "/v1/models/%ff%fe",
    "/v1/models/%ed%a0%80",
    "/v1/models/%00",
    "/v1/models/a%2Fb%2Fc",
    "/v1/../v1/usage",
    "/v1/usage/",
    "/v1/usage?group_by=%00",
    "/v1/requests?before=%F0&limit=1e9&status=&model=%",
    "/v1/requests/%2e%2e/%00",
    "/dashboard/charts?days=%",
    "//v1//chat//completions//",
    "/v1/messages/count_tokens/more",
    "/v1/credits?x=%",
    "/v1/models/+%2B",
    "/%F0%9F%98%80",
    "/health",
    "/v1/v1/v1",
    "/v1/models/gpt-5.2:free",
];
const QUERIES: [&str; 8] =
    ["?days=0", "?days=99999999999999999999", "?days=-1", "?days=%ff", "?days=1&days=2", "?%", "?beta=true", "?=&&=?"];
const HEADERS: [&str; 13] = [
    "x-gateway-tag",
    "content-type",
    "content-encoding",
    "anthropic-beta",
    "anthropic-version",
    "accept",
    "x-api-key",
    "authorization",
    "x-forwarded-for",
    "origin",
    "user-agent",
    "accept-encoding",
    "x-stainless-retry-count",
];
const VALUES: [&[u8]; 12] = [
    b"",
    b"\xff\xfe",
    b"gzip",
    b"br",
    b"deflate, gzip",
    b"text/plain; charset=utf-16",
    b"Bearer",
    b"bk_",
    b"999.1.1.1, ::1",
    b"null",
    b"interleaved-thinking-2025-05-14,,\xe9",
    b"*",
];

/// Makes the request for a seed from one of the samples.
pub fn odd(samples: &[Sample], seed: u64) -> Odd {
    let random = &mut Rng::with_seed(seed);
    let Sample { method, path, body } = samples[random.usize(..samples.len())].clone();
    let body = body.map(|body| mutated_body(body, random)).unwrap_or_default();
    let mut odd = Odd { method, path, headers: vec![("content-type", b"application/json".to_vec())], body };
    if one_in(random, 4) {
        change_headers(&mut odd, random);
    }
    if one_in(random, 20) {
        odd.method = pick(random, &METHODS).to_owned();
    }
    if one_in(random, 12) {
        odd.path = pick(random, &PATHS).to_owned();
    }
    if one_in(random, 12) {
        odd.path.push_str(pick(random, &QUERIES));
    }
    odd
}

fn one_in(random: &mut Rng, many: u32) -> bool {
    random.u32(..many) == 0
}

fn pick<'t, T: ?Sized>(random: &mut Rng, these: &[&'t T]) -> &'t T {
    these[random.usize(..these.len())]
}

fn mutated_body(mut body: Value, random: &mut Rng) -> Vec<u8> {
    for _ in 0..random.usize(1..5) {
        mutate(&mut body, random);
    }
    let mut text = body.to_string().into_bytes();
    if one_in(random, 2) {
        spoil(&mut text, random);
    }
    text
}

/// Changes one place of a body.
fn mutate(body: &mut Value, random: &mut Rng) {
    let places = rich::places(body);
    let place = places[random.usize(..places.len())].clone();
    let other = body.pointer(&places[random.usize(..places.len())]).cloned().unwrap_or_default();
    let Some(there) = body.pointer_mut(&place) else { return };
    match random.u32(..9) {
        0 => *there = scalar(random),
        1 => remove(there, random),
        2 => repeat(there, random),
        3 => *there = json!([there.take()]),
        4 => *there = json!({pick(random, &NAMES): there.take()}),
        5 => {
            // Values that are nested deeper cannot be printed. The text of a body can be made deeper.
            let depth = random.usize(1..90);
            *there = (0..depth).fold(there.take(), |inner, _| json!([inner]));
        }
        6 => *there = other,
        7 => *there = Value::from(pick(random, &TEXTS).repeat(random.usize(1..2_000))),
        _ => add(there, random),
    }
}

fn scalar(random: &mut Rng) -> Value {
    let numbers =
        [json!(-1), json!(0), json!(u64::MAX), json!(i64::MIN), json!(1e308), json!(0.1), json!(4_294_967_296_u64)];
    match random.u32(..6) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => numbers[random.usize(..numbers.len())].clone(),
        3 => Number::from_f64(random.f64() * 1e6 - 5e5).map_or(Value::Null, Value::Number),
        4 => {
            if random.bool() {
                json!([])
            } else {
                json!({})
            }
        }
        _ => Value::from(pick(random, &TEXTS)),
    }
}

fn remove(there: &mut Value, random: &mut Rng) {
    match there {
        Value::Array(list) if !list.is_empty() => drop(list.remove(random.usize(..list.len()))),
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(random.usize(..members.len())).cloned().unwrap_or_default();
            members.remove(&name);
        }
        other => *other = Value::Null,
    }
}

fn repeat(there: &mut Value, random: &mut Rng) {
    let times = random.usize(1..60);
    match there {
        Value::Array(list) => {
            let again: Vec<Value> = list.iter().cycle().take(list.len().max(1) * times).cloned().collect();
            list.extend(again.into_iter().take(5_000));
        }
        Value::Object(members) => {
            let again: Map<String, Value> = (0..times).map(|number| (format!("x{number}"), json!(number))).collect();
            members.extend(again);
        }
        other => *other = json!([other.clone(), other.clone()]),
    }
}

fn add(there: &mut Value, random: &mut Rng) {
    let (name, value) = (pick(random, &NAMES), scalar(random));
    match there {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(list) => list.push(value),
        other => *other = value,
    }
}

/// Changes the text of a body, which need not be JSON afterwards.
fn spoil(text: &mut Vec<u8>, random: &mut Rng) {
    let at = random.usize(..=text.len());
    let quote = text.iter().enumerate().filter(|(_, byte)| **byte == b'"').map(|(at, _)| at + 1).nth(random.usize(..40));
    let insert = |text: &mut Vec<u8>, at: usize, bytes: &[u8]| drop(text.splice(at..at, bytes.iter().copied()));
    let escapes: [&[u8]; 7] = [b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\u0000", b"\\x", b"\xed\xa0\x80", b"\xc3\x28"];
    match random.u32(..10) {
        0 => text.truncate(at),
        1 => insert(text, at, &[random.u8(..)]),
        2..=4 => insert(text, quote.unwrap_or(at), pick(random, &escapes)),
        5 => insert(text, usize::from(!text.is_empty()), b"\"model\":\"gpt-5-nano\",\"messages\":[],\"\\u006dodel\":1,"),
        6 => {
            let number = ["1e400", "-0", "00", "1E", "-", &"9".repeat(5_000), "NaN"][random.usize(..7)].to_owned();
            let digit = text.iter().position(u8::is_ascii_digit).unwrap_or(at.min(text.len().saturating_sub(1)));
            if digit < text.len() {
                text.splice(digit..=digit, number.into_bytes());
            }
        }
        7 => {
            let depth = random.usize(1..5_000);
            insert(text, at, &b"[".repeat(depth));
        }
        8 => {
            let end = [0, text.len()][random.usize(..2)];
            insert(text, end, pick::<[u8]>(random, &[b"\xef\xbb\xbf", b"{}", b" \n", b"\0"]));
        }
        _ => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << random.u8(..8);
            }
        }
    }
}

fn change_headers(odd: &mut Odd, random: &mut Rng) {
    match random.u32(..5) {
        0 => odd.headers.clear(),
        1 => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&odd.body).unwrap();
            odd.body = gzip.finish().unwrap();
            if one_in(random, 3) {
                odd.body.truncate(odd.body.len() / 2);
            }
            odd.headers.push(("content-encoding", b"gzip".to_vec()));
        }
        2 => odd.headers.extend((0..50).map(|number| ("x-many", format!("value {number}").into_bytes()))),
        _ => odd.headers.push((pick(random, &HEADERS), pick::<[u8]>(random, &VALUES).repeat(random.usize(1..4)))),
    }
}
