//! The spelling of a request must not change the result. Escapes and white space in the JSON have no meaning for any part of
//! the gateway.

use std::fmt::Write as _;

use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::corpus::{case_requests, requests};
use gateway_tests::sending::{Sent, send};
use serde_json::Value;

use super::requests::MODELS;

/// The same JSON with some characters of its names and strings written as escapes, and with other white space.
fn respelled(text: &str, random: &mut fastrand::Rng) -> String {
    let (mut out, mut in_string, mut characters) = (String::with_capacity(text.len() * 2), false, text.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
            }
            '"' => {
                in_string = !in_string;
                out.push('"');
            }
            _ if in_string && random.u32(..7) == 0 => escape(character, &mut out),
            '{' | '}' | '[' | ']' | ',' | ':' if !in_string && random.u32(..5) == 0 => {
                out.push(character);
                out.push_str(["\n", " ", "\t", "\r\n  "][random.usize(..4)]);
            }
            _ => out.push(character),
        }
    }
    out
}

fn escape(character: char, out: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").unwrap();
    }
}

/// The meaning of a body for a strict provider. JSON that is inside a text is parsed, too.
fn understood(value: Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(&text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => Value::Array(vec![Value::from("JSON"), understood(inner)]),
            _ => Value::String(text),
        },
        Value::Array(list) => list.into_iter().map(understood).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, understood(value))).collect(),
        other => other,
    }
}

fn outcome(
    format: ClientFormat,
    body: &str,
    model: &gateway::catalog::Model,
) -> Result<(Value, Vec<String>, Option<WireFormat>), String> {
    let Sent { body, conversion, dropped, files: _ } =
        send(format, body, model).map_err(|error| format!("{:?} {}", error.param(), error.message()))?;
    let wire = match conversion {
        gateway::translate::Conversion::Forward(_) => None,
        gateway::translate::Conversion::Translate { wire, .. } => Some(wire),
    };
    Ok((understood(serde_json::from_slice(&body).unwrap()), dropped, wire))
}

#[test]
fn spelling_changes_neither_what_is_sent_nor_what_is_named() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut seen = 0;
    for (format, place, body) in requests().into_iter().chain(case_requests()) {
        let text = body.to_string();
        let other = respelled(&text, &mut random);
        for model in MODELS.iter() {
            let (plain, spelled) = (outcome(format, &text, model), outcome(format, &other, model));
            assert_eq!(plain, spelled, "{} for {}\n{other}", place.display(), model.id);
            seen += 1;
        }
    }
    println!("{seen} requests sent in two spellings");
    assert!(seen > 100, "only {seen}");
}
