//! Standard output. If a reader such as `head` leaves before the end, that is not an error, and the command does the rest of
//! its work.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

/// The first error of standard output.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Like `print!`, but does not panic if the reader has left.
macro_rules! out {
    ($($words:tt)*) => { $crate::output::write(format_args!($($words)*)) };
}

/// Like `println!`, but does not panic if the reader has left.
macro_rules! outln {
    ($($words:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($words)*))) };
}

/// Writes to standard output. [`failure`] tells whether this worked.
pub(crate) fn write(words: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(words));
}

/// The error if not everything was written. A reader that has left is not an error.
pub(crate) fn failure() -> Option<&'static io::Error> {
    note(io::stdout().lock().flush());
    FAILURE.get()
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Later errors follow from the first.
        let _ = FAILURE.set(error);
    }
}
