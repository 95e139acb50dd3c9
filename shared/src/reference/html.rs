//! Renders the Markdown of the reference as an HTML page.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use crate::page::{Html, escaped};

/// A heading with its anchor.
struct Heading {
    level: u8,
    anchor: String,
    title: String,
}

/// Links to the pages at the same base URL. They begin without a slash, because a base URL may have a path.
const FORMS: &str = "<nav class=\"forms\" aria-label=\"Other pages\"><a href=\"dashboard\">Dashboard</a>\
                     <a href=\"openapi.json\">OpenAPI</a><a href=\"llms.txt\">Markdown</a></nav>";

/// The page of a Markdown text: its contents at the side, and an anchor for each heading.
pub(super) fn page(markdown: &str) -> Html {
    let (body, headings) = render(markdown);
    let contents = contents(&headings);
    let rest = format!(
        "{FORMS}\n</header>\n<div class=\"layout\">\n<nav class=\"contents\" aria-label=\"Contents\">\
         <details><summary>Contents</summary>{contents}</details><div class=\"open\">{contents}</div></nav>\n\
         <main id=\"content\" tabindex=\"-1\">\n{body}</main>\n</div>\n</body>\n</html>\n"
    );
    Html::new("API reference", include_str!("style.css"), &rest)
}

/// The HTML of a text, and its headings.
fn render(markdown: &str) -> (String, Vec<Heading>) {
    let (mut events, mut headings, mut title) = (Vec::new(), Vec::new(), None::<String>);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        if matches!(event, Event::Start(Tag::Heading { .. })) {
            title = Some(String::new());
        } else if let Event::End(TagEnd::Heading(level)) = event {
            let title = title.take().unwrap_or_default();
            let heading = Heading { level: level as u8, anchor: anchor(&title), title };
            events.push(Event::Html(heading.html().into()));
            headings.push(heading);
        } else if let (Some(title), Event::Text(text) | Event::Code(text)) = (&mut title, &event) {
            title.push_str(text);
        } else if matches!(event, Event::Start(Tag::Table(_))) {
            events.extend([Event::Html("<div class=\"scroll\" tabindex=\"0\">".into()), event]);
        } else if matches!(event, Event::End(TagEnd::Table)) {
            events.extend([event, Event::Html("</div>\n".into())]);
        } else {
            events.push(event);
        }
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    (out.replace("<pre>", "<pre tabindex=\"0\">"), headings)
}

/// The anchor of a heading as GitHub makes it: lower case, spaces as hyphens, no punctuation.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

impl Heading {
    fn html(&self) -> String {
        let Self { level, anchor, .. } = self;
        format!("<h{level} id=\"{anchor}\"><a href=\"#{anchor}\">{}</a></h{level}>\n", self.label())
    }

    /// The title, with the method of an endpoint as a mark.
    fn label(&self) -> String {
        match self.title.split_once(" /") {
            Some((method, path)) => {
                let class = method.to_lowercase();
                format!("<span class=\"method {class}\">{method}</span> <code>/{}</code>", escaped(path))
            }
            None => escaped(&self.title),
        }
    }
}

/// Links to all headings below the title.
fn contents(headings: &[Heading]) -> String {
    let link = |heading: &Heading| {
        format!("<li class=\"level{}\"><a href=\"#{}\">{}</a></li>", heading.level, heading.anchor, heading.label())
    };
    let links: String = headings.iter().filter(|heading| heading.level > 1).map(link).collect();
    format!("<ul>{links}</ul>")
}
