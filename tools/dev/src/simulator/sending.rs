//! What happens on the connection, step by step.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::sleep;

use super::connection::Line;
use super::journal::{Row, SimulatedUsage};

/// One step of sending a body.
#[derive(Debug)]
pub(super) enum Step {
    Pause(Duration),
    /// One HTTP chunk, and the usage that it reports.
    Send(Bytes, Option<SimulatedUsage>),
    /// The same chunk this many times, with a pause before each.
    Repeat {
        bytes: Bytes,
        pause: Duration,
        times: usize,
    },
    /// The connection breaks. Before the first chunk, not even the head is sent.
    Break,
    /// The connection is closed after the answer.
    HangUp,
}

/// The body of these steps. The row records what is sent.
pub(super) fn body(steps: Vec<Step>, row: Row, line: Line) -> Body {
    if steps.is_empty() {
        row.finish();
    }
    let sending = Sending { steps: steps.into(), row, line };
    Body::from_stream(stream::try_unfold(sending, |mut sending| async move {
        let next = sending.next().await;
        next.map(|bytes| bytes.map(|bytes| (bytes, sending)))
    }))
}

/// A body that is being sent.
struct Sending {
    steps: VecDeque<Step>,
    row: Row,
    line: Line,
}

impl Sending {
    /// The next chunk, after the steps before it.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.steps.pop_front() {
                Some(Step::Pause(pause)) => sleep(pause).await,
                Some(Step::Send(bytes, told)) => {
                    if let Some(usage) = told {
                        self.row.report(usage);
                    }
                    return Ok(Some(self.handed(bytes)));
                }
                Some(Step::Repeat { bytes, pause, times }) => {
                    let Some(times) = times.checked_sub(1) else { continue };
                    sleep(pause).await;
                    if times > 0 {
                        self.steps.push_front(Step::Repeat { bytes: bytes.clone(), pause, times });
                    }
                    return Ok(Some(self.handed(bytes)));
                }
                Some(Step::HangUp) => self.line.hang_up(),
                Some(Step::Break) => return Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                None => return Ok(None),
            }
        }
    }

    /// Records the end with the last chunk.
    fn handed(&self, bytes: Bytes) -> Bytes {
        if self.steps.iter().all(|step| matches!(step, Step::HangUp)) {
            self.row.finish();
        }
        bytes
    }
}
