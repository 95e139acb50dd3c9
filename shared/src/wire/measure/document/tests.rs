//! What a PDF counts as, by its bytes.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

fn read_one(bytes: &[u8]) -> Option<Printed> {
    read(bytes, &mut MOST_INFLATED.clone())
}

fn pages(bytes: &[u8]) -> Option<u64> {
    read_one(bytes).map(|printed| printed.pages)
}

fn stream(dictionary: &str, text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let head = format!("5 0 obj << {dictionary} /Filter /FlateDecode >> stream\r\n");
    [head.into_bytes(), encoder.finish().unwrap(), b"\nendstream endobj ".to_vec()].concat()
}

#[test]
fn pages_are_found_however_they_are_written() {
    for (text, expected) in [
        ("%PDF-1.4 << /Type /Page >> << /Type/Page/X 1 >> << /Type /Pages /Count 2 >>", Some(2)),
        ("%PDF-1.4 << /T#79pe % so\n /P#61ge >> << /Type /Page>>", Some(2)),
        ("%PDF-1.4 << /Type /Pages /Kids [ 3 0 R %]\n 4 0 R 5 0 R ] /Count 1 >> << /Type /Page >>", Some(3)),
        ("%PDF-1.4 << /Type /Pages /Kids [ 3 0 R 3 0 R ] /Count 1 >> << /Type /Page >>", None),
        ("%PDF-1.4 << /Type /Pages /Count 70 >> << /Type /Page >>", Some(70)),
        ("%PDF-1.4 << /Type /Page >> trailer << /Encrypt 7 0 R >>", None),
        ("%PDF-1.4 nothing", None),
    ] {
        assert_eq!(pages(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn compressed_objects_are_read_whatever_they_are_called_and_bombs_are_not() {
    let two = "<< /Type /Page >> << /Type /Page >>";
    assert_eq!(pages(&stream("/Type /ObjStm /First 9", two)), Some(2));
    assert_eq!(pages(&stream("/First 9", two)), Some(2));
    let decoy = [b"/X (stream\r\nx\x9c) ".to_vec(), stream("/Type /ObjStm", two)].concat();
    assert_eq!(pages(&decoy), Some(2));
    assert_eq!(pages(b"<< /Type /Page >> 5 0 obj << /Filter /LZWDecode >> stream\nxyz\nendstream"), None);
    assert_eq!(pages(&stream("/Type /ObjStm", &" ".repeat(17 * 1024 * 1024))), None);
}

#[test]
fn text_is_what_stands_in_strings_anywhere_and_pixels_are_none() {
    let page = b"%PDF-1.4 << /Type /Page >> ".to_vec();
    for (more, text) in [
        (stream("", "BT (Hello) Tj [(a) 20 (bc)] TJ <48656c> Tj << /X 1 >> ET"), 11),
        (stream("/Subtype /Image /Width 1", "(Hello)"), 0),
        (stream("/Subtype /Image", "(Hello)"), 5),
        ([stream("/Subtype /Image /Width 1", "(Hello)"), b"<< /A 5 0 R >>".to_vec()].concat(), 0),
        ([stream("/Length1 9", "(Hello)"), b"<< /FontFile2 5 0 R >>".to_vec()].concat(), 0),
        (b"5 0 obj << /Length 7 >> stream\n(Hello)\nendstream".to_vec(), 5),
        (stream("/Subtype /Form", "(Hello)"), 5),
        ([stream("", "/A Do /A Do /Door (Do)"), stream("/Subtype /Form", "(Hello)")].concat(), 2 + 3 * 5),
        ([stream("", "/A Do"), stream("/Subtype/Form", "/B Do /B Do"), stream("/Subtype/Form", "(Hello)")].concat(), 15),
        ([stream("", "(Hello)"), b"<< /Title (Words) /Author <576f> >>".to_vec()].concat(), 5 + 5 + 2),
        ([b"<< /Title (Words) >> endobj ".to_vec(), stream("", "(Hello)")].concat(), 5 + 5),
        ([stream("", "(Hello)"), b"<< /Contents 5 0 R >> << /Contents [5 0 R] >>".to_vec()].concat(), 10),
        ([stream("", "(Hello)"), stream("", "1 beginbfchar <01> <00660066> endbfchar")].concat(), 5 + 5),
        ([stream("", "(He)"), stream("", "beginbfchar <01> <00410041004100410041> endbfchar")].concat(), 5 * (2 + 11)),
    ] {
        let read = read_one(&[page.clone(), more].concat());
        assert_eq!(read, Some(Printed { pages: 1, text }));
    }
}

#[test]
fn what_readers_may_make_more_of_is_unreadable() {
    let page = b"%PDF-1.4 << /Type /Page >> endobj ".to_vec();
    let hello = || stream("", "(Hello)");
    for (what, more) in [
        ("another spelling of a name", stream("/F#69lter /X", "(Hello)")),
        ("another object's start in the dictionary", stream("/X (7 0 obj)", "(Hello)")),
        ("a comment before the data", b"5 0 obj << /Length 7 >> % so\nstream\n(Hello)\nendstream endobj ".to_vec()),
        ("a blank before the data", b"5 0 obj << /Length 7 >> stream \n(Hello)\nendstream endobj ".to_vec()),
        ("pages listed elsewhere", [hello(), b"<< /Kids 8 0 R >>".to_vec()].concat()),
        ("content listed elsewhere", [hello(), b"<< /Contents 9 0 R >>".to_vec()].concat()),
        (
            "content that is called a picture",
            [stream("/Subtype /Image /Width 1", "(Hello)"), b"<< /Contents 5 0 R >>".to_vec()].concat(),
        ),
        (
            "content of which there are two, one called a picture",
            [stream("/Subtype /Image /Width 1", "(Hello)"), hello(), b"<< /Contents 5 0 R >>".to_vec()].concat(),
        ),
        (
            "a form that is called a font",
            [stream("/Subtype /Form /Length1 9", "(Hello)"), b"<< /XObject << /A 5 0 R >> >>".to_vec()].concat(),
        ),
        (
            "a form whose subtype stands elsewhere",
            [stream("/Subtype 9 0 R /Image 1 /Width 1", "(Hello)"), b"<< /A 5 0 R >>".to_vec()].concat(),
        ),
        (
            "a font's map that is called a picture",
            [stream("/Subtype /Image /Width 1", "beginbfchar"), b"<< /ToUnicode 5 0 R >>".to_vec()].concat(),
        ),
        (
            "a font's map that is called a font",
            [stream("/Length1 9", "beginbfchar"), b"<< /FontFile2 5 0 R /ToUnicode 5 0 R >>".to_vec()].concat(),
        ),
        (
            "words that are told in the place of others",
            [hello(), format!("<< /ActualText ({}) >>", "x".repeat(4_000)).into_bytes()].concat(),
        ),
    ] {
        assert_eq!(read_one(&[page.clone(), more].concat()), None, "{what}");
    }
    let told = b"<< /ActualText (Hi) >> endobj ".to_vec();
    for (plain, text) in [(hello(), 5), ([told, hello()].concat(), 2 + 5)] {
        assert_eq!(read_one(&[page.clone(), plain].concat()), Some(Printed { pages: 1, text }));
    }
}

#[test]
fn a_glyph_counts_as_what_its_name_says() {
    let text = |differences: &str| {
        let page = format!("%PDF-1.4 << /Type /Page >> << /Encoding << /Differences {differences} >> >> endobj ");
        read_one(&[page.into_bytes(), stream("", "(Hello)")].concat()).map(|printed| printed.text)
    };
    for (differences, expected) in [
        ("[ 1 /a /space 7 /f_f_i /uni0041 /a.alt ]", Some(5)),
        ("[ 1 /uni4e00 ]", Some(15)),
        ("[1/uni00410041004100410041]", Some(25)),
        ("[1 /A_B_C_D.swash]", Some(20)),
        ("[1 /#75ni0041]", None),
        ("8 0 R", None),
    ] {
        assert_eq!(text(differences), expected, "{differences}");
    }
}

#[test]
fn a_document_that_makes_its_reader_look_ahead_again_and_again_is_unreadable() {
    for unit in ["/A%", "/Differences[ ", "beginbf", "/ActualText(", "/A 1%", "endobj 1 0 obj<<>>stream\n"] {
        let text = unit.repeat(200_000 / unit.len());
        let document =
            format!("%PDF-1.4 << /Type /Page >> endobj 5 0 obj << /Length 200000 >> stream\n{text}\nendstream endobj");
        let started = std::time::Instant::now();
        assert_eq!(read_one(document.as_bytes()), None, "{unit}");
        // Quadratic reading takes minutes in this build.
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{unit}: {:?}", started.elapsed());
    }
}

#[test]
fn the_documents_of_a_request_share_what_they_may_decompress() {
    let text = (0..10_000).map(|number| format!("({number}) Tj")).collect::<Vec<_>>().join(" ");
    let document = [b"%PDF-1.4 << /Type /Page >> endobj ".to_vec(), stream("", &text)].concat();
    let mut inflatable = 2 * text.len() as u64 + 1;
    let read: Vec<bool> = (0..3).map(|_| read(&document, &mut inflatable).is_some()).collect();
    assert_eq!((read, inflatable), (vec![true, true, false], 1));
}

#[test]
fn a_document_that_grows_too_much_is_unreadable() {
    let document = |text: &str| [b"%PDF-1.4 << /Type /Page >> endobj ".to_vec(), stream("", text)].concat();
    assert!(read_one(&document(&"(Hello) Tj ".repeat(100))).is_some());
    assert_eq!(read_one(&document(&"(Hello) Tj ".repeat(100_000))), None);
}
