//! Maximum size and number of pictures for Claude.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{claude_pictures::check, verdict::Verdict};
use super::*;

/// A GIF of this size, with this many bytes after its header.
fn gif(width: u16, height: u16, more: usize) -> String {
    let head = [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), &[0; 3]].concat();
    STANDARD.encode([head, vec![0; more]].concat())
}

/// A model's error for this many small pictures and one more, in its wire's format.
fn verdict(model: &str, small: usize, data: &str) -> Verdict {
    let url = |data: &str| json!({ "type": "image_url", "image_url": { "url": format!("data:image/gif;base64,{data}") } });
    let block =
        |data: &str| json!({ "type": "image", "source": { "type": "base64", "media_type": "image/gif", "data": data } });
    let result = |data: &str| json!({ "type": "tool_result", "tool_use_id": "a", "content": [block(data)] });
    let part = |data: &str| if model.starts_with("anthropic/") { url(data) } else { result(data) };
    let parts: Vec<Value> = (0..small).map(|_| part(&gif(1, 1, 0))).chain([part(data)]).collect();
    check(model, &json!({ "messages": [{ "role": "user", "content": parts }] }))
}

#[test]
fn pictures_have_a_largest_size_and_number() {
    for (small, data) in
        [(0, gif(8_000, 8_000, 0)), (19, gif(2_001, 1, 0)), (599, gif(2_000, 2_000, 0)), (0, gif(9, 9, 3_932_147))]
    {
        for model in ["claude-opus-4-6", "anthropic/claude-opus-4.6"] {
            assert_eq!(verdict(model, small, &data), Ok(()), "{small}");
        }
    }
    for (model, small, data, words) in [
        ("claude-opus-4-6", 0, gif(8_001, 1, 0), "exceed max allowed size: 8000 pixels"),
        ("anthropic/claude-opus-4.6", 0, gif(1, 8_001, 0), "exceed max allowed size: 8000 pixels"),
        ("claude-opus-4-6", 20, gif(2_001, 1, 0), "exceed max allowed size for many-image requests: 2000 pixels"),
        ("claude-opus-4-6", 600, gif(1, 1, 0), "A maximum of 600 images"),
        ("claude-haiku-4-5@20251001", 100, gif(1, 1, 0), "A maximum of 100 images"),
        ("anthropic/claude-haiku-4.5", 100, gif(1, 1, 0), "A maximum of 100 images"),
        ("claude-opus-4-6", 0, gif(9, 9, 3_932_149), "image exceeds 5 MB maximum"),
    ] {
        refused(verdict(model, small, &data), words, &json!(model));
    }
}
