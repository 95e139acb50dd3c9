//! What a route can carry: plain values, data of the catalogue.

/// How a model can be told to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thinking {
    /// It cannot.
    #[default]
    None,
    /// Claude up to 4.5: `enabled` with a token budget.
    Budget,
    /// Claude 4.6: `adaptive` with an effort; a budget still works.
    Adaptive,
    /// Claude 4.7 and newer: `adaptive` only.
    AdaptiveOnly,
    /// Gemini 2.5: `thinkingBudget`.
    GeminiBudget,
    /// Gemini 3 and newer: `thinkingLevel`.
    GeminiLevel,
    /// By OpenAI's effort words.
    Effort,
}

/// Which sampling fields a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplingSupport {
    /// All of its wire's.
    #[default]
    All,
    /// `temperature` or `top_p`, not both (Claude since 4.1).
    One,
    /// `temperature` and `top_p` with the effort `none`, nothing otherwise (OpenAI's from GPT-5.1 on).
    WithoutThinking,
    /// `temperature` and `top_p`.
    Draws,
    /// None (Claude 4.7 and newer, OpenAI's reasoning models).
    Nothing,
}

/// A field of sampling that models may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplingField {
    /// `temperature`.
    Temperature,
    /// `top_p`.
    TopP,
    /// `top_k`.
    TopK,
}

impl SamplingField {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Temperature, Self::TopP, Self::TopK];

    /// The name in Chat Completions and Messages requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
        }
    }
}

impl SamplingSupport {
    /// Which of the fields that a request sets the model refuses.
    pub fn refused(self, asked: &[SamplingField]) -> Vec<SamplingField> {
        let has = |field: SamplingField| asked.contains(&field);
        match self {
            Self::One if has(SamplingField::Temperature) && has(SamplingField::TopP) => vec![SamplingField::TopP],
            Self::All | Self::One => Vec::new(),
            Self::Draws => asked.iter().copied().filter(|field| *field == SamplingField::TopK).collect(),
            Self::WithoutThinking | Self::Nothing => asked.to_vec(),
        }
    }
}

/// What a model can do on its own vendor's wire.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, written as such in the catalogue's data")]
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// How it can be told to think.
    pub thinking: Thinking,
    /// The effort words that it takes besides `low`, `medium` and `high`; empty when it takes none at all.
    pub efforts: Vec<String>,
    /// Smallest and largest thinking budget in tokens, where budgets work.
    pub budget: Option<(u64, u64)>,
    /// Which sampling fields it takes.
    pub sampling: SamplingSupport,
    /// Whether it goes on from a trailing assistant message.
    pub prefill: bool,
    /// Whether its wire can hold it to a JSON schema.
    pub structured_output: bool,
    /// Whether JSON output and tools go together.
    pub json_with_tools: bool,
    /// Whether a tool result can hold pictures.
    pub images_in_results: bool,
    /// Whether a Gemini model takes frequency and presence penalties.
    pub penalties: bool,
    /// Whether it takes back thoughts that nobody signed: models of a vendor that signs nothing want their own again.
    pub unsigned_reasoning: bool,
    /// The smallest output limit that it takes; 0 for any.
    pub min_output_tokens: u64,
}
