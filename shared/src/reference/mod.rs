//! The reference of the API: `/openapi.json`, `/docs` for people and `/llms.txt` for agents. Pure rendering, without I/O.
//!
//! The files in `openapi/` are the only source of the three.

mod document;
mod html;
mod markdown;
mod schema;

use self::document::Document;
use crate::page::Html;

/// The description of the API in three forms.
#[derive(Clone, Debug)]
pub struct Reference {
    /// OpenAPI 3.1, as JSON.
    pub json: String,
    /// A page for people, without a script.
    pub html: Html,
    /// Markdown for agents.
    pub text: String,
}

impl Reference {
    /// Joins the files and renders them. Fails if one is not JSON, which a test rules out.
    pub fn new() -> Result<Self, serde_json::Error> {
        let document = Document::join()?;
        let text = markdown::write(&document);
        Ok(Self { json: serde_json::to_string(document.root())?, html: html::page(&text), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_in_each_form_and_has_an_anchor() {
        let Reference { json, html, text } = Reference::new().unwrap();
        assert!(json.starts_with(r#"{"openapi":"3.1.1","info":{"title":"LLM gateway""#), "{json}");
        assert!(text.contains("\n### POST /v1/chat/completions\n"), "{text}");
        assert!(html.html.contains(r#"<h3 id="post-v1chatcompletions">"#));
        assert!(html.html.contains(r##"<a href="#post-v1chatcompletions">"##));
    }

    #[test]
    fn every_link_within_the_page_leads_to_an_anchor() {
        let html = Reference::new().unwrap().html.html;
        let targets: Vec<&str> = html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(targets.len() > 100, "{targets:?}");
        let lost: Vec<&&str> = targets.iter().filter(|id| !html.contains(&format!("id=\"{id}\""))).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn links_to_other_pages_work_under_a_base_url_with_a_path() {
        let Reference { json, html, text } = Reference::new().unwrap();
        assert!(json.contains(r#""servers":[{"url":".""#));
        for page in ["dashboard", "openapi.json", "llms.txt"] {
            assert!(html.html.contains(&format!("<a href=\"{page}\">")), "{page}");
        }
        assert!(!html.html.contains("href=\"/") && !text.contains("](/"));
    }

    #[test]
    fn the_page_names_no_other_host_and_has_no_script() {
        let html = Reference::new().unwrap().html.html;
        for other in ["<script", "src=", "http://", "https://", "href=\"//", " style=", " onclick="] {
            assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(other), "{other}");
        }
    }

    #[test]
    fn a_response_names_its_headers_one_by_one() {
        let document = Document::join().unwrap();
        let headers = &document.root()["components"]["responses"]["MethodNotAllowed"]["headers"];
        assert_eq!(headers["allow"]["$ref"], "#/components/headers/allow");
        assert_eq!(headers["x-request-id"]["$ref"], "#/components/headers/x-request-id");
        assert_eq!(document.root().get("x-header-groups"), None);
    }
}
