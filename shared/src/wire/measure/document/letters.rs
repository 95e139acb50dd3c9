//! How much text the glyphs of a PDF's fonts represent.

use super::is_regular;
use super::steps::Steps;

/// Maximum ASCII letters per glyph that are accepted without further checks: ligatures have three.
const LIGATURE: usize = 3;

/// Maximum bytes of UTF-8 per byte of a string, by the sections of a font's Unicode map (ISO 32000-1, 9.10.3). Returns `None`
/// if this takes too many steps.
pub(super) fn longest_letter(map: &[u8], steps: &Steps) -> Option<u64> {
    let sections = memchr::memmem::find_iter(map, b"beginbf").filter_map(|at| map.get(at.saturating_add(7)..));
    let longest = sections.map(|section| {
        let end = memchr::memmem::find(section, b"endbf").unwrap_or(section.len());
        steps.take(end)?;
        let section = section.get(..end).unwrap_or_default();
        // A code and its text; or the first and last code of a range, and the text of the first or a list of all.
        let each = if section.starts_with(b"char") { 2 } else { 3 };
        let is_listed = section.contains(&b'[');
        let strings: Vec<Vec<u8>> = hexadecimal(section).collect();
        // Codes of a map may differ in length, and no code is shorter than the shortest one.
        let shortest = strings.iter().map(Vec::len).filter(|digits| *digits > 0).min();
        let code = shortest.map_or(1, |digits| digits.div_ceil(2));
        let targets = strings.iter().enumerate().filter(|(at, _)| is_listed || at % each == each - 1);
        let longest = targets.map(|(_, target)| utf8_length(target)).max().unwrap_or_default();
        Some(longest.div_ceil(code as u64))
    });
    longest.into_iter().try_fold(1, |most, longest| Some(longest?.max(most)))
}

/// Maximum bytes of UTF-8 per glyph of this list, by glyph name: `f_f_i` is three letters, `uni00660069` two (Adobe's glyph
/// list specification, 2). Returns `None` if a name contains escapes.
pub(super) fn longest_glyph(list: &[u8], steps: &Steps) -> Option<u64> {
    let end = steps.counted(memchr::memchr(b']', list).unwrap_or(list.len()));
    let names = list.get(..end).filter(|names| !names.contains(&b'#'))?.split(|byte| *byte == b'/').skip(1);
    let longest = names.map(|name| {
        let length = name.iter().take_while(|byte| is_regular(**byte) && **byte != b'.').count();
        let letters = name.get(..length).unwrap_or_default().split(|byte| *byte == b'_');
        let lengths: Vec<u64> = letters.map(|letter| letter.strip_prefix(b"uni").map_or(1, utf8_length)).collect();
        let is_ligature = lengths.len() <= LIGATURE && lengths.iter().all(|length| *length == 1);
        if is_ligature { 1 } else { lengths.iter().sum() }
    });
    Some(longest.max().unwrap_or(1))
}

/// The digits of the hexadecimal strings.
fn hexadecimal(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    text.split(|byte| *byte == b'<').skip(1).map(|string| {
        let string = string.split(|byte| *byte == b'>').next().unwrap_or_default();
        string.iter().copied().filter(u8::is_ascii_hexdigit).collect()
    })
}

/// Length in UTF-8 of UTF-16 hexadecimal digits. A ligature is one letter.
fn utf8_length(digits: &[u8]) -> u64 {
    let unit = |digits: &[u8]| std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let lengths: Vec<u64> = digits
        .chunks(4)
        .map(|digits| match unit(digits).unwrap_or_default() {
            0..=0x7f => 1,
            0x80..=0x7ff | 0xd800..=0xdfff => 2,
            _ => 3,
        })
        .collect();
    let is_ligature = lengths.len() <= LIGATURE && lengths.iter().all(|length| *length == 1);
    if is_ligature { 1 } else { lengths.iter().sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_counts_as_what_its_font_says_that_it_is() {
        for (map, longest) in [
            ("beginbfchar <01> <0041> endbfchar", 1),
            ("beginbfchar <01> <006600660069> endbfchar", 1),
            ("beginbfchar <01> <4e00> endbfchar", 3),
            ("beginbfchar <4e00> <4e00> endbfchar", 2),
            ("beginbfchar <0001> <0041> endbfchar", 1),
            ("beginbfchar <00000000> <0041> <01> <00410041004100410041> endbfchar", 5),
            ("beginbfrange <01> <05> <4e00> endbfrange", 3),
            ("beginbfrange <01> <05> <0041> endbfrange", 1),
            ("beginbfrange <01> <02> [<00410041004100410041> <0041>] endbfrange", 5),
            ("nothing", 1),
        ] {
            assert_eq!(longest_letter(map.as_bytes(), &Steps::for_bytes(0)), Some(longest), "{map}");
        }
    }
}
