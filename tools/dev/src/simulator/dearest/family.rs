//! Model families, by how they count images, documents and sound. Sources: platform.claude.com (vision),
//! docs.cloud.google.com (model pages of Gemini 3), Google's page on tokens (2.5), copies of `OpenAI`'s guide to vision.

/// How a family counts pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pictures {
    /// Patches of this many points, after scaling to a long edge and a number of patches, times a factor in hundredths.
    Patches { side: u32, edge: u32, least: u64, most: u64, factor: u64 },
    /// Tiles of 768 points at 258 tokens each. A small picture is one tile.
    Tiles,
    /// Every picture counts as this many tokens.
    Each(u64),
}

/// How a family counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Family {
    pub(super) pictures: Pictures,
    /// The text of a page, in addition to its picture.
    pub(super) page_text: u64,
    /// False if a page is not also read as a picture.
    pub(super) page_picture: bool,
    /// A frame of a video. One frame per second is read.
    pub(super) frame: u64,
}

/// Tokens of one second of audio.
pub(super) const SECOND: u64 = 32;
/// The most text on a page (platform.claude.com, PDF support: 1,500 to 3,000).
const PAGE_TEXT: u64 = 3_000;

impl Family {
    /// The family of a model by its name, at any provider.
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        if name.starts_with("gemini") {
            return Self::gemini(generation(name));
        }
        let pictures = if name.starts_with("claude") {
            claude(generation(name))
        } else if model.starts_with("openai/") {
            openai(name)
        } else if model.starts_with("x-ai/") {
            // docs.x.ai, consumption and rate limits: 256 to 1,792.
            Pictures::Each(1_792)
        } else if model.starts_with("qwen/") {
            // Alibaba's reference of Qwen-VL: at least 65,536 points.
            Pictures::Patches { side: 32, edge: u32::MAX, least: 64, most: 16_384, factor: 100 }
        } else {
            // No source is known, so this is the most expensive of those that scale.
            claude((5, 0))
        };
        Self { pictures, page_text: PAGE_TEXT, page_picture: true, frame: 0 }
    }

    fn gemini(generation: (u32, u32)) -> Self {
        if generation < (3, 0) {
            return Self { pictures: Pictures::Tiles, page_text: 258, page_picture: false, frame: 258 };
        }
        Self { pictures: Pictures::Each(1_120), page_text: 560, page_picture: false, frame: 280 }
    }
}

fn claude(generation: (u32, u32)) -> Pictures {
    let (edge, most) = if generation < (4, 7) { (1_568, 1_568) } else { (2_576, 4_784) };
    Pictures::Patches { side: 28, edge, least: 1, most, factor: 100 }
}

fn openai(name: &str) -> Pictures {
    let (edge, most) = match generation(name) {
        newest if newest >= (5, 6) => (u32::MAX, 30_000),
        (5, 5) => (6_000, 10_000),
        (5, 4) if !name.contains("mini") => (6_000, 10_000),
        _ => (2_048, 1_536),
    };
    let factor = if name.contains("nano") {
        246
    } else if name.contains("mini") {
        162
    } else {
        100
    };
    Pictures::Patches { side: 32, edge, least: 1, most, factor }
}

/// The first two numbers of a name. Longer numbers are dates.
pub(super) fn generation(name: &str) -> (u32, u32) {
    let name = name.split(['@', ':']).next().unwrap_or(name);
    let digits = name.split(|letter: char| !letter.is_ascii_digit()).filter(|part| matches!(part.len(), 1 | 2));
    let mut numbers = digits.filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
