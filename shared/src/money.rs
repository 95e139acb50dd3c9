//! Money as an integer number of pico-dollars. One micro-dollar per million tokens equals one pico-dollar per token, so
//! prices are integers, and every cost is an exact sum. There is no floating point.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Pico-dollars in one dollar.
const PICO_PER_USD: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount of money in pico-dollars (10^-12 USD), never negative. `Display` and JSON show it as an exact decimal number of
/// dollars.
///
/// ```
/// use gateway::money::{PicoUsd, PicoUsdPerToken};
///
/// let price = PicoUsdPerToken::parse_usd_per_million("1.75").ok_or("no price")?;
/// let cost = price.cost_of(1_000_003);
/// assert_eq!(cost.to_string(), "1.75000525");
/// assert_eq!(cost, PicoUsd::parse_usd("1.75000525").ok_or("no amount")?);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PicoUsd(u128);

impl PicoUsd {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// This many pico-dollars.
    pub const fn new(pico: u128) -> Self {
        Self(pico)
    }

    /// The number of pico-dollars.
    pub const fn pico(self) -> u128 {
        self.0
    }

    /// The amount with a markup in thousandths, rounded up.
    #[must_use]
    pub const fn with_markup(self, permille: u32) -> Self {
        Self(self.0.saturating_mul(1_000 + permille as u128).div_ceil(1_000))
    }

    /// Parses a decimal number of dollars as in JSON (`0.00014`, `1.4e-4`). Half a pico-dollar is rounded up. Returns `None`
    /// for negative amounts, for text that is not a number, and for amounts above 10^24 dollars.
    pub fn parse_usd(text: &str) -> Option<Self> {
        read_usd(text, Below::HalfUp).map(Self)
    }
}

/// How a fraction of a pico-dollar is rounded.
#[derive(Clone, Copy)]
enum Below {
    /// Half and more is rounded up.
    HalfUp,
    /// Any fraction is rounded up.
    Up,
}

/// The pico-dollars in a decimal number of dollars.
fn read_usd(text: &str, below: Below) -> Option<u128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || fraction.len() > 60 || whole.len() > 60 {
        return None;
    }
    let digits = [whole.as_bytes(), fraction.as_bytes()].concat();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let shift = exponent.checked_add(i32::try_from(DECIMALS).ok()?)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    scale(&digits, shift, below)
}

/// The integer `digits * 10^shift`, rounded.
fn scale(digits: &[u8], shift: i32, below: Below) -> Option<u128> {
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u128, |sum, digit| sum.checked_mul(10)?.checked_add(u128::from(digit.wrapping_sub(b'0'))))
    };
    let places = usize::try_from(shift.unsigned_abs()).ok()?;
    if shift >= 0 {
        let factor = 10_u128.checked_pow(shift.unsigned_abs());
        return match number(digits)? {
            0 => Some(0),
            value => value.checked_mul(factor?),
        };
    }
    // A number whose digits are all dropped begins with zeros that are not written.
    let (kept, dropped) = digits.split_at_checked(digits.len().saturating_sub(places))?;
    let rounds_up = match below {
        Below::HalfUp => places <= digits.len() && dropped.first().is_some_and(|digit| *digit >= b'5'),
        Below::Up => dropped.iter().any(|digit| *digit != b'0'),
    };
    number(kept)?.checked_add(u128::from(rounds_up))
}

impl Add for PicoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for PicoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0 / PICO_PER_USD;
        let fraction = format!("{:012}", self.0 % PICO_PER_USD);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{fraction}") }
    }
}

impl Serialize for PicoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        exact_number(self.to_string(), serializer)
    }
}

/// A JSON number with exactly these digits.
fn exact_number<S: Serializer>(digits: String, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(digits).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

/// An amount in pico-dollars that may be negative, such as a balance or a correction. Shown like [`PicoUsd`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedPicoUsd(i128);

impl SignedPicoUsd {
    /// This many pico-dollars.
    pub const fn new(pico: i128) -> Self {
        Self(pico)
    }

    /// The number of pico-dollars.
    pub const fn pico(self) -> i128 {
        self.0
    }
}

impl From<PicoUsd> for SignedPicoUsd {
    fn from(amount: PicoUsd) -> Self {
        Self(i128::try_from(amount.0).unwrap_or(i128::MAX))
    }
}

impl Sum for SignedPicoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), |sum, amount| Self(sum.0.saturating_add(amount.0)))
    }
}

impl fmt::Display for SignedPicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.0 < 0 { "-" } else { "" }, PicoUsd(self.0.unsigned_abs()))
    }
}

