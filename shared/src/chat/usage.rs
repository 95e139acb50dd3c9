//! What a request consumed, counted once for all formats.

use super::request::CacheLifetime;
use crate::money::PicoUsd;

/// Token counts by price class. The classes do not overlap: `input` excludes everything read from or written to a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens that came from no cache and went to none.
    pub input: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache for five minutes.
    pub cache_write_5m: u64,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: u64,
    /// How much of `input` was sound.
    pub audio: u64,
    /// How much of `cache_read` was sound.
    pub audio_cache_read: u64,
    /// Everything generated, reasoning included.
    pub output: u64,
    /// How much of `output` was reasoning.
    pub reasoning: u64,
    /// What the provider says the request cost, when it says so.
    pub provider_cost: Option<PicoUsd>,
}

impl Usage {
    /// The whole prompt, cached or not.
    pub fn total_input(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write())
    }

    /// Prompt tokens written to any cache.
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// The same counts where what was written to a cache was written for so long, and the provider does not say.
    #[must_use]
    pub fn written_for(self, lifetime: CacheLifetime) -> Self {
        match lifetime {
            CacheLifetime::FiveMinutes => self,
            CacheLifetime::OneHour => Self { cache_write_5m: 0, cache_write_1h: self.cache_write(), ..self },
        }
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.total_input() == 0 && self.output == 0
    }
}
