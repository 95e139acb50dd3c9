//! Measures an upstream body: the maximum number of prompt tokens that its model may count, without a tokeniser.
//!
//! The body that will be sent is measured, not the client's, because a translation may be longer or shorter. Text counts by
//! its characters. Images, documents and audio count as parts only where the provider reads them as parts; there their bytes
//! decide what they are and how large, never their labels. Everything else is text.
//!
//! The maximum for text: three lower-case letters that often follow each other count as two tokens, any other byte as one,
//! and a blank with the letter after it as one. A part of unknown size takes the rest of the context window.

mod cuts;
mod document;
mod media;
mod normal_forms;
mod pairs;
mod picture;
mod places;
mod sound;
mod text;

use super::WireFormat;
use super::request::cache_mark;
use crate::capability::{Capabilities, MediaTokens};
use crate::chat::request::CacheLifetime;
use crate::document::{Document, Kind, Value};
use crate::error::GatewayError;

use text::TextSize;

/// Tokens that providers add to a prompt.
const FRAME: u64 = 16;
/// Tokens that they add to a prompt with tools: Claude's tool prompt has 286 to 804 (platform.claude.com, tool use; the most
/// for Opus 4.7 and a forced call).
const TOOLS_FRAME: u64 = 804;
/// Tokens that a response format adds: Claude receives it as text.
const FORM_FRAME: u64 = 400;
/// Tokens that Anthropic's typed tools add, by the prefix of their type (platform.claude.com, pricing of tool use; the last
/// two are not published).
const TYPED_TOOLS: [(&str, u64); 5] =
    [("bash_", 245), ("text_editor_", 700), ("computer_", 1_234), ("memory_", 700), ("tool_search_tool_", 700)];

/// How often Claude may read a prompt again in one request while it searches tools. The provider's loop pauses after ten
/// rounds, and the usage counts the tokens of all rounds (platform.claude.com, server tools).
const SEARCHES: u64 = 9;
/// Minimum number of tokens that the provider adds if citations are requested: instructions, and marks that split a text
/// into sentences. How many marks there are is not published, so they count as many tokens as the text (platform.claude.com,
/// citations).
const CITATIONS_FRAME: u64 = 1_000;

/// The sizes of an upstream body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    text: TextSize,
    /// Tokens of images, pages and seconds, by the family's formula.
    media: u64,
    /// Whether a part has an unknown size.
    is_unbounded: bool,
    has_tools: bool,
    /// Tokens that the provider adds for a response format and for its own tools.
    added: u64,
    /// Tokens that the provider adds to blocks that may be cited.
    cited: u64,
    /// How often the provider may read the prompt again by itself.
    more_rounds: u64,
    /// Whether a part may be audio, which some models price separately.
    pub has_sound: bool,
    /// The output limit in the body, in tokens.
    pub output_limit: Option<u64>,
    /// The reasoning budget in the body, in tokens, where it is not part of the output limit.
    pub thinking_limit: Option<u64>,
    /// The most expensive cache write that the body requests.
    pub cache: Option<CacheLifetime>,
    /// The cheapest cache write that the body requests.
    pub cheapest_cache: Option<CacheLifetime>,
}

impl Measured {
    /// Measures a body of this format for a model with these part sizes. Fails only if it is not a JSON object.
    pub fn of(wire: WireFormat, body: &[u8], media: &MediaTokens) -> Result<Self, GatewayError> {
        let text = std::str::from_utf8(body).map_err(|_| GatewayError::internal("the body is not text"))?;
        Ok(Self::of_document(wire, &Document::parse_sent(text.to_owned())?, media))
    }

    /// Measures a parsed body.
    pub fn of_document(wire: WireFormat, document: &Document, media: &MediaTokens) -> Self {
        let root = document.root();
        let forms = [&["output_config", "format"][..], &["response_format"], &["generationConfig", "responseMimeType"]];
        let form = if forms.iter().any(|place| root.at(place).is_some()) { FORM_FRAME } else { 0 };
        let tools = || root.get("tools").into_iter().flat_map(Value::elements);
        let typed = tools().map(typed_tool).sum::<u64>();
        let mut measure = Measure {
            media,
            sizes: Self {
                has_tools: root.get("tools").is_some(),
                added: form.saturating_add(typed).saturating_add(media.hidden),
                more_rounds: if tools().any(is_search) { SEARCHES } else { 0 },
                ..Self::default()
            },
            inflatable: document::MOST_INFLATED,
        };
        places::read(wire, root, &mut measure);
        let (output_limit, thinking_limit) = (places::output_limit(wire, root), places::thinking_limit(wire, root));
        Self { output_limit, thinking_limit, ..measure.sizes }
    }

