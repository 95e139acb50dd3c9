//! HTML pages that load nothing from other hosts and run only their own script, if they have one. The content security
//! policy contains the hashes of the script and of the style.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

/// The beginning of all pages, up to the name in the bar at the top.
const HEAD: &str = include_str!("page/head.html");
/// Colours, light and dark, and the looks that all pages share.
const STYLE: &str = include_str!("page/base.css");

/// A page and its content security policy.
#[derive(Clone, Debug)]
pub struct Html {
    /// The document.
    pub html: String,
    /// The value of `content-security-policy`.
    pub policy: String,
}

impl Html {
    /// A page without a script. `style` is added to the style of all pages, and `rest` is the HTML that follows the name in
    /// the bar.
    pub fn new(title: &str, style: &str, rest: &str) -> Self {
        let style = format!("{STYLE}{style}");
        let head = HEAD.replace("/*TITLE*/", &escaped(title)).replace("/*STYLE*/", &style);
        let policy = format!(
            "default-src 'none'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(&style)
        );
        Self { html: format!("{head}{rest}"), policy }
    }

    /// The page with a script, in the place that its HTML marks for one. The script may call the gateway, and puts HTML into
    /// the page only through the trusted-types policy of this name.
    #[must_use]
    pub fn with_script(self, script: &str, trusted: &str) -> Self {
        let policy = format!(
            "{}; script-src '{}'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types {trusted}",
            self.policy,
            hash(script)
        );
        Self { html: self.html.replace("/*SCRIPT*/", script), policy }
    }
}

/// A hash in a policy's format (CSP 3, hash sources).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Text escaped for HTML elements and quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_stays_text() {
        assert_eq!(
            escaped(r#"<script>alert("x")&'</script>"#),
            "&lt;script&gt;alert(&quot;x&quot;)&amp;&#39;&lt;/script&gt;"
        );
    }

    #[test]
    fn a_page_holds_its_style_and_script_as_the_hashes_of_its_policy_say() {
        let page = Html::new("A & B", "p { top: 0 }", "<script>/*SCRIPT*/</script>").with_script("go()", "own");
        assert!(page.html.contains("<title>A &amp; B</title>") && page.html.ends_with("<script>go()</script>"));
        let (_, rest) = page.html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        assert!(style.ends_with("p { top: 0 }"));
        for hashed in [hash(style), hash("go()")] {
            assert!(page.policy.contains(&hashed), "{}", page.policy);
        }
        assert!(!page.policy.contains("unsafe") && !page.policy.contains('*'), "{}", page.policy);
    }

    #[test]
    fn a_page_without_a_script_allows_none() {
        let policy = Html::new("A", "", "").policy;
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("script-src"), "{policy}");
    }
}
