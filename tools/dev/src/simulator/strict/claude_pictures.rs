//! Maximum size and number of pictures for Claude, on every platform (platform.claude.com, vision: limits).

use serde_json::Value;

use super::super::picture::{self, Picture};
use super::verdict::{Verdict, ensure};

const MOST_BYTES: usize = 5 << 20;
const LONGEST: u32 = 8_000;
/// The limit for requests with more pictures and documents than `MANY`.
const LONGEST_OF_MANY: u32 = 2_000;
const MANY: usize = 20;
const MOST: usize = 600;
/// With a window of 200,000 tokens.
const MOST_OF_SMALL: usize = 100;
const SMALL: [&str; 3] = ["haiku-4", "sonnet-4-5", "opus-4-5"];

/// Checks all pictures and documents of a request. A document counts as one page at least.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let mut found = Vec::new();
    ["messages", "system"].into_iter().filter_map(|name| body.get(name)).for_each(|parts| collect(parts, &mut found));
    let is_small = SMALL.iter().any(|name| model.replace('.', "-").contains(name));
    let most = if is_small { MOST_OF_SMALL } else { MOST };
    ensure(found.len() <= most, || format!("A maximum of {most} images and document pages are allowed in a request."))?;
    let (longest, among) = if found.len() > MANY { (LONGEST_OF_MANY, " for many-image requests") } else { (LONGEST, "") };
    for data in found {
        ensure(data.len() <= MOST_BYTES, || {
            format!("image exceeds 5 MB maximum: {} bytes > {MOST_BYTES} bytes", data.len())
        })?;
        let Some(Picture { width, height, .. }) = picture::decoded(data).and_then(|bytes| picture::read(&bytes)) else {
            continue;
        };
        ensure(width.max(height) <= longest, || {
            format!("At least one of the image dimensions exceed max allowed size{among}: {longest} pixels")
        })?;
    }
    Ok(())
}

/// Base64 of pictures and PDFs among parts, in both formats, including nested parts.
fn collect<'v>(parts: &'v Value, found: &mut Vec<&'v str>) {
    for part in parts.as_array().into_iter().flatten() {
        let text = |place: &str| part.pointer(place).and_then(Value::as_str);
        let of_url = |url: &'v str| url.split_once(";base64,").map_or("", |(_, data)| data);
        found.extend(match text("/type") {
            Some("image" | "document") if text("/source/type") == Some("base64") => text("/source/data"),
            Some("image_url") => text("/image_url/url").map(of_url),
            Some("file") => text("/file/file_data").map(of_url),
            _ => None,
        });
        ["/content", "/source/content"]
            .into_iter()
            .filter_map(|place| part.pointer(place))
            .for_each(|parts| collect(parts, found));
    }
}
