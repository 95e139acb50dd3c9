//! A request in no vendor's words.

pub use super::answer::{ResponseFormat, Verbosity};

/// JSON that is carried as text: tool arguments and schemas, whose key order and number spelling must survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(pub String);

/// Where something stands in the client's request, so that what is left out can be named there; nowhere for what the gateway adds.
/// Conversations are compared without it.
#[derive(Clone, Copy, Debug, Default, Eq)]
pub struct Place(Option<usize>);

impl Place {
    /// Of what the client did not write.
    pub const NOWHERE: Self = Self(None);

    /// The place of what begins at that offset of the request.
    pub const fn at(offset: usize) -> Self {
        Self(Some(offset))
    }

    /// The offset in the request; `None` for what the client did not write.
    pub const fn offset(self) -> Option<usize> {
        self.0
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Everything a client asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The conversation, system messages included, in the client's order.
    pub messages: Vec<Message>,
    /// Tools that run at the client.
    pub tools: Vec<ToolDefinition>,
    /// Which tools the model may or must call.
    pub tool_choice: ToolChoice,
    /// False: one call at a time.
    pub parallel_tool_calls: Option<bool>,
    /// Most output tokens.
    pub max_tokens: Option<u64>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// How much the model shall think.
    pub reasoning: Reasoning,
    /// What the answer shall look like.
    pub response_format: ResponseFormat,
    /// How much the answer shall say.
    pub verbosity: Option<Verbosity>,
    /// The client's own name of its user.
    pub user: Option<String>,
    /// What the client says that a conversation has no place for.
    pub left_out: Vec<Place>,
}

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<P = Part> {
    /// Whose turn it is. Tool results are the user's.
    pub role: Role,
    /// What it says, in order.
    pub parts: Vec<P>,
}

/// Whose turn a message is.
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
        /// Whether a prompt cache may end here.
        cache: Option<CacheMark>,
    },
    /// A picture.
    Image {
        /// Where it is.
        source: Source,
        /// Whether a prompt cache may end here.
        cache: Option<CacheMark>,
        /// Where the client has it.
        place: Place,
    },
    /// A PDF or text document.
    Document {
        /// Where it is.
        source: Source,
        /// Its title or file name.
        title: Option<String>,
        /// Whether a prompt cache may end here.
        cache: Option<CacheMark>,
        /// Where the client has it.
        place: Place,
    },
    /// Sound, always inline.
    Audio {
        /// `wav` or `mp3`.
        format: String,
        /// Base64.
        data: String,
        /// Where the client has it.
        place: Place,
    },
    /// The model's thoughts.
    Reasoning {
        /// In words; may be empty.
        text: String,
        /// What its provider signed it with.
        signature: Option<Signature>,
        /// Where the client has it.
        place: Place,
    },
    /// Thoughts that only their provider can read.
    RedactedReasoning {
        /// The provider's opaque bytes.
        data: Signature,
        /// Where the client has it.
        place: Place,
    },
    /// A call of a tool.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
}

/// Where a picture or document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the request.
    Inline {
        /// Its media type, checked against the first bytes where they tell.
        media_type: String,
        /// Base64 without line breaks.
        data: String,
    },
    /// On the web. The gateway itself never fetches it.
    Url(String),
    /// Plain text.
    Text(String),
}

/// A mark up to which a provider may cache the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheMark {
    /// For how long.
    pub lifetime: CacheLifetime,
    /// Where the client has it.
    pub place: Place,
}

/// How long a prompt cache lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheLifetime {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    OneHour,
}

/// Whose signature it is. A provider refuses another one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Claude.
    Anthropic,
    /// Gemini.
    Gemini,
    /// OpenRouter's reasoning details, whatever model is behind it.
    OpenRouter,
}

/// A provider's opaque signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who can read it.
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
    /// What its provider signed it with.
    pub signature: Option<Signature>,
    /// Where the client has it.
    pub place: Place,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// Texts, pictures and documents.
    pub content: Vec<Part>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// Whether a prompt cache may end here.
    pub cache: Option<CacheMark>,
    /// Where the client has it.
    pub place: Place,
}

/// A tool that runs at the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub schema: Option<JsonText>,
    /// Where the client says that arguments must follow the schema exactly, if it does.
    pub strict: Option<Place>,
    /// Whether a prompt cache may end here.
    pub cache: Option<CacheMark>,
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
    /// Some of these; one of them for certain when `required`.
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

    /// The tools that it names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Auto | Self::None | Self::Required => &[],
            Self::Named(name) => std::slice::from_ref(name),
            Self::Allowed { names, .. } => names,
        }
    }
}

/// How tokens are drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// At least 1.
    pub top_k: Option<u64>,
    /// For repeatable draws.
    pub seed: Option<i64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
}

/// How much the model shall think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// How much.
    pub amount: Amount,
    /// Whether the client can and wants to read the thoughts.
    pub visible: bool,
}

/// How much thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Amount {
    /// As the model does by itself.
    #[default]
    Default,
    /// None.
    Off,
    /// By a word.
    Effort(Effort),
    /// As the model does by itself, which tries so hard (Anthropic's `output_config.effort` without `thinking`): the word turns nothing
    /// on.
    EffortAlone(Effort),
    /// At most that many tokens.
    Budget(u64),
    /// As the model sees fit, guided by a word if one is given (Anthropic's `adaptive`).
    Adaptive(Option<Effort>),
}

/// How hard to think, in the order of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// A lot.
    High,
    /// Very much.
    XHigh,
    /// As much as there is.
    Max,
}

impl Effort {
    /// The word for it, the same in all formats.
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

    /// The effort of a word.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];
        all.into_iter().find(|effort| effort.as_str() == word)
    }
}
