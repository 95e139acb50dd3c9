//! Formats the dashboard's figures: dollars, token counts, durations, percentages.

use std::fmt::Write as _;

use crate::money::PicoUsd;

const PICO_PER_USD: u128 = 1_000_000_000_000;
/// The last of six decimals, in pico-dollars.
const PICO_PER_MICRO: u128 = 1_000_000;

/// Dollars: two decimals from a dollar upwards, up to four below, and up to six below a cent. Rounded half up.
pub(super) fn usd(pico: u128) -> String {
    let decimals: usize = match pico {
        0 | PICO_PER_USD.. => 2,
        10_000_000_000.. => 4,
        _ => 6,
    };
    let step = PICO_PER_MICRO * 10_u128.pow(u32::try_from(6_usize.saturating_sub(decimals)).unwrap_or(0));
    let steps = pico.saturating_add(step / 2) / step;
    let per_dollar = PICO_PER_USD / step;
    let mut fraction = format!("{:0decimals$}", steps % per_dollar);
    while fraction.len() > 2 && fraction.ends_with('0') {
        fraction.pop();
    }
    format!("${}.{fraction}", grouped(steps / per_dollar))
}

/// A formatted amount with its exact value.
pub(super) fn usd_data(amount: PicoUsd) -> String {
    format!(r#"<data value="{amount}">{}</data>"#, usd(amount.pico()))
}

/// A formatted count with its exact value.
pub(super) fn count_data(count: u64) -> String {
    format!(r#"<data value="{count}">{}</data>"#, short(u128::from(count)))
}

/// Digits in groups of three: `12,345`.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count: whole below ten thousand, then three digits and a unit (`12.3K`, `4.56M`).
pub(super) fn short(number: u128) -> String {
    let units = [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")];
    match units.into_iter().find(|(size, _)| number >= *size && number >= 10_000) {
        None => grouped(number),
        Some((size, unit)) => {
            let hundredths = number.saturating_mul(100) / size;
            let (whole, rest) = (hundredths / 100, hundredths % 100);
            match whole {
                100.. => format!("{whole}{unit}"),
                10.. => format!("{whole}.{}{unit}", rest / 10),
                _ => format!("{whole}.{rest:02}{unit}"),
            }
        }
    }
}

/// Milliseconds: whole below a second, then seconds (`340 ms`, `1.2 s`, `175 s`).
pub(super) fn duration(ms: u128) -> String {
    match ms {
        100_000.. => format!("{} s", grouped(ms / 1_000)),
        1_000.. => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{ms} ms"),
    }
}

/// A percentage, with one decimal.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let permille = u128::from(part).saturating_mul(1_000).checked_div(u128::from(whole)).unwrap_or(0);
    format!("{}.{}%", permille / 10, permille % 10)
}

/// Appends formatted text. Writing to a `String` cannot fail.
pub(super) fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_as_many_decimals_as_they_need() {
        for (pico, text) in [
            (0, "$0.00"),
            (1_234_500_000_000, "$1.23"),
            (1_235_000_000_000, "$1.24"),
            (12_345_678_000_000_000, "$12,345.68"),
            (999_999_999_999, "$1.00"),
            (500_000_000_000, "$0.50"),
            (123_450_000_000, "$0.1235"),
            (1_230_000_000, "$0.00123"),
            (400_000, "$0.00"),
        ] {
            assert_eq!(usd(pico), text, "{pico}");
        }
    }

    #[test]
    fn counts_and_times_are_short() {
        for (number, text) in
            [(0, "0"), (999, "999"), (9_999, "9,999"), (12_345, "12.3K"), (123_456, "123K"), (4_560_000, "4.56M")]
        {
            assert_eq!(short(number), text, "{number}");
        }
        for (ms, text) in [(0, "0 ms"), (999, "999 ms"), (1_290, "1.2 s"), (75_900, "75.9 s"), (175_900, "175 s")] {
            assert_eq!(duration(ms), text, "{ms}");
        }
        assert_eq!((percent(1, 3), percent(0, 0)), ("33.3%".to_owned(), "0.0%".to_owned()));
    }
}
