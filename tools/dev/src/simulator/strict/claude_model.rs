//! What the generations of Claude accept.

/// A model as the path names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model<'a> {
    pub(super) name: &'a str,
    generation: (u32, u32),
}

impl<'a> Model<'a> {
    pub(super) fn named(name: &'a str) -> Self {
        let name = name.split('@').next().unwrap_or(name);
        // Longer numbers are dates.
        let mut numbers = name.split('-').filter(|part| part.len() <= 2).filter_map(|part| part.parse().ok());
        let generation = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        Self { name, generation }
    }

    pub(super) fn takes_sampling(self) -> bool {
        self.generation < (4, 7)
    }

    /// Whether default values are accepted although others are not (platform.claude.com, what's new in 4.7).
    pub(super) fn takes_default_sampling(self) -> bool {
        (4, 7) <= self.generation && self.generation < (5, 0)
    }

    pub(super) fn takes_temperature_with_top_p(self) -> bool {
        self.generation < (4, 1)
    }

    pub(super) fn thinks_by_budget(self) -> bool {
        self.generation < (4, 7)
    }

    pub(super) fn thinks_adaptively(self) -> bool {
        self.generation >= (4, 6)
    }

    /// Whether it reasons by default.
    pub(super) fn thinks_by_default(self) -> bool {
        self.generation >= (5, 0)
    }

    /// False if it rejects `disabled`.
    pub(super) fn can_stop_thinking(self) -> bool {
        !(self.is_of("sonnet", (5, 5)) || self.is_of("opus", (5, 5)))
    }

    pub(super) fn thinks_between_tools(self) -> bool {
        self.is_of("sonnet", (5, 5))
    }

    /// Whether returned reasoning is bound to the messages before it, and the request may say what to do if those changed
    /// (pydantic-ai's profiles, 2.68.0).
    pub(super) fn binds_thoughts(self) -> bool {
        self.generation >= (5, 5) || self.is_of("fable", (5, 1))
    }

    /// Whether the highest effort requires reasoning.
    pub(super) fn ties_effort_to_thinking(self) -> bool {
        self.is_of("opus", (5, 0)) || self.is_of("haiku", (5, 5))
    }

    /// False if calls cannot be forced.
    pub(super) fn takes_forced_choice(self) -> bool {
        !(self.is_of("sonnet", (5, 5)) || self.is_of("opus", (5, 5)) || self.is_of("fable", (5, 1)))
    }

    /// Whether messages may have the role `system`. Sonnet 5 ignores such messages, but accepts them (pydantic-ai's
    /// profiles, 2.68.0).
    pub(super) fn takes_system_turns(self) -> bool {
        self.generation >= (5, 0) || self.is_of("opus", (4, 8))
    }

    /// Whether it is of this family, and of this generation or a later one.
    fn is_of(self, family: &str, generation: (u32, u32)) -> bool {
        self.name.contains(family) && self.generation >= generation
    }

    pub(super) fn takes_prefill(self) -> bool {
        self.generation < (4, 6)
    }

    pub(super) fn has_structured_output(self) -> bool {
        self.generation >= (4, 6)
    }

    /// False for versions of a provider's tool that belong to other models (platform.claude.com, computer use and text editor
    /// tools, `'claude-sonnet-4-5-20250929' does not support tool types: text_editor_20250429`;
    /// anthropics/anthropic-sdk-typescript#914).
    pub(super) fn takes_tool(self, kind: &str) -> bool {
        let takes_the_first = self.generation <= (4, 5) && !self.name.contains("opus");
        match kind {
            "bash_20241022"
            | "computer_20241022"
            | "text_editor_20241022"
            | "text_editor_20250124"
            | "text_editor_20250429" => false,
            "computer_20250124" => takes_the_first,
            "computer_20251124" => !takes_the_first,
            _ => true,
        }
    }

    /// The effort levels, in the order in which errors list them.
    pub(super) fn efforts(self) -> &'static [&'static str] {
        match self.generation {
            (4, 5) if self.name.contains("opus") => &["high", "low", "medium"],
            (4, 6) => &["high", "low", "max", "medium"],
            newer if newer > (4, 6) => &["high", "low", "max", "medium", "xhigh"],
            _ => &[],
        }
    }

    pub(super) fn max_tokens(self) -> u64 {
        match self.generation {
            newer if newer >= (4, 6) => 128_000,
            (4, 0 | 1) if self.name.contains("opus") => 32_000,
            _ => 64_000,
        }
    }
}
