//! What an upstream body holds, by size: what its model may count as prompt tokens at most, without a tokeniser.
//!
//! The body that will be sent is read, not the client's: a translation may say more or less. Text is counted by its characters.
//! Pictures, documents and sound are parts only where the provider reads them as such; there their bytes say what they are and
//! how large, never their labels. Everything else is text to the model.

mod cuts;
mod document;
mod media;
mod picture;
mod places;
mod sound;
mod text;

use super::WireFormat;
use super::request::cache_mark;
use crate::capability::MediaTokens;
use crate::chat::request::CacheLifetime;
use crate::document::{Document, Kind, Value};
use crate::error::GatewayError;

use text::TextSize;

/// What providers add of their own to a prompt, in tokens: more with tools (Claude's tool prompt has 300 to 700).
const FRAME: u64 = 16;
const TOOLS_FRAME: u64 = 700;
/// What a form of the answer adds: Claude is told of it in words.
const FORM_FRAME: u64 = 400;
/// What Anthropic's typed tools add, by what their types begin with (platform.claude.com, pricing of tool use; the last two are not
/// published).
const TYPED_TOOLS: [(&str, u64); 5] =
    [("bash_", 245), ("text_editor_", 700), ("computer_", 1_234), ("memory_", 700), ("tool_search_tool_", 700)];

/// The most further times that Claude reads a prompt in one request while it searches among the tools: the provider's own loop pauses
/// after ten rounds, and the usage counts the tokens of all rounds (platform.claude.com, server tools).
const SEARCHES: u64 = 9;
/// The least that the provider adds where citations are asked for: instructions, and marks that cut a text into sentences. The marks
/// count as many tokens as the text, because how many there are is not published (platform.claude.com, citations).
const CITATIONS_FRAME: u64 = 1_000;

/// The sizes of an upstream body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    text: TextSize,
    /// Tokens of pictures, pages and seconds, by the family's formula.
    media: u64,
    /// Whether a part is there whose size nobody can tell.
    is_unbounded: bool,
    has_tools: bool,
    /// What the provider adds of its own for a form of the answer, and for each of its own tools.
    added: u64,
    /// What the provider adds to blocks that may be cited, in tokens.
    cited: u64,
    /// How often the provider may read the prompt again by itself.
    more_rounds: u64,
    /// Whether a part may be sound, which some models price apart.
    pub has_sound: bool,
    /// The output limit that stands in the body, in tokens.
    pub output_limit: Option<u64>,
    /// The dearest cache write that the body asks for.
    pub cache: Option<CacheLifetime>,
    /// The cheapest one.
    pub cheapest_cache: Option<CacheLifetime>,
}

impl Measured {
    /// Reads a body of that wire on its way to a model with those sizes of parts. Fails only for what is no JSON object.
    pub fn of(wire: WireFormat, body: &[u8], media: &MediaTokens) -> Result<Self, GatewayError> {
        let text = std::str::from_utf8(body).map_err(|_| GatewayError::internal("a body that is no text"))?;
        Ok(Self::of_document(wire, &Document::parse_sent(text.to_owned())?, media))
    }

    /// Reads a body that was read before.
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
                added: form.saturating_add(typed),
                more_rounds: if tools().any(is_search) { SEARCHES } else { 0 },
                ..Self::default()
            },
        };
        places::read(wire, root, &mut measure);
        Self { output_limit: places::output_limit(wire, root), ..measure.sizes }
    }

    /// The most prompt tokens that the body can be for a model whose window has so many: ASCII letters, digits and blanks count
    /// two for a token, any other byte is one. A part of unknown size takes what is left of the window. A prompt that the provider
    /// may read again by itself counts for each time.
    pub fn worst_input(&self, window: u64) -> u64 {
        let once = self.once().saturating_add(self.cited).saturating_add(self.frame());
        let once = if self.is_unbounded { window } else { once.min(window) };
        // What was said in the rounds before is read, too.
        let again = once.saturating_add(self.output_limit.unwrap_or(window)).min(window);
        once.saturating_add(again.saturating_mul(self.more_rounds))
    }

    /// The most prompt tokens that any body like this can be for a model whose window has so many.
    pub fn largest_input(&self, window: u64) -> u64 {
        window.saturating_mul(self.more_rounds.saturating_add(1))
    }

    /// The most tokens of its texts and parts.
    fn once(&self) -> u64 {
        self.text.worst().saturating_add(self.media)
    }

    /// What a body of another wire may have more than this one, in tokens, by the number of its values: other names of fields, more
    /// objects around them.
    pub fn room_for_another_wire(&self) -> u64 {
        self.text.values.saturating_add(64)
    }

    /// The prompt tokens of a body that no provider counts, made not to fall under the real number by much: two tokens for five
    /// bytes (dense code comes near that), parts by the family's formula, a part of unknown size as one page.
    pub fn estimated_input(&self) -> u64 {
        let unknown = if self.is_unbounded { 1_600 } else { 0 };
        let text = self.text.bytes().saturating_mul(2).div_ceil(5);
        text.saturating_add(self.media).saturating_add(unknown).saturating_add(self.frame())
    }

    fn frame(&self) -> u64 {
        self.added.saturating_add(if self.has_tools { TOOLS_FRAME } else { FRAME })
    }
}

/// What a tool of Anthropic's own adds.
fn typed_tool(tool: Value<'_>) -> u64 {
    let kind = tool.get("type").and_then(Value::as_text).unwrap_or_default();
    TYPED_TOOLS.iter().find(|(start, _)| kind.starts_with(start)).map_or(0, |(_, tokens)| *tokens)
}

/// Whether a tool of Anthropic's own searches among the others.
fn is_search(tool: Value<'_>) -> bool {
    tool.get("type").and_then(Value::as_text).is_some_and(|kind| kind.starts_with("tool_search_tool_"))
}

/// A body that is being measured.
struct Measure<'m> {
    media: &'m MediaTokens,
    sizes: Measured,
}

impl Measure<'_> {
    /// Counts a value as text: what a string says, and of anything else its JSON, which is what a model reads of it.
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

    /// Takes the mark of an object that a cache may end at.
    fn cache(&mut self, object: Value<'_>) {
        let Some(lifetime) = cache_mark(object.get("cache_control")).map(|mark| mark.lifetime) else { return };
        let Measured { cache, cheapest_cache, .. } = &mut self.sizes;
        *cache = (*cache).max(Some(lifetime));
        *cheapest_cache = Some(cheapest_cache.map_or(lifetime, |known| known.min(lifetime)));
    }
}

#[cfg(test)]
mod tests;
