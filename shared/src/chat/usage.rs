//! Token usage, counted once for all formats.

use super::request::CacheLifetime;
use crate::money::PicoUsd;

/// Token counts by price class. The classes do not overlap: `input` excludes everything read from or written to a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to a cache.
    pub input: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache for five minutes.
    pub cache_write_5m: u64,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: u64,
    /// Audio tokens within `input`.
    pub audio: u64,
    /// Audio tokens within `cache_read`.
    pub audio_cache_read: u64,
    /// All generated tokens, reasoning included.
    pub output: u64,
    /// Reasoning tokens within `output`.
    pub reasoning: u64,
    /// The cost that the provider reports, if it does.
    pub provider_cost: Option<PicoUsd>,
}

impl Usage {
    /// All prompt tokens, cached or not.
    pub fn total_input(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write())
    }

    /// Prompt tokens written to any cache.
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// Returns the counts with all cache writes under this lifetime, for providers that do not report the lifetime.
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
