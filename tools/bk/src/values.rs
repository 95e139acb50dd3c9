//! Parsers of command-line arguments.

use std::time::Duration;

use gateway::admission::Network;
use gateway::catalog::Catalog;
use gateway::ledger::Timestamp;
use gateway::money::PicoUsd;
use gateway::open_catalog::OpenCatalog;
use gateway::store::items::{ANY, OFF};

/// Switches a limit off.
const NONE: &str = "none";
/// Largest grant: more than a billion dollars is a typing error.
const MOST_USD: PicoUsd = PicoUsd::new(10_u128.pow(21));
const DECIMALS: usize = 12;

/// Parses a rate per minute.
pub(crate) fn rate(text: &str) -> Result<u128, String> {
    let rate = if text == NONE { Some(OFF) } else { text.parse().ok().filter(|rate| (1..OFF).contains(rate)) };
    rate.ok_or_else(|| format!("a rate is a whole number from 1, or `{NONE}` for no limit"))
}

/// Parses a key's name.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the name must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Parses the public id of a model, or `*` for all.
pub(crate) fn model(text: &str) -> Result<String, String> {
    if text == ANY {
        return Ok(text.to_owned());
    }
    one_model(text).map_err(|wrong| format!("{wrong}. `{ANY}` means all models"))
}

/// Parses the public id of a model. Accepts names that only the open catalogue can contain.
pub(crate) fn one_model(text: &str) -> Result<String, String> {
    let catalog = Catalog::embedded().map_err(|error| error.to_string())?;
    match catalog.resolve(text) {
        Ok(model) => Ok(model.id.to_string()),
        Err(_) if OpenCatalog::may_have(text) => Ok(text.to_owned()),
        Err(unknown) => {
            let similar = unknown.similar().map(|names| format!("; similar names: {names}"));
            Err(format!("there is no such model{}", similar.unwrap_or_default()))
        }
    }
}

/// Parses a network, or `*` for all.
pub(crate) fn network(text: &str) -> Result<String, String> {
    if text == ANY || Network::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(format!("a network looks like 203.0.113.0/24, 2001:db8::/32 or 203.0.113.7; `{ANY}` means all networks"))
}

/// Parses an expiry, in seconds since the epoch.
pub(crate) fn expiry(text: &str) -> Result<u128, String> {
    if text == NONE || text == "never" {
        return Ok(OFF);
    }
    let now = Timestamp::now();
    let at = match duration(text) {
        Ok(wait) => now.checked_add(wait).ok(),
        Err(_) => text.parse().ok(),
    };
    let at =
        at.ok_or_else(|| "an expiry is a duration like 30d, a time like 2027-01-31T00:00:00Z, or `never`".to_owned())?;
    if at <= now {
        return Err("that time has passed; `bk keys disable` disables a key at once".to_owned());
    }
    u128::try_from(at.as_second()).map_err(|error| error.to_string())
}

/// Parses a duration: `90s`, `15m`, `24h`, `30d`, `2w`, or 0.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)];
    let unit = units.iter().find_map(|(letter, seconds)| Some((text.strip_suffix(*letter)?, *seconds)));
    let (count, seconds) = unit.unwrap_or((text, 0));
    let count: Option<u64> = count.parse().ok().filter(|count| *count == 0 || seconds > 0);
    let total = count.and_then(|count| count.checked_mul(seconds)).filter(|total| *total <= 100 * 366 * 86_400);
    total.map(Duration::from_secs).ok_or_else(|| "a duration looks like 90s, 15m, 24h, 30d or 2w".to_owned())
}

/// Parses an amount of dollars exactly.
pub(crate) fn amount(text: &str) -> Result<PicoUsd, String> {
    if text.starts_with('-') {
        return Err("the amount must not be negative".to_owned());
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let amount = PicoUsd::parse_usd(text).filter(|_| plain && decimals <= DECIMALS && !text.ends_with('.'));
    let amount = amount.ok_or_else(|| format!("an amount is dollars like 25 or 0.50, with at most {DECIMALS} decimals"))?;
    match amount {
        PicoUsd::ZERO => Err("the amount must not be zero".to_owned()),
        amount if amount > MOST_USD => Err(format!("one grant is at most {MOST_USD} dollars")),
        amount => Ok(amount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        for (text, pico) in [
            ("25", Some(25_000_000_000_000)),
            ("0.50", Some(500_000_000_000)),
            ("0.000000000001", Some(1)),
            ("123456789.123456789012", Some(123_456_789_123_456_789_012)),
            ("0.0000000000005", None),
            ("1e3", None),
            ("-1", None),
            ("+1", None),
            ("1,5", None),
            ("1.", None),
            (".5", None),
            ("1.2.3", None),
            ("0", None),
            ("0.0", None),
            ("1000000001", None),
            ("", None),
        ] {
            assert_eq!(amount(text).ok().map(PicoUsd::pico), pico, "{text}");
        }
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, seconds) in
            [("90s", Some(90)), ("24h", Some(86_400)), ("30d", Some(2_592_000)), ("2w", Some(1_209_600)), ("0", Some(0))]
        {
            assert_eq!(duration(text).ok().map(|duration| duration.as_secs()), seconds, "{text}");
        }
        for text in ["5", "", "h", "-1h", "1.5h", "99999999999999999999d", "1000000w"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_from_one_up_or_off() {
        assert_eq!((rate("none"), rate("1")), (Ok(OFF), Ok(1)));
        for text in ["0", "-1", "x", "", "1.5", "1000000000000000000000000000000"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn models_are_stored_by_their_public_id() {
        assert_eq!(model("anthropic/claude-opus-4-6"), Ok("claude-opus-4.6".to_owned()));
        assert_eq!(model("acme/large-1"), Ok("acme/large-1".to_owned()));
        assert!(model("claude-opus-9").unwrap_err().contains("claude-opus-4"));
    }

    #[test]
    fn a_key_expires_later_or_never() {
        assert_eq!((expiry("never"), expiry("none")), (Ok(OFF), Ok(OFF)));
        assert_eq!(expiry("2100-01-01T00:00:00Z"), Ok(4_102_444_800));
        for text in ["2020-01-01T00:00:00Z", "0", "tomorrow", "2100-01-01"] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }
}
