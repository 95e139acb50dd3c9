//! Prices of tokens: by class, prompt length, day and region.

use std::fmt;

use jiff::civil::Date;

use crate::money::PicoUsdPerToken;

/// Prices per token of one price tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Uncached prompt tokens.
    pub input: PicoUsdPerToken,
    /// Generated tokens, reasoning included.
    pub output: PicoUsdPerToken,
    /// Prompt tokens read from a cache.
    pub cache_read: PicoUsdPerToken,
    /// Prompt tokens written to a cache for five minutes.
    pub cache_write_5m: PicoUsdPerToken,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: PicoUsdPerToken,
    /// Uncached audio prompt tokens.
    pub audio: PicoUsdPerToken,
    /// Cached audio prompt tokens.
    pub audio_cache_read: PicoUsdPerToken,
}

impl Price {
    fn map(self, change: impl Fn(PicoUsdPerToken) -> PicoUsdPerToken) -> Self {
        let Self { input, output, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read } = self;
        Self {
            input: change(input),
            output: change(output),
            cache_read: change(cache_read),
            cache_write_5m: change(cache_write_5m),
            cache_write_1h: change(cache_write_1h),
            audio: change(audio),
            audio_cache_read: change(audio_cache_read),
        }
    }

    /// The higher of two prices of each class.
    #[must_use]
    pub fn dearest(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write_5m: self.cache_write_5m.max(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            audio: self.audio.max(other.audio),
            audio_cache_read: self.audio_cache_read.max(other.audio_cache_read),
        }
    }
}

/// The prices of requests whose prompt is longer than `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongContext {
    /// The longest prompt in tokens at the normal price.
    pub above: u64,
    /// The price of longer prompts, for all their tokens.
    pub price: Price,
}

/// Everything that determines the cost of a usage on one route on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// The prices of tokens.
    pub price: Price,
    /// The prices of long prompts, if they differ.
    pub long_context: Option<LongContext>,
    /// The first day of these prices (UTC); `None` if they apply until later ones begin.
    pub from: Option<Date>,
    /// The regional surcharge in thousandths; it is included in the prices.
    pub surcharge_permille: u32,
    /// Whether the prices move. Then the provider's reported cost is charged, and these prices are only held.
    pub moves: bool,
}

impl Tariff {
    /// The prices for a prompt of this many tokens.
    pub fn of_prompt(&self, tokens: u64) -> Price {
        self.long_context.filter(|tier| tokens > tier.above).map_or(self.price, |tier| tier.price)
    }

    /// The prices with a surcharge in thousandths, rounded up.
    #[must_use]
    pub fn with_surcharge(self, permille: u32) -> Self {
        let raise = |price: PicoUsdPerToken| price.with_surcharge(permille);
        let long_context = self.long_context.map(|tier| LongContext { price: tier.price.map(raise), ..tier });
        Self { price: self.price.map(raise), long_context, surcharge_permille: permille, ..self }
    }

    /// The name of these prices in records: the version of the catalogue, and which of its prices.
    pub fn label(&self, version: &str) -> PriceLabel {
        PriceLabel { version: version.to_owned(), from: self.from, surcharge_permille: self.surcharge_permille }
    }
}

/// The prices by which a request was charged: `2026-11-26`, `2026-11-26;from=2026-12-01`, `2026-11-26;surcharge=100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceLabel {
    /// The catalogue's version.
    pub version: String,
    /// The first day of the prices, if the catalogue has others for other days.
    pub from: Option<Date>,
    /// The regional surcharge in thousandths.
    pub surcharge_permille: u32,
}

impl PriceLabel {
    /// Parses a label as [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let mut label = Self { version: parts.next()?.to_owned(), from: None, surcharge_permille: 0 };
        for part in parts {
            match part.split_once('=')? {
                ("from", day) => label.from = Some(day.parse().ok()?),
                ("surcharge", permille) => label.surcharge_permille = permille.parse().ok()?,
                _ => return None,
            }
        }
        Some(label)
    }
}

impl fmt::Display for PriceLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.version)?;
        if let Some(from) = self.from {
            write!(f, ";from={from}")?;
        }
        if self.surcharge_permille > 0 {
            write!(f, ";surcharge={}", self.surcharge_permille)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> PicoUsdPerToken {
        PicoUsdPerToken::parse_usd_per_million(text).unwrap()
    }

    fn tariff() -> Tariff {
        let price = Price {
            input: price("0.50"),
            output: price("3"),
            cache_read: price("0.05"),
            cache_write_5m: price("0.50"),
            cache_write_1h: price("0.50"),
            audio: price("1"),
            audio_cache_read: price("0.10"),
        };
        Tariff { price, long_context: None, from: None, surcharge_permille: 0, moves: false }
    }

    #[test]
    fn a_region_adds_its_share_to_every_price_rounded_up() {
        let regional = tariff().with_surcharge(100);
        assert_eq!((regional.price.input.pico(), regional.price.cache_read.pico()), (550_000, 55_000));
        let odd = Tariff { price: Price { input: price("0.000001"), ..tariff().price }, ..tariff() };
        assert_eq!(odd.with_surcharge(100).price.input.pico(), 2);
    }

    #[test]
    fn a_label_says_which_prices_and_is_read_back() {
        for (from, surcharge_permille, text) in [
            (None, 0, "2026-11-26"),
            (Some("2026-12-01"), 0, "2026-11-26;from=2026-12-01"),
            (Some("2026-12-01"), 100, "2026-11-26;from=2026-12-01;surcharge=100"),
        ] {
            let label =
                Tariff { from: from.map(|day| day.parse().unwrap()), surcharge_permille, ..tariff() }.label("2026-11-26");
            assert_eq!(label.to_string(), text);
            assert_eq!(PriceLabel::parse(text), Some(label));
        }
        assert_eq!(PriceLabel::parse("2026-11-26;half=1"), None);
    }
}
