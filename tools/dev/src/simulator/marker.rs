//! The syntax of markers: `[[sim:NAME key=value key=value]]`.

/// Whether this text contains a marker.
pub(super) fn has_marker(text: &str) -> bool {
    split(text).is_some()
}

/// The text without the markers.
pub(super) fn without_markers(text: &str) -> String {
    match split(text) {
        Some((before, _, after)) => without_markers(&format!("{}{}", before.trim_end(), after)),
        None => text.trim().to_owned(),
    }
}

/// The label in a raw body, for a request that is rejected before its messages are read: the first label in the last text
/// that has any.
pub(super) fn label_in(body: &str) -> Option<String> {
    // Markers contain no quotes, so each text of a JSON body is between two of them. Quotes within a text are escaped.
    let body = body.replace("\\\"", "");
    body.rsplit('"').find_map(written_label)
}

const OPEN: &str = "[[sim:";
const CLOSE: &str = "]]";

fn written_label(text: &str) -> Option<String> {
    let label =
        |marker: &str| marker.split_whitespace().find_map(|setting| setting.strip_prefix("label=").map(str::to_owned));
    written(text).into_iter().find_map(label)
}

/// The contents of all markers, in order.
pub(super) fn written(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, marker, after)) = split(rest) {
        found.push(marker);
        rest = after;
    }
    found
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (marker, after) = rest.split_once(CLOSE)?;
    Some((before, marker, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_leaves_the_markers_out() {
        assert_eq!(without_markers("What is it? [[sim:echo label=x]]"), "What is it?");
        assert_eq!(without_markers("[[sim:echo]] What [[sim:html times=1]] is it?"), "What is it?");
    }

    #[test]
    fn refused_body_still_gives_its_label() {
        assert_eq!(label_in(r#"{"a":"[[sim:echo label=old]]","b":"[[sim:tool label=new]]"}"#).as_deref(), Some("new"));
        assert_eq!(
            label_in(r#"{"a":"[[sim:cut label=x]] \"or\" [[sim:tool label=y]] [[sim:echo]]","b":""}"#).as_deref(),
            Some("x")
        );
        assert_eq!(label_in("nothing"), None);
    }
}