    /// The maximum number of prompt tokens for a model with this context window in tokens. A prompt that the provider may read
    /// several times counts once for each time.
    pub fn worst_input(&self, window: u64) -> u64 {
        let once = self.once().saturating_add(self.cited).saturating_add(self.frame());
        let once = if self.is_unbounded { window } else { once.min(window) };
        // The output of earlier rounds is read too.
        let again = once.saturating_add(self.output_limit.unwrap_or(window)).min(window);
        once.saturating_add(again.saturating_mul(self.more_rounds))
    }

    /// The maximum number of prompt tokens of any body like this, for a model with this context window.
    pub fn largest_input(&self, window: u64) -> u64 {
        window.saturating_mul(self.more_rounds.saturating_add(1))
    }

    /// The maximum number of tokens of its texts and parts, read once.
    fn once(&self) -> u64 {
        self.text.worst().saturating_add(self.media)
    }

    /// Maximum tokens of the reply, if the body has a limit. It includes the reasoning budget if the limit does not.
    pub fn output_tokens(&self, capabilities: &Capabilities) -> Option<u64> {
        let separate = self.thinking_limit.filter(|_| capabilities.limit_excludes_thinking).unwrap_or_default();
        self.output_limit.map(|limit| limit.saturating_add(separate))
    }

    /// How many more tokens the body may have in another format, by its number of values: other field names, more objects
    /// around them.
    pub fn room_for_another_wire(&self) -> u64 {
        self.text.values.saturating_add(64)
    }

    /// An estimate of the prompt tokens if no provider counts them. It rarely falls much below the real number: two tokens
    /// per five bytes (dense code comes close to that), parts by the family's formula, and one page for a part of unknown
    /// size.
    pub fn estimated_input(&self) -> u64 {
        let unknown = if self.is_unbounded { 1_600 } else { 0 };
        let text = self.text.bytes().saturating_mul(2).div_ceil(5);
        text.saturating_add(self.media).saturating_add(unknown).saturating_add(self.frame())
    }

    /// A low estimate of the prompt tokens: five bytes of text per token, and nothing for other parts.
    pub fn least_input(&self) -> u64 {
        self.text.bytes() / 5
    }

    fn frame(&self) -> u64 {
        self.added.saturating_add(if self.has_tools { TOOLS_FRAME } else { FRAME })
    }
}

/// Tokens that an Anthropic tool adds.
fn typed_tool(tool: Value<'_>) -> u64 {
    let kind = tool.get("type").and_then(Value::as_text).unwrap_or_default();
    TYPED_TOOLS.iter().find(|(start, _)| kind.starts_with(start)).map_or(0, |(_, tokens)| *tokens)
}

/// Whether an Anthropic tool searches the other tools.
fn is_search(tool: Value<'_>) -> bool {
    tool.get("type").and_then(Value::as_text).is_some_and(|kind| kind.starts_with("tool_search_tool_"))
}

/// A measurement in progress.
struct Measure<'m> {
    media: &'m MediaTokens,
    sizes: Measured,
    /// How many bytes its documents may still decompress.
    inflatable: u64,
}

impl Measure<'_> {
    /// Counts a value as text: a string by its content, other values by their JSON, which is what a model reads.
    fn text(&mut self, value: Value<'_>) {
        let text = &mut self.sizes.text;
        text.values = text.values.saturating_add(1);
        match value.kind() {
            Kind::Text => text.add(value.spelling()),
            Kind::Null | Kind::Flag | Kind::Number | Kind::List | Kind::Object => {
                text.add_plain(value.spelling().as_bytes());
            }
        }
    }

    fn name(&mut self, name: &str) {
        self.sizes.text.values = self.sizes.text.values.saturating_add(1);
        self.sizes.text.add_plain(name.as_bytes());
    }

    /// Notes the cache mark of an object.
    fn cache(&mut self, object: Value<'_>) {
        let Some(lifetime) = cache_mark(object.get("cache_control")).map(|mark| mark.lifetime) else { return };
        let Measured { cache, cheapest_cache, .. } = &mut self.sizes;
        *cache = (*cache).max(Some(lifetime));
        *cheapest_cache = Some(cheapest_cache.map_or(lifetime, |known| known.min(lifetime)));
    }
}

#[cfg(test)]
mod tests;
