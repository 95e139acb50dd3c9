//! The fields that Vertex accepts in a `generateContent` request. Google's front end converts the JSON to its own messages
//! before any model sees it, and rejects unknown fields.

use serde_json::{Map, Value};

use super::verdict::{Verdict, ensure};

/// What a field may contain.
#[derive(Clone, Copy)]
enum Holds {
    /// A plain value, a list of plain values, or any JSON.
    Anything,
    /// Any JSON object.
    Struct,
    /// A message, or a list of them.
    One(&'static Fields),
    Many(&'static Fields),
}

/// The fields with plain values, and the fields with messages.
struct Fields {
    plain: &'static str,
    deep: &'static [(&'static str, Holds)],
}

use Holds::{Anything, Many, One, Struct};

static REQUEST: Fields = Fields {
    plain: "cachedContent",
    deep: &[
        ("contents", Many(&CONTENT)),
        ("systemInstruction", One(&CONTENT)),
        ("tools", Many(&TOOL)),
        ("toolConfig", One(&TOOL_CONFIG)),
        ("generationConfig", One(&GENERATION_CONFIG)),
        ("safetySettings", Many(&SAFETY)),
        ("labels", Struct),
        ("modelArmorConfig", Struct),
    ],
};
static CONTENT: Fields = Fields { plain: "role", deep: &[("parts", Many(&PART))] };
static PART: Fields = Fields {
    plain: "text thought thoughtSignature",
    deep: &[
        ("inlineData", One(&BLOB)),
        ("fileData", One(&FILE)),
        ("functionCall", One(&CALL)),
        ("functionResponse", One(&RESPONSE)),
        ("executableCode", Struct),
        ("codeExecutionResult", Struct),
        ("videoMetadata", Struct),
        // A string in some versions and a message in others.
        ("mediaResolution", Anything),
    ],
};
static BLOB: Fields = Fields { plain: "mimeType data displayName", deep: &[] };
static FILE: Fields = Fields { plain: "mimeType fileUri displayName", deep: &[] };
static CALL: Fields = Fields { plain: "id name", deep: &[("args", Struct)] };
static RESPONSE: Fields = Fields { plain: "id name", deep: &[("response", Struct), ("parts", Many(&RESPONSE_PART))] };
// No text: the reference of `FunctionResponsePart` (docs.cloud.google.com) has only inline data and files.
static RESPONSE_PART: Fields = Fields { plain: "", deep: &[("inlineData", One(&BLOB)), ("fileData", One(&FILE))] };
static TOOL: Fields = Fields {
    plain: "",
    deep: &[
        ("functionDeclarations", Many(&DECLARATION)),
        ("googleSearch", Struct),
        ("googleSearchRetrieval", Struct),
        ("googleMaps", Struct),
        ("enterpriseWebSearch", Struct),
        ("codeExecution", Struct),
        ("urlContext", Struct),
        ("retrieval", Struct),
        ("computerUse", Struct),
    ],
};
static DECLARATION: Fields = Fields {
    plain: "name description",
    // Schemas have their own rules.
    deep: &[
        ("parameters", Struct),
        ("parametersJsonSchema", Anything),
        ("response", Struct),
        ("responseJsonSchema", Anything),
    ],
};
static TOOL_CONFIG: Fields =
    Fields { plain: "", deep: &[("functionCallingConfig", One(&CALLING)), ("retrievalConfig", Struct)] };
static CALLING: Fields = Fields { plain: "mode allowedFunctionNames streamFunctionCallArguments", deep: &[] };
static GENERATION_CONFIG: Fields = Fields {
    plain: "temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType responseModalities seed \
            presencePenalty frequencyPenalty responseLogprobs logprobs mediaResolution audioTimestamp",
    deep: &[
        ("responseSchema", Struct),
        ("responseJsonSchema", Anything),
        ("speechConfig", Struct),
        ("routingConfig", Struct),
        ("thinkingConfig", One(&THINKING)),
    ],
};
static THINKING: Fields = Fields { plain: "includeThoughts thinkingBudget thinkingLevel", deep: &[] };
static SAFETY: Fields = Fields { plain: "category threshold method", deep: &[] };

/// Checks the names of all fields.
pub(super) fn check(body: &Value) -> Verdict {
    message(body, &REQUEST, "")
}

fn message(value: &Value, fields: &'static Fields, path: &str) -> Verdict {
    let object = value.as_object().ok_or_else(|| misplaced(path, value))?;
    for (name, value) in object {
        field(name, value, fields, path)?;
    }
    Ok(())
}

fn field(name: &str, value: &Value, fields: &'static Fields, path: &str) -> Verdict {
    let camel = camel(name);
    let below = if path.is_empty() { snake(name) } else { format!("{path}.{}", snake(name)) };
    let deep = fields.deep.iter().find(|(known, _)| *known == camel);
    match (deep.map(|(_, holds)| *holds), value) {
        (None, _) if fields.plain.split_whitespace().any(|known| known == camel) => {
            ensure(!value.is_object(), || format!("Invalid value at '{below}', {value}"))
        }
        (None, _) => Err(unknown(name, path)),
        (Some(Anything), _) | (Some(_), Value::Null) => Ok(()),
        (Some(Struct), value) => ensure(value.is_object(), || misplaced(&below, value)),
        (Some(One(_)), Value::Array(_)) => Err(format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Proto field is not repeating, cannot start list."
        )),
        (Some(One(fields)), value) => message(value, fields, &below),
        (Some(Many(fields)), Value::Array(list)) => {
            list.iter().enumerate().try_for_each(|(place, value)| message(value, fields, &format!("{below}[{place}]")))
        }
        (Some(Many(_)), value) => Err(misplaced(&below, value)),
    }
}

/// The error for an unknown field.
pub(super) fn unknown(name: &str, path: &str) -> String {
    match path {
        "" => format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."),
        path => format!("Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."),
    }
}

fn misplaced(path: &str, value: &Value) -> String {
    format!("Invalid value at '{path}' (type.googleapis.com/google.protobuf.Struct), {value}")
}

/// A field's name in camel case. Google accepts both cases.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.extend(letters);
    }
    camel
}

/// A field's name in snake case, as paths in errors have it.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The field with this name in camel case, however the request writes it.
pub(super) fn get<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object: &Map<String, Value> = value.as_object()?;
    object.get(name).or_else(|| object.get(&snake(name)))
}

/// The elements of a list field.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    get(value, name).and_then(Value::as_array).into_iter().flatten()
}
