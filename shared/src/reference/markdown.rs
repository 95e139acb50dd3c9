//! Writes the OpenAPI document as Markdown, for `/llms.txt` and `/docs`.

use std::fmt::Write as _;

use serde_json::Value;

use super::document::{Document, Operation, entries, members, text};
use super::schema::{fields, kind};

/// The prefix of the names of errors in the shape of Messages.
const MESSAGES: &str = "Messages";

/// The whole page.
pub(super) fn write(document: &Document) -> String {
    let mut out = String::new();
    let info = document.root().get("info").unwrap_or(&Value::Null);
    let (title, summary, description) = (text(info, "title"), text(info, "summary"), text(info, "description"));
    push(&mut out, format_args!("# {title}\n\n{summary}\n\n{description}\n\n"));
    out.push_str("In other forms: [OpenAPI](openapi.json) · [page](docs) · [Markdown](llms.txt)\n\n");
    for tag in entries(document.root().get("tags")) {
        push(&mut out, format_args!("## {}\n\n{}\n\n", text(tag, "name"), text(tag, "description")));
        let is_tagged =
            |operation: &Operation<'_>| entries(operation.value.get("tags")).any(|name| Some(name) == tag.get("name"));
        document.operations().filter(is_tagged).for_each(|operation| endpoint(document, &operation, &mut out));
    }
    errors(document, &mut out);
    headers(document, &mut out);
    out.push_str("## Schemas\n\nFields that are not marked are optional.\n\n");
    document.components("schemas").for_each(|(name, schema)| named_schema(document, name, schema, &mut out));
    out
}

/// Appends formatted text. Writing to a `String` cannot fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn table(out: &mut String, titles: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    push(out, format_args!("| {} |\n|{}\n", titles.join(" | "), "---|".repeat(titles.len())));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        push(out, format_args!("| {} |\n", cells.join(" | ")));
    }
    out.push('\n');
}

fn endpoint(document: &Document, Operation { method, path, value }: &Operation<'_>, out: &mut String) {
    push(out, format_args!("### {method} {path}\n\n**{}.** {}", text(value, "summary"), text(value, "description")));
    let is_open = value.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty);
    out.push_str(if is_open { " No key is needed.\n\n" } else { "\n\n" });
    if value.get("parameters").is_some() {
        let parameters = entries(value.get("parameters")).map(|parameter| document.follow(parameter));
        table(
            out,
            &["Parameter", "In", "Value", "Meaning"],
            parameters.map(|parameter| {
                let kind = parameter.get("schema").map(|schema| kind(document, schema)).unwrap_or_default();
                let name = format!("`{}`", text(parameter, "name"));
                vec![name, text(parameter, "in").to_owned(), kind, text(parameter, "description").to_owned()]
            }),
        );
    }
    for (_, media) in members(value.get("requestBody").and_then(|body| body.get("content"))) {
        let kind = media.get("schema").map(|schema| kind(document, schema)).unwrap_or_default();
        push(out, format_args!("Request body: {kind}.\n\n"));
        examples(media, out);
    }
    responses(document, value, out);
}

fn responses(document: &Document, operation: &Value, out: &mut String) {
    let all = || members(operation.get("responses")).map(|(status, response)| (status, document.follow(response)));
    table(
        out,
        &["Status", "Meaning", "Body"],
        all().map(|(status, response)| {
            let media = members(response.get("content")).map(|(name, media)| body(document, name, media));
            vec![status.clone(), text(response, "description").to_owned(), media.collect::<Vec<_>>().join("; ")]
        }),
    );
    for (status, response) in all().filter(|(status, _)| status.starts_with('2')) {
        let names: Vec<String> = members(response.get("headers")).map(|(name, _)| format!("`{name}`")).collect();
        push(out, format_args!("[Headers](#headers) of {status}: {}\n\n", names.join(", ")));
        members(response.get("content")).for_each(|(_, media)| examples(media, out));
    }
}

/// The form of a body. Streams name what their events contain.
fn body(document: &Document, name: &str, media: &Value) -> String {
    let data = media.pointer("/schema/properties/data");
    let data = data.and_then(|data| data.get("contentSchema").or_else(|| data.pointer("/oneOf/1/contentSchema")));
    let data = data.or_else(|| media.get("schema"));
    match data.map(|schema| kind(document, schema)) {
        Some(kind) if name.ends_with("json") => kind,
        Some(kind) if name.ends_with("event-stream") => format!("`{name}` of {kind}"),
        Some(_) | None => format!("`{name}`"),
    }
}

