//! The page that shows a key's usage to its owner: one document with its style and script, and the charts that the script
//! requests. Pure rendering, without I/O.
//!
//! The key stays in the browser tab: the script keeps it in `sessionStorage` and sends it in a header.

mod chart;
mod format;
mod overview;

use crate::page::Html;

pub use overview::overview;

/// The page.
pub fn page() -> Html {
    let page = Html::new("Gateway dashboard", include_str!("style.css"), include_str!("page.html"));
    page.with_script(include_str!("script.js"), "gateway-charts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_no_other_host_and_keeps_nothing_beyond_its_tab() {
        let html = page().html;
        for other in
            ["/*SCRIPT*/", "http://", "https://", "src=\"//", " style=", " onclick=", "document.cookie", "localStorage"]
        {
            assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(other), "{other}");
        }
    }
}
