//! Splits bytes into server-sent event frames, and writes frames. No JSON.
//!
//! Follows the `text/event-stream` grammar of the HTML standard: lines end with CR, LF or CRLF only, several `data` lines
//! join with LF, one space after the colon is dropped, and a leading byte order mark is ignored. Fields other than `event`
//! and `data` are ignored. The input may be cut anywhere.

use bytes::BytesMut;
use memchr::memchr2;

/// Maximum size of an event and of a line (inline images arrive as one line).
pub const MAX_EVENT_BYTES: usize = 20 * 1024 * 1024;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The `event` field; `None` if the stream does not name its events.
    pub event: Option<&'a str>,
    /// The joined `data` lines.
    pub data: &'a str,
}

/// Why a stream cannot be read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event exceeds [`MAX_EVENT_BYTES`].
    #[error("an event exceeds 20 MiB")]
    TooLarge,
    /// Event streams are UTF-8.
    #[error("an event is not UTF-8")]
    NotUtf8,
}

/// Splits a byte stream into frames.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    begun: bool,
    after_cr: bool,
}

impl FrameReader {
    /// Reads a chunk, and calls `each` for every frame that it completes. `each` may stop the reading with an error of its
    /// own.
    pub fn read<E: From<SseError>>(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some(end) = memchr2(b'\n', b'\r', chunk) {
            let (line, rest) = chunk.split_at(end);
            let carriage_return = rest.first() == Some(&b'\r');
            chunk = rest.get(1..).unwrap_or_default();
            if carriage_return {
                self.after_cr = chunk.is_empty();
                chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
            }
            self.finish_line(line, &mut each)?;
        }
        self.hold(chunk).map_err(E::from)
    }

    /// Ends the stream. An event without its closing blank line is still returned, because some servers close the connection
    /// right after the last data line.
    pub fn end<E: From<SseError>>(&mut self, mut each: impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        if !self.line.is_empty() {
            self.finish_line(b"", &mut each)?;
        }
        self.dispatch(&mut each)
    }

    fn hold(&mut self, rest: &[u8]) -> Result<(), SseError> {
        if self.line.len().saturating_add(self.data.len()).saturating_add(rest.len()) > MAX_EVENT_BYTES {
            return Err(SseError::TooLarge);
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }

    fn finish_line<E: From<SseError>>(
        &mut self,
        tail: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.line.is_empty() {
            return self.take_line(tail, each);
        }
        self.hold(tail).map_err(E::from)?;
        let mut line = std::mem::take(&mut self.line);
        let result = self.take_line(&line, each);
        // The buffer is kept, because a stream's lines have similar sizes.
        line.clear();
        self.line = line;
        result
    }

    fn take_line<E: From<SseError>>(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = if self.begun { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            return self.dispatch(each);
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => line.split_at(colon),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if field == b"data" {
            if self.data.len().saturating_add(value.len()) > MAX_EVENT_BYTES {
                return Err(SseError::TooLarge.into());
            }
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
            self.has_data = true;
        } else if field == b"event" {
            self.event.clear();
            self.event.extend_from_slice(value);
        }
        Ok(())
    }

    fn dispatch<E: From<SseError>>(&mut self, each: &mut impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        let result = if self.has_data { self.frame().map_err(E::from).and_then(&mut *each) } else { Ok(()) };
        self.event.clear();
        self.data.clear();
        self.has_data = false;
        result
    }

    fn frame(&self) -> Result<Frame<'_>, SseError> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| SseError::NotUtf8);
        let event = text(&self.event)?;
        Ok(Frame { event: (!event.is_empty()).then_some(event), data: text(&self.data)? })
    }
}

/// Appends a frame. Line breaks inside `data` become several `data` lines, so no payload can forge a frame.
pub fn write_frame(frame: &Frame<'_>, out: &mut BytesMut) {
    if let Some(event) = frame.event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.extend_from_slice(b"\n");
    }
    for line in frame.data.split(['\n', '\r']) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[u8]]) -> Result<Vec<(Option<String>, String)>, SseError> {
        let (mut reader, mut out) = (FrameReader::default(), Vec::new());
        let mut keep = |frame: Frame<'_>| {
            out.push((frame.event.map(str::to_owned), frame.data.to_owned()));
            Ok::<(), SseError>(())
        };
        for chunk in chunks {
            reader.read(chunk, &mut keep)?;
        }
        reader.end(&mut keep)?;
        Ok(out)
    }

    #[test]
    fn every_cut_of_the_input_gives_the_same_frames() {
        let input = "\u{feff}: hello\r\n\r\nevent: a\rdata: {\"x\":\"ü\u{2028}\"}\r\n\r\ndata:one\ndata: two\n\nretry: 5\n\ndata: [DONE]";
        let whole = frames(&[input.as_bytes()]).unwrap();
        let expected = [(Some("a"), "{\"x\":\"ü\u{2028}\"}"), (None, "one\ntwo"), (None, "[DONE]")];
        assert_eq!(whole, expected.map(|(event, data)| (event.map(str::to_owned), data.to_owned())));
        for cut in 0..=input.len() {
            let (left, right) = input.as_bytes().split_at(cut);
            assert_eq!(frames(&[left, right]).unwrap(), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(frames(&bytes).unwrap(), whole);
    }

    #[test]
    fn an_endless_line_and_invalid_utf8_are_errors() {
        let line = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert_eq!(frames(&[b"data: ", &line]), Err(SseError::TooLarge));
        assert_eq!(frames(&[b"data: \xff\n\n"]), Err(SseError::NotUtf8));
    }

    #[test]
    fn many_small_data_lines_cannot_exceed_the_limit_either() {
        let line = [b"data: ".as_slice(), &vec![b'x'; 1 << 20], b"\n"].concat();
        let chunks: Vec<&[u8]> = std::iter::repeat_n(line.as_slice(), 21).collect();
        assert_eq!(frames(&chunks), Err(SseError::TooLarge));
    }

    #[test]
    fn a_payload_cannot_forge_a_frame() {
        let mut out = BytesMut::new();
        write_frame(&Frame { event: Some("e"), data: "a\n\ndata: b" }, &mut out);
        let read = frames(&[&out]).unwrap();
        assert_eq!(read, [(Some("e".to_owned()), "a\n\ndata: b".to_owned())]);
    }
}
