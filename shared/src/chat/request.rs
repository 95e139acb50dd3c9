//! A request, independent of any vendor.

pub use super::answer::{ResponseFormat, Verbosity};

/// JSON that is kept as text: tool arguments and schemas, whose key order and number format must stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(pub String);

/// A position in the client's request, so that dropped content can be named. Content that the gateway adds has none.
/// Conversations are compared without positions.
#[derive(Clone, Copy, Debug, Default, Eq)]
pub struct Place(Option<usize>);

impl Place {
    /// The position of content that the client did not write.
    pub const NOWHERE: Self = Self(None);

    /// The position of a value that begins at this offset of the request.
    pub const fn at(offset: usize) -> Self {
        Self(Some(offset))
    }

    /// The offset in the request; `None` for content that the client did not write.
    pub const fn offset(self) -> Option<usize> {
        self.0
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A request in the canonical form: what all formats can express of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The conversation, system messages included, in the client's order.
    pub messages: Vec<Message>,
    /// Tools that run at the client.
    pub tools: Vec<ToolDefinition>,
    /// Which tools the model may or must call.
    pub tool_choice: ToolChoice,
    /// Whether calls may be parallel.
    pub parallel_tool_calls: Option<bool>,
    /// Maximum output tokens.
    pub max_tokens: Option<u64>,
    /// Sampling settings.
    pub sampling: Sampling,
    /// Reasoning settings.
    pub reasoning: Reasoning,
    /// The response format.
    pub response_format: ResponseFormat,
    /// The verbosity.
    pub verbosity: Option<Verbosity>,
    /// The client's user id.
    pub user: Option<String>,
    /// Positions of content that the conversation cannot hold.
    pub left_out: Vec<Place>,
}

/// A message of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<P = Part> {
    /// The role. Tool results belong to the user.
    pub role: Role,
    /// Its content, in order.
    pub parts: Vec<P>,
}

/// The role of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions.
    System,
    /// The client's side.
    User,
    /// The model's side.
    Assistant,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Set if a prompt cache may end here.
        cache: Option<CacheMark>,
    },
    /// An image.
    Image {
        /// Its source.
        source: Source,
        /// Set if a prompt cache may end here.
        cache: Option<CacheMark>,
        /// Its position in the client's request.
        place: Place,
    },
    /// A PDF or text document.
    Document {
        /// Its source.
        source: Source,
        /// Its title or file name.
        title: Option<String>,
        /// Set if a prompt cache may end here.
        cache: Option<CacheMark>,
        /// Its position in the client's request.
        place: Place,
    },
    /// Audio, always inline.
    Audio {
        /// `wav` or `mp3`.
        format: String,
        /// Base64.
        data: String,
        /// Its position in the client's request.
        place: Place,
    },
    /// The model's reasoning.
    Reasoning {
        /// The text; may be empty.
        text: String,
        /// The provider's signature.
        signature: Option<Signature>,
        /// Its position in the client's request.
        place: Place,
    },
    /// Reasoning that only its provider can read.
    RedactedReasoning {
        /// The provider's opaque bytes.
        data: Signature,
        /// Its position in the client's request.
        place: Place,
    },
    /// A call of a tool.
    ToolCall(ToolCall),
    /// A tool's result.
    ToolResult(ToolResult),
}

/// The source of an image or document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the request.
    Inline {
        /// Its media type, corrected by the first bytes if they are known.
        media_type: String,
        /// Base64 without line breaks.
        data: String,
    },
    /// A URL. The gateway never fetches it.
    Url(String),
    /// Plain text.
    Text(String),
}

/// Marks the end of a part of the prompt that a provider may cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheMark {
    /// Its lifetime.
    pub lifetime: CacheLifetime,
    /// Its position in the client's request.
    pub place: Place,
}

/// The lifetime of a prompt cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheLifetime {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    OneHour,
}

/// The owner of a signature. Other providers reject it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Claude.
    Anthropic,
    /// Gemini.
    Gemini,
    /// OpenRouter's reasoning details, for any model behind it.
    OpenRouter,
}

/// A provider's opaque signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The format whose provider made the signature. Other providers reject it.
    pub origin: Origin,
    /// Byte for byte as the provider wrote it.
    pub value: String,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: one JSON object.
    pub arguments: JsonText,
    /// The provider's signature.
    pub signature: Option<Signature>,
    /// Its position in the client's request.
    pub place: Place,
}

/// A tool's result.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// Texts, images and documents.
    pub content: Vec<Part>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// Set if a prompt cache may end here.
    pub cache: Option<CacheMark>,
    /// Its position in the client's request.
    pub place: Place,
}

/// A tool that runs at the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolDefinition {
    /// The tool's name as the client wrote it.
    pub name: String,
    /// What the tool does, for the model.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub schema: Option<JsonText>,
    /// The position of the client's `strict` flag, if it is set: arguments must follow the schema exactly.
    pub strict: Option<Place>,
    /// Set if a prompt cache may end here.
    pub cache: Option<CacheMark>,
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model must call no tool.
    None,
    /// The model must call at least one tool.
    Required,
    /// The model must call this tool.
    Named(String),
    /// Some of these tools; at least one if `required`.
    Allowed {
        /// The tools' names.
        names: Vec<String>,
        /// Whether one must be called.
        required: bool,
    },
}

impl ToolChoice {
    /// Whether the model must call a tool.
    pub const fn is_forced(&self) -> bool {
        match self {
            Self::Required | Self::Named(_) | Self::Allowed { required: true, .. } => true,
            Self::Auto | Self::None | Self::Allowed { required: false, .. } => false,
        }
    }

    /// The named tools.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Auto | Self::None | Self::Required => &[],
            Self::Named(name) => std::slice::from_ref(name),
            Self::Allowed { names, .. } => names,
        }
    }
}

/// Sampling settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// How random the sampling is: 0 to 2, where 0 always takes the most probable token.
    pub temperature: Option<f64>,
    /// The share of probability from which tokens are sampled: 0 to 1.
    pub top_p: Option<f64>,
    /// The number of most probable tokens from which one is sampled: at least 1.
    pub top_k: Option<u64>,
    /// The start value of the random numbers, for reproducible sampling.
    pub seed: Option<i64>,
    /// How much each earlier occurrence makes a token less probable: -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// How much a token that occurred becomes less probable: -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Texts at which the model stops.
    pub stop: Vec<String>,
}

/// Reasoning settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// The amount of reasoning, as the client asked for it.
    pub amount: Amount,
    /// Whether the client can and wants to read the reasoning.
    pub visible: bool,
}

/// How much the model reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Amount {
    /// The model's default.
    #[default]
    Default,
    /// No reasoning.
    Off,
    /// Reasoning with this effort.
    Effort(Effort),
    /// The model's default, with this effort (Anthropic's `output_config.effort` without `thinking`): it does not switch
    /// reasoning on.
    EffortAlone(Effort),
    /// At most this many tokens.
    Budget(u64),
    /// As the model decides, guided by an effort if given (Anthropic's `adaptive`).
    Adaptive(Option<Effort>),
}

/// How hard to reason, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// `minimal`: almost no reasoning.
    Minimal,
    /// `low`: less than the usual amount.
    Low,
    /// `medium`: the usual amount.
    Medium,
    /// `high`: more than the usual amount.
    High,
    /// `xhigh`: much more than the usual amount.
    XHigh,
    /// `max`: the most that the model supports.
    Max,
}

impl Effort {
    /// The word for it, which is the same in all formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Parses an effort.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];
        all.into_iter().find(|effort| effort.as_str() == word)
    }
}
