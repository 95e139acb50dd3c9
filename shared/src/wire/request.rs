//! What the request readers of all client formats share: limits of lists, message content, cache marks, tool arguments.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::names::is_claude_property;
use super::shape::arguments_object;
use crate::chat::request::{
    Amount, CacheLifetime, CacheMark, Effort, JsonText, Place, Reasoning, ToolChoice, ToolDefinition,
};
use crate::document::{Kind, Value};
use crate::error::GatewayError;

/// Longest list of messages.
pub const MAX_MESSAGES: usize = 2_000;
/// Longest list of tools.
pub const MAX_TOOLS: usize = 512;
/// Longest list of stop sequences.
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

/// The entries of an optional list with a limit.
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

/// Strings that parts require: the type of the part, and the paths of the strings.
pub type NeededTexts = &'static [(&'static str, &'static [&'static [&'static str]])];

/// Checks the content of a message: text, or a list of parts, each with a type and the strings that it requires. Parts of
/// unknown types pass, because a route of the client's own format may accept them.
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

/// Checks that a value is one of the known words. The 400 for another value lists them.
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
    check_word(display.filter(|display| !is_newer_display(*display)), &["summarized", "omitted"])
}

/// Whether a display of thinking is one that needs a beta and that Vertex AI rejects. Claude Code sends `updates`. Such
/// thinking is omitted.
pub fn is_newer_display(display: Value<'_>) -> bool {
    display.is("updates") || display.is("highlights")
}

/// Returns the first of these paths that has a value in the body.
pub fn there(body: Value<'_>, paths: &[&'static str]) -> Option<&'static str> {
    let says = |path: &&&'static str| path.split('.').try_fold(body, Value::get).is_some();
    paths.iter().find(says).copied()
}

/// Whether a schema contains something that looks like a property name that Claude rejects.
pub fn has_odd_property(schema: Value<'_>) -> bool {
    let is_odd = |properties: Value<'_>| properties.members().any(|(name, _)| !is_claude_property(&name));
    schema.members().any(|(name, value)| (name == "properties" && is_odd(value)) || has_odd_property(value))
        || schema.elements().any(has_odd_property)
}

/// Declared tools, grouped by name.
#[derive(Debug, Default)]
pub struct Tools<'d> {
    /// The first declaration of each name.
    pub distinct: Vec<Value<'d>>,
    /// Declarations that repeat an earlier one. Providers reject a repeated name.
    pub repeated: Vec<Value<'d>>,
}

