//! What the request readers of all client formats share: lists within limits, the content of messages, cache marks, tool arguments.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::names::is_claude_property;
use super::shape::arguments_object;
use crate::chat::request::{
    Amount, CacheLifetime, CacheMark, Effort, JsonText, Place, Reasoning, ToolChoice, ToolDefinition,
};
use crate::document::{Kind, Value};
use crate::error::{ErrorKind, GatewayError};

/// Longest list of messages (S11).
pub const MAX_MESSAGES: usize = 2_000;
/// Longest list of tools (S11).
pub const MAX_TOOLS: usize = 512;
/// Longest list of stop sequences (S11).
pub const MAX_STOPS: usize = 16;

/// The messages of a request: at least one, at most [`MAX_MESSAGES`].
pub fn messages(body: Value<'_>) -> Result<Vec<Value<'_>>, GatewayError> {
    let list = body.required("messages")?;
    let entries = within(list, MAX_MESSAGES)?;
    if entries.is_empty() {
        return Err(list.wrong("at least one message is required"));
    }
    Ok(entries)
}

/// The entries of a list that may be missing and must keep a limit.
pub fn optional_list(list: Option<Value<'_>>, limit: usize) -> Result<Vec<Value<'_>>, GatewayError> {
    list.map_or_else(|| Ok(Vec::new()), |list| within(list, limit))
}

fn within(list: Value<'_>, limit: usize) -> Result<Vec<Value<'_>>, GatewayError> {
    let entries: Vec<Value<'_>> = list.list()?.collect();
    if entries.len() > limit {
        return Err(list.wrong(&format!("at most {limit} entries are accepted, got {}", entries.len())));
    }
    Ok(entries)
}

/// Checks that every entry is an object.
pub fn check_objects(entries: &[Value<'_>]) -> Result<(), GatewayError> {
    match entries.iter().find(|entry| entry.kind() != Kind::Object) {
        Some(entry) => Err(entry.expected("an object")),
        None => Ok(()),
    }
}

/// Where content parts have strings that they cannot be without: types of parts, and paths in them.
pub type NeededTexts = &'static [(&'static str, &'static [&'static [&'static str]])];

/// Checks the content of a message: text, or a list of parts that each say their type and have what it needs. Parts of other
/// types pass, so that a route of the client's own format may take them.
pub fn check_content(content: Value<'_>, needed: NeededTexts) -> Result<(), GatewayError> {
    match content.kind() {
        Kind::Text => Ok(()),
        Kind::List => content.elements().try_for_each(|part| {
            let [kind] = part.fields(["type"])?;
            let kind = kind.ok_or_else(|| part.missing("type"))?.text()?;
            let paths = needed.iter().find(|(known, _)| kind == *known).map_or(&[][..], |(_, paths)| *paths);
            check_mark(part)?;
            paths.iter().try_for_each(|path| text_at(part, path).map(drop))
        }),
        Kind::Null | Kind::Flag | Kind::Number | Kind::Object => Err(content.expected("text or a list of content parts")),
    }
}

/// Checks that a word is one of those that its place knows; a 400 that lists them for another one.
pub fn check_word(word: Option<Value<'_>>, known: &[&str]) -> Result<(), GatewayError> {
    match word.filter(|word| !known.iter().any(|known| word.is(known))) {
        None => Ok(()),
        Some(word) => Err(word.wrong(&format!("use {}", known.join(" or ")))),
    }
}

/// Checks the cache mark of an object (platform.claude.com, prompt caching: one type, two lifetimes).
pub fn check_mark(holder: Value<'_>) -> Result<(), GatewayError> {
    let Some(mark) = holder.get("cache_control") else { return Ok(()) };
    let [kind, ttl] = mark.fields(["type", "ttl"])?;
    check_word(kind, &["ephemeral"])?;
    check_word(ttl, &["5m", "1h"])
}

/// Checks Anthropic's `thinking`.
pub fn check_thinking(thinking: Value<'_>) -> Result<(), GatewayError> {
    let [kind, display] = thinking.fields(["type", "display"])?;
    let kind = kind.ok_or_else(|| thinking.missing("type"))?;
    check_word(Some(kind), &["enabled", "adaptive", "disabled", "between_tools"])?;
    check_word(display, &["summarized", "omitted"])
}

/// The first of these paths at which a body says something.
pub fn there(body: Value<'_>, paths: &[&'static str]) -> Option<&'static str> {
    let says = |path: &&&'static str| path.split('.').try_fold(body, Value::get).is_some();
    paths.iter().find(says).copied()
}

/// Whether anything in a schema looks like a property of a name that Claude refuses.
pub fn has_odd_property(schema: Value<'_>) -> bool {
    let is_odd = |properties: Value<'_>| properties.members().any(|(name, _)| !is_claude_property(&name));
    schema.members().any(|(name, value)| (name == "properties" && is_odd(value)) || has_odd_property(value))
        || schema.elements().any(has_odd_property)
}

/// Declared tools, told apart by their names.
#[derive(Debug, Default)]
pub struct Tools<'d> {
    /// The first declaration of each name.
    pub distinct: Vec<Value<'d>>,
    /// Declarations that say again what an earlier one said: providers refuse a name that comes twice.
    pub repeated: Vec<Value<'d>>,
}

impl<'d> Tools<'d> {
    /// Tells tools apart by what `name` finds in them; a 400 where one name stands for different tools.
    pub fn of(tools: impl IntoIterator<Item = Value<'d>>, name: ToolName) -> Result<Self, GatewayError> {
        let (mut told, mut named) = (Self::default(), HashMap::new());
        for tool in tools {
            let name = name(tool);
            let Some(text) = name.and_then(Value::as_text) else {
                told.distinct.push(tool);
                continue;
            };
            match named.entry(text) {
                Entry::Vacant(place) => {
                    place.insert((tool, None));
                    told.distinct.push(tool);
                }
                Entry::Occupied(mut known) => {
                    // The first is read once, however often it is repeated.
                    let (first, meaning) = known.get_mut();
                    let meaning = meaning.get_or_insert_with(|| first.meaning());
                    if meaning.is_none() || *meaning != tool.meaning() {
                        let reason = format!("{} is declared twice with different content", quoted(known.key()));
                        return Err(name.unwrap_or(tool).wrong(&reason));
                    }
                    told.repeated.push(tool);
                }
            }
        }
        Ok(told)
    }
}

/// Where a declared tool has its name.
pub type ToolName = fn(Value<'_>) -> Option<Value<'_>>;

/// The string at a path; a 400 where it is missing, or anything around it is no object.
pub fn text_at<'d>(part: Value<'d>, path: &[&str]) -> Result<Value<'d>, GatewayError> {
    let mut place = part;
    for name in path {
        if place.kind() != Kind::Object {
            return Err(place.expected(&format!("an object with {name}")));
        }
        place = place.required(name)?;
    }
    if place.kind() == Kind::Text { Ok(place) } else { Err(place.expected("a string")) }
}

/// An output limit: a whole number of at least one.
pub fn output_limit(limit: Value<'_>) -> Result<u64, GatewayError> {
    match limit.whole_number()? {
        0 => Err(limit.wrong("must be at least 1")),
        tokens => Ok(tokens),
    }
}

/// What a cache mark stands for: five minutes unless an hour is asked for. Both client formats spell it the same.
pub fn cache_mark(control: Option<Value<'_>>) -> Option<CacheMark> {
    let control = control.filter(|control| control.kind() == Kind::Object)?;
    let is_hour = control.get("ttl").is_some_and(|ttl| ttl.is("1h"));
    let lifetime = if is_hour { CacheLifetime::OneHour } else { CacheLifetime::FiveMinutes };
    Some(CacheMark { lifetime, place: control.place() })
}

/// How much to think, as Anthropic's `thinking` says it; thoughts are shown unless their display is omitted.
pub fn thinking(thinking: Value<'_>, effort: Option<Effort>) -> Result<Reasoning, GatewayError> {
    let [kind, budget, display] = thinking.fields(["type", "budget_tokens", "display"])?;
    let kind = required_text(kind.ok_or_else(|| thinking.missing("type"))?)?;
    let amount = match (kind.as_str(), budget.map(Value::whole_number).transpose()?) {
        // No other vendor knows thinking between calls alone; without it comes nearest.
        ("disabled" | "between_tools", _) => Amount::Off,
        ("enabled", Some(budget)) => Amount::Budget(budget),
        _ => Amount::Adaptive(effort),
    };
    let omitted = display.is_some_and(|display| display.is("omitted"));
    Ok(Reasoning { amount, visible: amount != Amount::Off && !omitted })
}

/// Anthropic's `thinking` where it asks for thinking between calls alone, which no conversation has.
pub fn thinking_between_tools(body: Value<'_>) -> Option<Place> {
    let thinking = body.get("thinking")?;
    thinking.get("type").filter(|kind| kind.is("between_tools")).map(|_| thinking.place())
}

/// A choice as it can be followed: where no tool is declared none can be called, and the choice that asks for a call, which stands at
/// `at`, is noted in `left_out`.
pub fn followable(
    choice: ToolChoice,
    declared: &[ToolDefinition],
    at: Option<Value<'_>>,
    left_out: &mut Vec<Place>,
) -> ToolChoice {
    if !declared.is_empty() || !choice.is_forced() {
        return choice;
    }
    left_out.extend(at.map(Value::place));
    ToolChoice::Auto
}

/// A text of the client's that a message may quote, such as a type: cut to a length that logs and headers bear.
pub fn quoted(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A file that only its vendor can read.
pub const FILE_BY_ID: &str = "a file by id; send file_data instead";

/// The refusal of a part that no route of the model takes, by its path.
pub fn unsupported(part: Value<'_>, what: &str) -> GatewayError {
    let path = part.path();
    GatewayError::new(ErrorKind::Unsupported, format!("{path}: this model's route cannot carry {what}."))
        .with_code("unsupported")
        .with_param(path)
}

/// How many candidates a token is drawn from; none where that is not set.
pub fn top_k(value: Option<Value<'_>>) -> Result<Option<u64>, GatewayError> {
    value.filter(|value| !is_unset_top_k(*value)).map(Value::whole_number).transpose()
}

/// Whether a number of candidates is one of the markers for none: -1 and 0.
pub fn is_unset_top_k(top_k: Value<'_>) -> bool {
    matches!(top_k.as_integer(), Some(-1 | 0))
}

/// A tool call's arguments as one JSON object: an object as it stands, a string by what it says.
pub fn arguments(value: Option<Value<'_>>) -> JsonText {
    match value {
        Some(value) if value.kind() == Kind::Object => value.json(),
        Some(value) => value.as_text().map_or_else(|| arguments_object(&value.json().0), |text| arguments_object(&text)),
        None => JsonText("{}".to_owned()),
    }
}

/// Where a flag is set, if it is; a 400 for what is no flag.
pub fn set_flag(flag: Option<Value<'_>>) -> Result<Option<Place>, GatewayError> {
    let is_set = flag.map_or(Ok(false), Value::flag)?;
    Ok(flag.filter(|_| is_set).map(Value::place))
}

/// What an optional string says; a 400 for anything else.
pub fn optional_text(value: Option<Value<'_>>) -> Result<Option<String>, GatewayError> {
    value.map(required_text).transpose()
}

/// What a string says; a 400 for anything else.
pub fn required_text(value: Value<'_>) -> Result<String, GatewayError> {
    value.text().map(std::borrow::Cow::into_owned)
}

/// What a field says; a 400 when it is missing or no string.
pub fn text_field(object: Value<'_>, name: &str) -> Result<String, GatewayError> {
    required_text(object.required(name)?)
}

/// The entries of an optional list; a 400 for anything else.
pub fn entries(list: Option<Value<'_>>) -> Result<Vec<Value<'_>>, GatewayError> {
    list.map_or_else(|| Ok(Vec::new()), |list| list.list().map(Iterator::collect))
}