fn examples(media: &Value, out: &mut String) {
    let named =
        members(media.get("examples")).filter_map(|(_, example)| Some((text(example, "summary"), example.get("value")?)));
    let single = [("Example", "example"), ("Example of a stream", "x-stream-example")];
    let single = single.into_iter().filter_map(|(summary, name)| Some((summary, media.get(name)?)));
    for (summary, value) in single.chain(named) {
        let (language, code) = match value.as_str() {
            Some(text) => ("text", text.trim_end().to_owned()),
            None => ("json", serde_json::to_string_pretty(value).unwrap_or_default()),
        };
        push(out, format_args!("{summary}:\n\n```{language}\n{code}\n```\n\n"));
    }
}

fn errors(document: &Document, out: &mut String) {
    out.push_str(
        "## Errors\n\nMessages and its token count use the shape [MessagesError](#messageserror), all other endpoints [Error](#error). \
         `message` and `type` are always present. An error that comes from a provider ends with the provider's own text.\n\n",
    );
    table(out, &["Status", "Type", "Codes", "Cause"], error_rows(document).into_iter());
    out.push_str("A wrong method is a 405, an unknown path a 404.\n\n");
    let codes = document.root().pointer("/components/schemas/ErrorCode/oneOf");
    table(
        out,
        &["Code", "Meaning"],
        entries(codes).map(|code| vec![format!("`{}`", text(code, "const")), text(code, "description").to_owned()]),
    );
}

/// A row for each error. An error in both shapes has one row. The row adds the type in Messages if that type is different.
fn error_rows(document: &Document) -> Vec<Vec<String>> {
    let all: Vec<_> = document.components("responses").collect();
    let find = |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, response)| *response);
    let said = |response: &Value, name: &str| {
        let error = response.pointer("/content/application~1json/schema/allOf/1/properties/error/properties");
        words(error.and_then(|error| error.get(name)))
    };
    let mut rows = Vec::new();
    for (name, response) in &all {
        let Some(status) = response.get("x-status") else { continue };
        if name.strip_prefix(MESSAGES).is_some_and(|other| find(other).is_some()) {
            continue;
        }
        let kind = said(response, "type");
        let other = find(&format!("{MESSAGES}{name}")).map(|response| said(response, "type"));
        let kind = match other.filter(|other| *other != kind) {
            Some(other) => format!("{kind}; in Messages {other}"),
            None => kind,
        };
        let description = text(response, "description").to_owned();
        rows.push(vec![status.to_string(), kind, said(response, "code"), description]);
    }
    rows
}

/// The values that a schema of words allows.
fn words(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return String::new() };
    let all = schema.get("const").into_iter().chain(entries(schema.get("enum")));
    all.filter_map(Value::as_str).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn headers(document: &Document, out: &mut String) {
    out.push_str("## Headers\n\nThe table of each endpoint names those of its successful answers.\n\n");
    let headers = document.components("headers").map(|(name, header)| {
        let kind = header.get("schema").map(|schema| kind(document, schema)).unwrap_or_default();
        vec![format!("`{name}`"), kind, text(header, "description").to_owned()]
    });
    table(out, &["Header", "Value", "Meaning"], headers);
}

fn named_schema(document: &Document, name: &str, schema: &Value, out: &mut String) {
    push(out, format_args!("### {name}\n\n{}\n\n", text(schema, "description")));
    let fields = fields(document, schema);
    if !fields.is_empty() {
        table(
            out,
            &["Field", "Value", "Meaning"],
            fields.into_iter().map(|field| {
                let mark = if field.is_required { " **required**" } else { "" };
                vec![format!("`{}`{mark}", field.name), field.kind, field.description]
            }),
        );
    } else if schema.get("oneOf").is_some() {
        let options = entries(schema.get("oneOf"));
        for option in options {
            let (kind, description) = (kind(document, option), text(option, "description"));
            push(out, format_args!("- {}\n", format!("{kind} {description}").trim_end()));
        }
        out.push('\n');
    } else {
        push(out, format_args!("{}\n\n", kind(document, schema)));
    }
}