impl<'d> Tools<'d> {
    /// Groups tools by the name that `name` finds. Fails with a 400 if one name is declared with two meanings.
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
                    // The first declaration is parsed once, however often it is repeated.
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

/// Finds the name in a declared tool.
pub type ToolName = fn(Value<'_>) -> Option<Value<'_>>;

/// The string at a path. Fails with a 400 if it is missing or its parent is not an object.
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

/// Reads an output limit: a whole number of at least one.
pub fn output_limit(limit: Value<'_>) -> Result<u64, GatewayError> {
    match limit.whole_number()? {
        0 => Err(limit.wrong("must be at least 1")),
        tokens => Ok(tokens),
    }
}

/// Reads a cache mark: five minutes unless one hour is requested. Both client formats write it the same way.
pub fn cache_mark(control: Option<Value<'_>>) -> Option<CacheMark> {
    let control = control.filter(|control| control.kind() == Kind::Object)?;
    let is_hour = control.get("ttl").is_some_and(|ttl| ttl.is("1h"));
    let lifetime = if is_hour { CacheLifetime::OneHour } else { CacheLifetime::FiveMinutes };
    Some(CacheMark { lifetime, place: control.place() })
}

/// Reads Anthropic's `thinking`. Reasoning is shown unless its display is omitted or unknown to other vendors.
pub fn thinking(thinking: Value<'_>, effort: Option<Effort>) -> Result<Reasoning, GatewayError> {
    let [kind, budget, display] = thinking.fields(["type", "budget_tokens", "display"])?;
    let kind = required_text(kind.ok_or_else(|| thinking.missing("type"))?)?;
    let amount = match (kind.as_str(), budget.map(Value::whole_number).transpose()?) {
        // No other vendor supports thinking between tool calls only. No thinking is the closest setting.
        ("disabled" | "between_tools", _) => Amount::Off,
        ("enabled", Some(budget)) => Amount::Budget(budget),
        _ => Amount::Adaptive(effort),
    };
    let omitted = display.is_some_and(|display| display.is("omitted") || is_newer_display(display));
    Ok(Reasoning { amount, visible: amount != Amount::Off && !omitted })
}

/// Positions of what the conversation cannot express of Anthropic's `thinking`: all of it if it requests thinking between
/// tool calls only, and a newer display.
pub fn thinking_left_out(body: Value<'_>) -> impl Iterator<Item = Place> {
    let thinking = body.get("thinking");
    let between_tools = thinking.filter(|thinking| thinking.get("type").is_some_and(|kind| kind.is("between_tools")));
    let display = thinking.and_then(|thinking| thinking.get("display")).filter(|display| is_newer_display(*display));
    between_tools.into_iter().chain(display).map(Value::place)
}

/// Returns a tool choice that can be followed. Without declared tools no tool can be called; then a choice that forces a
/// call, at `at`, is added to `left_out`.
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

/// Cuts text from the client to a length that messages and headers can quote.
pub fn quoted(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A file that only its vendor can read.
pub const FILE_BY_ID: &str = "a file by id; send file_data instead";

/// Refuses a part that no route of the model accepts, with its path.
pub fn unsupported(part: Value<'_>, what: &str) -> GatewayError {
    let path = part.path();
    let message = format!("{path}: this model's route cannot carry {what}.");
    GatewayError::unsupported(path, message)
}

/// Reads `top_k`; `None` if it is not set.
pub fn top_k(value: Option<Value<'_>>) -> Result<Option<u64>, GatewayError> {
    value.filter(|value| !is_unset_top_k(*value)).map(Value::whole_number).transpose()
}

/// Whether a `top_k` means "not set": -1 or 0.
pub fn is_unset_top_k(top_k: Value<'_>) -> bool {
    matches!(top_k.as_integer(), Some(-1 | 0))
}

/// Reads a tool call's arguments as one JSON object, from an object or from a string.
pub fn arguments(value: Option<Value<'_>>) -> JsonText {
    match value {
        Some(value) if value.kind() == Kind::Object => value.json(),
        Some(value) => value.as_text().map_or_else(|| arguments_object(&value.json().0), |text| arguments_object(&text)),
        None => JsonText("{}".to_owned()),
    }
}

/// The position of a flag that is true. Fails with a 400 for other types.
pub fn set_flag(flag: Option<Value<'_>>) -> Result<Option<Place>, GatewayError> {
    let is_set = flag.map_or(Ok(false), Value::flag)?;
    Ok(flag.filter(|_| is_set).map(Value::place))
}

/// Reads an optional string. Fails with a 400 for other types.
pub fn optional_text(value: Option<Value<'_>>) -> Result<Option<String>, GatewayError> {
    value.map(required_text).transpose()
}

/// Reads a string. Fails with a 400 for other types.
pub fn required_text(value: Value<'_>) -> Result<String, GatewayError> {
    value.text().map(std::borrow::Cow::into_owned)
}

/// Reads a string field. Fails with a 400 if it is missing or not a string.
pub fn text_field(object: Value<'_>, name: &str) -> Result<String, GatewayError> {
    required_text(object.required(name)?)
}

/// Reads an optional list. Fails with a 400 for other types.
pub fn entries(list: Option<Value<'_>>) -> Result<Vec<Value<'_>>, GatewayError> {
    list.map_or_else(|| Ok(Vec::new()), |list| list.list().map(Iterator::collect))
}