impl Serialize for SignedPicoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        exact_number(self.to_string(), serializer)
    }
}

/// A price in pico-dollars per token, which is the same number as micro-dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PicoUsdPerToken(u64);

impl PicoUsdPerToken {
    /// The number of pico-dollars.
    pub const fn pico(self) -> u64 {
        self.0
    }

    /// Parses a price of a price list: dollars per million tokens, at most six decimals.
    pub fn parse_usd_per_million(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() || fraction.len() > 6 {
            return None;
        }
        let digits = format!("{whole}{fraction:0<6}");
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok().map(Self)
    }

    /// Parses a price in dollars per token, as in OpenRouter's list (`0.00000175`, `1.75e-6`). A fraction of a pico-dollar
    /// is rounded up. Returns `None` for anything else, and for prices of 2^64 pico-dollars and more.
    pub fn parse_usd_per_token(text: &str) -> Option<Self> {
        u64::try_from(read_usd(text, Below::Up)?).ok().map(Self)
    }

    /// The price with a markup in thousandths, rounded up.
    #[must_use]
    pub const fn with_surcharge(self, permille: u32) -> Self {
        // Prices of price lists are far below the 2^53 that would overflow here.
        Self(self.0.saturating_mul(1_000 + permille as u64).div_ceil(1_000))
    }

    /// The cost of this many tokens.
    pub fn cost_of(self, tokens: u64) -> PicoUsd {
        // Two 64-bit factors fit into 128 bits.
        PicoUsd(u128::from(self.0) * u128::from(tokens))
    }

    /// The price of a million tokens, for price lists.
    pub fn per_million(self) -> PicoUsd {
        self.cost_of(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly_and_rounded_half_up_below_a_pico_dollar() {
        for (text, pico) in [
            ("0", Some(0)),
            ("1", Some(1_000_000_000_000)),
            ("0.00014", Some(140_000_000)),
            ("1.4e-4", Some(140_000_000)),
            ("1.4E+2", Some(140_000_000_000_000)),
            ("0.0000000000005", Some(1)),
            ("0.0000000000004999", Some(0)),
            ("1e-30", Some(0)),
            ("0e400", Some(0)),
            ("-1", None),
            ("1e400", None),
            ("abc", None),
            ("", None),
            (".5", None),
            ("1.x", None),
        ] {
            assert_eq!(PicoUsd::parse_usd(text).map(PicoUsd::pico), pico, "{text}");
        }
    }

    #[test]
    fn a_price_per_token_is_read_exactly_and_rounded_up_below_a_pico_dollar() {
        for (text, pico) in [
            ("0.00000175", Some(1_750_000)),
            ("1.75e-6", Some(1_750_000)),
            ("0.0000000000001", Some(1)),
            ("0.0000000000010", Some(1)),
            ("0.0000000000011", Some(2)),
            ("1e-30", Some(1)),
            ("0", Some(0)),
            ("0.0000000000000", Some(0)),
            ("-1", None),
            ("", None),
            ("20000000", None),
        ] {
            assert_eq!(PicoUsdPerToken::parse_usd_per_token(text).map(PicoUsdPerToken::pico), pico, "{text}");
        }
    }

    #[test]
    fn amounts_print_as_exact_dollars() {
        for (pico, text) in [(0, "0"), (1, "0.000000000001"), (1_230_000_000_000, "1.23"), (2_000_000_000_000, "2")] {
            assert_eq!(PicoUsd::new(pico).to_string(), text);
            assert_eq!(serde_json::to_string(&PicoUsd::new(pico)).ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn amounts_below_zero_print_their_sign() {
        for (pico, text) in [(-1, "-0.000000000001"), (-1_500_000_000_000, "-1.5"), (0, "0"), (3, "0.000000000003")] {
            assert_eq!(SignedPicoUsd::new(pico).to_string(), text);
            assert_eq!(serde_json::to_string(&SignedPicoUsd::new(pico)).ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn a_price_per_million_is_pico_dollars_per_token() {
        let price = PicoUsdPerToken::parse_usd_per_million("0.0375");
        assert_eq!(price.map(|price| price.cost_of(2).pico()), Some(75_000));
        assert_eq!(price.map(|price| price.per_million().to_string()).as_deref(), Some("0.0375"));
        assert_eq!(PicoUsdPerToken::parse_usd_per_million("0.0000001"), None);
        assert_eq!(PicoUsdPerToken::parse_usd_per_million("-1"), None);
        assert_eq!(PicoUsdPerToken::parse_usd_per_million("1.2.3"), None);
    }
}
