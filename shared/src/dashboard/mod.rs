//! The page that shows a key's usage to its owner: one document with its style and script, and the charts that the script
//! requests. Pure rendering, without I/O.
//!
//! The page loads nothing from other hosts and runs only its own script, whose hash is in its content security policy. The
//! key stays in the browser tab: the script keeps it in `sessionStorage` and sends it in a header.

mod chart;
mod format;
mod overview;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

pub use overview::overview;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const FRAME: &str = include_str!("page.html");

/// The page and its content security policy.
#[derive(Clone, Debug)]
pub struct Page {
    /// The document.
    pub html: String,
    /// The value of `content-security-policy`.
    pub policy: String,
}

impl Page {
    /// The page.
    pub fn new() -> Self {
        let html = FRAME.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT);
        let (style, script) = (hash(STYLE), hash(SCRIPT));
        let policy = format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types gateway-charts"
        );
        Self { html, policy }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

/// A hash in a policy's format (CSP 3, hash sources).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_its_style_and_script_as_their_hashes_say_and_names_no_other_host() {
        let Page { html, policy } = Page::new();
        for (tag, text) in [("style", STYLE), ("script", SCRIPT)] {
            assert!(html.contains(&format!("<{tag}>{text}</{tag}>")), "{tag}");
            assert!(policy.contains(&hash(text)), "{tag}: {policy}");
        }
        assert!(!html.contains("/*STYLE*/") && !html.contains("/*SCRIPT*/"));
        for other in ["http://", "https://", "src=\"//", " style=", " onclick=", "document.cookie", "localStorage"] {
            assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(other), "{other}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    }
}
