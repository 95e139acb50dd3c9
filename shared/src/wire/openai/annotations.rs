//! The sources that a reply cites: `annotations` of a message or delta (OpenAI's reference of Chat Completions;
//! openrouter.ai, web search). `OpenRouter` adds the cited text as `content`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chat::Citation;

/// An annotation.
#[derive(Deserialize, Serialize)]
pub(super) struct Annotation {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    url_citation: UrlCitation,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct UrlCitation {
    url: String,
    title: String,
    start_index: u64,
    end_index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

const URL_CITATION: &str = "url_citation";

impl Annotation {
    /// The annotation of a citation.
    pub(super) fn of(citation: &Citation) -> Self {
        let Citation { url, title, start, end, text } = citation.clone();
        let url_citation = UrlCitation { url, title, start_index: start, end_index: end, content: text };
        Self { kind: URL_CITATION.to_owned(), url_citation }
    }

    fn citation(self) -> Option<Citation> {
        let UrlCitation { url, title, start_index, end_index, content } = self.url_citation;
        let is_source = self.kind == URL_CITATION && !url.is_empty();
        is_source.then_some(Citation { url, title, start: start_index, end: end_index, text: content })
    }
}

/// Annotations of a delta, read one by one, so that an unreadable one does not affect the others.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Annotations<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl Annotations<'_> {
    /// The citations that have a source.
    pub(super) fn read(&self) -> impl Iterator<Item = Citation> {
        let list: Vec<&RawValue> = self.0.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
        list.into_iter().filter_map(|entry| serde_json::from_str::<Annotation>(entry.get()).ok()?.citation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_without_a_source_are_skipped() {
        let list = r#"[7, {"type":"file_path"}, {"type":"url_citation","url_citation":{"title":"none"}},
            {"type":"url_citation","url_citation":{"url":"https://a.example","end_index":3,"content":"said"}}]"#;
        let read: Annotations<'_> = serde_json::from_str(list).unwrap();
        let cited = Citation {
            url: "https://a.example".to_owned(),
            title: String::new(),
            start: 0,
            end: 3,
            text: Some("said".to_owned()),
        };
        assert_eq!(read.read().collect::<Vec<_>>(), [cited]);
    }
}
