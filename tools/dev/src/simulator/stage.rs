//! Turns a reply and a script into steps on the connection: pauses, chunks, a break.

use std::time::Duration;

use bytes::Bytes;

use super::frame::{Frame, FrameKind, Streamed};
use super::journal::SimulatedUsage;
use super::model_request::{Mode, ModelRequest};
use super::scenario::Scenario;
use super::script::Script;
use super::sending::Step;
use super::{odd, text};

/// A complete answer, ready to send.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<u64>,
    /// The wait before the response head.
    pub(super) silence: Duration,
    pub(super) steps: Vec<Step>,
}

/// The facts of the request that an answer needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cue<'a> {
    /// The pause before each word.
    pub(super) pace: Duration,
    pub(super) request_id: &'a str,
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const SECRET: &str = "Simulated failure for key sk-or-leaked and https://internal.example/projects/simulated-project";
const PAGE: &str = "<!doctype html>\n<html><head><title>Simulator</title></head><body><h1>Not the API</h1></body></html>\n";

impl Answer {
    /// A complete answer that is not streamed.
    pub(super) fn plain(status: u16, body: String) -> Self {
        let steps = vec![Step::Send(Bytes::from(body), None)];
        Self { status, content_type: JSON, retry_after: None, silence: Duration::ZERO, steps }
    }

    /// Applies the script to the request.
    pub(super) fn to(request: &ModelRequest, script: &Script, cue: Cue<'_>) -> Self {
        let wire = request.wire;
        match script.scenario {
            Scenario::Error { status, retry_after } => {
                let message = format!("Simulated error {status}");
                Self { retry_after, ..Self::refused(request, status, wire.error(status, &message, cue.request_id)) }
            }
            Scenario::Moderated => Self::refused(request, 403, wire.moderated(cue.request_id)),
            Scenario::Secret => {
                let message = format!("{SECRET} asked for {}", request.user_text);
                Self::refused(request, 400, wire.error(400, &message, cue.request_id))
            }
            Scenario::Html => Self { content_type: "text/html; charset=utf-8", ..Self::plain(200, PAGE.to_owned()) },
            Scenario::Empty => {
                Self { content_type: content_type(request.mode), steps: Vec::new(), ..Self::plain(200, String::new()) }
            }
            Scenario::Reset => Self { status: NO_STATUS, steps: vec![Step::Break], ..Self::plain(200, String::new()) },
            Scenario::ErrorEvent { status } => Self::failing(request, script, status, cue),
            Scenario::HugeEvent => Self { content_type: content_type(request.mode), ..Self::huge(request.mode) },
            Scenario::Silent { pause } => Self { silence: pause, ..Self::spoken(request, script, cue) },
            Scenario::Comments { pause } if request.mode != Mode::Events => {
                Self { silence: pause, ..Self::spoken(request, script, cue) }
            }
            Scenario::Flaky { .. } => match script.failure {
                Some(status) => {
                    let message = format!("Simulated error {status}");
                    Self::refused(request, status, wire.error(status, &message, cue.request_id))
                }
                None => Self::spoken(request, script, cue),
            },
            Scenario::Malformed { .. }
            | Scenario::Comments { .. }
            | Scenario::Strange
            | Scenario::NoAnswer
            | Scenario::BrokenCall { .. }
            | Scenario::Json
            | Scenario::Close
            | Scenario::Echo
            | Scenario::Tool
            | Scenario::Thinking
            | Scenario::Cut { .. }
            | Scenario::MidstreamError { .. }
            | Scenario::Stall { .. }
            | Scenario::NoUsage
            | Scenario::Long { .. }
            | Scenario::Truncated
            | Scenario::Dearest { .. }
            | Scenario::Without(_)
            | Scenario::Strict { .. } => Self::spoken(request, script, cue),
        }
    }

    /// An error answer. A caller that reads an array receives its error in an array.
    fn refused(request: &ModelRequest, status: u16, body: String) -> Self {
        match request.mode {
            Mode::Array => Self::plain(status, format!("[{body}]")),
            Mode::Whole | Mode::Events | Mode::Count => Self::plain(status, body),
        }
    }

    /// A success status with an error as the body.
    fn failing(request: &ModelRequest, script: &Script, status: u16, cue: Cue<'_>) -> Self {
        let message = if status == 529 { "Overloaded".to_owned() } else { format!("Simulated error {status}") };
        if request.mode == Mode::Events {
            let frames = request.wire.failing(&text::compose(request, script), status, &message);
            return Self { content_type: EVENTS, steps: paced(frames, cue.pace), ..Self::plain(200, String::new()) };
        }
        Self::refused(request, 200, request.wire.error(status, &message, cue.request_id))
    }

    /// One event without an end, or one long string in a body.
    fn huge(mode: Mode) -> Self {
        let (before, after) =
            if mode == Mode::Events { ("data: {\"simulated\":\"", "") } else { ("{\"simulated\":\"", "\"}") };
        let bytes = Bytes::from(vec![b'x'; HUGE_CHUNK]);
        let middle = Step::Repeat { bytes, pause: Duration::ZERO, times: HUGE_CHUNKS };
        let mut steps = vec![Step::Send(Bytes::from(before), None), middle];
        // An empty chunk would end the body.
        if !after.is_empty() {
            steps.push(Step::Send(Bytes::from(after), None));
        }
        Self { steps, ..Self::plain(200, String::new()) }
    }

    fn spoken(request: &ModelRequest, script: &Script, cue: Cue<'_>) -> Self {
        let reply = text::compose(request, script);
        let (wire, scenario) = (request.wire, script.scenario);
        match request.mode {
            Mode::Count => Self::plain(200, wire.counted(reply.usage.input_tokens)),
            Mode::Whole if matches!(scenario, Scenario::MidstreamError { .. }) => {
                let (status, body) = wire.late_failure(cue.request_id);
                Self::plain(status, body)
            }
            Mode::Whole | Mode::Events if request.mode == Mode::Whole || scenario == Scenario::Json => {
                Self { steps: whole(wire.whole(&reply), wire.reported(&reply), scenario), ..Self::plain(200, String::new()) }
            }
            Mode::Whole | Mode::Events | Mode::Array => {
                let mut reply = wire.streamed(&reply, request.mode);
                if scenario == Scenario::Strange {
                    reply.frames = odd::strange(wire, request.mode, reply.frames);
                }
                if matches!(scenario, Scenario::Malformed { .. }) {
                    reply.failure = vec![odd::malformed(wire, request.mode)];
                }
                if matches!(scenario, Scenario::NoAnswer | Scenario::BrokenCall { .. }) {
                    reply.failure = odd::no_answer(wire, scenario);
                }
                let steps = streamed(reply, scenario, cue.pace);
                Self { content_type: content_type(request.mode), steps, ..Self::plain(200, String::new()) }
            }
        }
    }
}

/// The status in the journal for an answer that has none.
const NO_STATUS: u16 = 0;
const HUGE_CHUNK: usize = 64 * 1024;
/// Together 64 MiB.
const HUGE_CHUNKS: usize = 1024;
/// The pause before each comment.
const BETWEEN_COMMENTS: Duration = Duration::from_millis(20);
const COMMENT: &[u8] = b": still here\n\n";

/// A break directly after a chunk could overtake it, because the server flushes only when the body makes it wait.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

fn content_type(mode: Mode) -> &'static str {
    match mode {
        Mode::Events => EVENTS,
        Mode::Whole | Mode::Array | Mode::Count => JSON,
    }
}

/// A reply that is not streamed has no words. Faults that count words act in its middle.
fn whole(body: String, told: Option<SimulatedUsage>, scenario: Scenario) -> Vec<Step> {
    if scenario == Scenario::Strange {
        return vec![Step::Send(Bytes::from(odd::with_unknown_field(&body)), told)];
    }
    let mut head = Bytes::from(body);
    let tail = head.split_off(head.len() / 2);
    match scenario {
        Scenario::Cut { .. } => vec![Step::Send(head, None), Step::Pause(BEFORE_BREAK), Step::Break],
        Scenario::Stall { pause, .. } => vec![Step::Send(head, None), Step::Pause(pause), Step::Send(tail, told)],
        Scenario::Malformed { .. } => vec![Step::Send(head, None)],
        Scenario::Close => vec![Step::Send(head, None), Step::Send(tail, told), Step::HangUp],
        Scenario::Echo
        | Scenario::Strange
        | Scenario::NoAnswer
        | Scenario::BrokenCall { .. }
        | Scenario::Json
        | Scenario::Moderated
        | Scenario::Comments { .. }
        | Scenario::Reset
        | Scenario::ErrorEvent { .. }
        | Scenario::HugeEvent
        | Scenario::Flaky { .. }
        | Scenario::Tool
        | Scenario::Thinking
        | Scenario::Error { .. }
        | Scenario::MidstreamError { .. }
        | Scenario::Silent { .. }
        | Scenario::NoUsage
        | Scenario::Html
        | Scenario::Empty
        | Scenario::Secret
        | Scenario::Long { .. }
        | Scenario::Truncated
        | Scenario::Dearest { .. }
        | Scenario::Without(_)
        | Scenario::Strict { .. } => vec![Step::Send(head, None), Step::Send(tail, told)],
    }
}

fn streamed(reply: Streamed, scenario: Scenario, pace: Duration) -> Vec<Step> {
    let Streamed { mut frames, failure } = reply;
    match scenario {
        Scenario::Cut { after } => {
            frames.truncate(place_after(&frames, after));
            let mut steps = paced(frames, pace);
            steps.extend([Step::Pause(BEFORE_BREAK), Step::Break]);
            steps
        }
        Scenario::NoAnswer => {
            frames.truncate(place_after(&frames, 0));
            // Claude's first word is inside a block. Without a block there is no word.
            frames.retain(|frame| !frame.bytes.contains("content_block_start"));
            frames.extend(failure);
            paced(frames, pace)
        }
        Scenario::MidstreamError { after } | Scenario::BrokenCall { after } => {
            frames.truncate(place_after(&frames, after));
            frames.extend(failure);
            paced(frames, pace)
        }
        Scenario::Malformed { after } => {
            let rest = frames.split_off(place_after(&frames, after));
            frames.extend(failure);
            frames.extend(rest);
            paced(frames, pace)
        }
        Scenario::Comments { pause: silence } => {
            let times = usize::try_from(silence.as_millis() / BETWEEN_COMMENTS.as_millis()).unwrap_or(usize::MAX);
            let comments = Step::Repeat { bytes: Bytes::from_static(COMMENT), pause: BETWEEN_COMMENTS, times };
            std::iter::once(comments).chain(paced(frames, pace)).collect()
        }
        Scenario::Close => paced(frames, pace).into_iter().chain([Step::HangUp]).collect(),
        Scenario::Stall { after, pause } => {
            let rest = frames.split_off(place_after(&frames, after));
            let mut steps = paced(frames, pace);
            steps.push(Step::Pause(pause));
            steps.extend(paced(rest, pace));
            steps
        }
        Scenario::Echo
        | Scenario::Strange
        | Scenario::Json
        | Scenario::Moderated
        | Scenario::Reset
        | Scenario::ErrorEvent { .. }
        | Scenario::HugeEvent
        | Scenario::Flaky { .. }
        | Scenario::Tool
        | Scenario::Thinking
        | Scenario::Error { .. }
        | Scenario::Silent { .. }
        | Scenario::NoUsage
        | Scenario::Html
        | Scenario::Empty
        | Scenario::Secret
        | Scenario::Long { .. }
        | Scenario::Truncated
        | Scenario::Dearest { .. }
        | Scenario::Without(_)
        | Scenario::Strict { .. } => paced(frames, pace),
    }
}

fn paced(frames: Vec<Frame>, pace: Duration) -> Vec<Step> {
    let mut steps = Vec::with_capacity(frames.len().saturating_mul(2));
    for frame in frames {
        if frame.kind == FrameKind::Word && !pace.is_zero() {
            steps.push(Step::Pause(pace));
        }
        steps.push(Step::Send(Bytes::from(frame.bytes), frame.reports));
    }
    steps
}

/// The position after this many words; after the last word if there are fewer.
fn place_after(frames: &[Frame], words: usize) -> usize {
    let places: Vec<usize> =
        frames.iter().enumerate().filter(|(_, frame)| frame.kind == FrameKind::Word).map(|(place, _)| place).collect();
    match words.checked_sub(1) {
        None => places.first().copied().unwrap_or(0),
        Some(last) => places.get(last).or(places.last()).map_or(0, |place| place + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let word = |text: &str| Frame::word(text.to_owned());
        vec![Frame::trapping("start".to_owned()), word("a"), word("b"), word("c"), Frame::trapping("end".to_owned())]
    }

    fn sent(steps: &[Step]) -> String {
        steps
            .iter()
            .map(|step| match step {
                Step::Pause(pause) => format!("<{}>", pause.as_millis()),
                Step::Send(bytes, _) => String::from_utf8_lossy(bytes).into_owned(),
                Step::Repeat { bytes, pause, times } => {
                    format!("<{} x {} {}>", times, pause.as_millis(), String::from_utf8_lossy(bytes).trim_end())
                }
                Step::Break => "!".to_owned(),
                Step::HangUp => "#".to_owned(),
            })
            .collect()
    }

    fn staged(scenario: Scenario, pace: u64) -> String {
        let failure = vec![Frame::trapping("failed".to_owned())];
        sent(&streamed(Streamed { frames: frames(), failure }, scenario, Duration::from_millis(pace)))
    }

    #[test]
    fn words_are_paced_and_trappings_are_not() {
        assert_eq!(staged(Scenario::Echo, 5), "start<5>a<5>b<5>cend");
        assert_eq!(staged(Scenario::Echo, 0), "startabcend");
    }

    #[test]
    fn cut_breaks_after_its_words() {
        assert_eq!(staged(Scenario::Cut { after: 2 }, 0), "startab<20>!");
        assert_eq!(staged(Scenario::Cut { after: 0 }, 0), "start<20>!");
        assert_eq!(staged(Scenario::Cut { after: 9 }, 0), "startabc<20>!");
    }

    #[test]
    fn midstream_error_replaces_the_rest() {
        assert_eq!(staged(Scenario::MidstreamError { after: 1 }, 0), "startafailed");
    }

    #[test]
    fn malformed_event_stands_between_words() {
        assert_eq!(staged(Scenario::Malformed { after: 2 }, 0), "startabfailedcend");
    }

    #[test]
    fn comments_come_before_everything_else() {
        let comments = Scenario::Comments { pause: Duration::from_millis(110) };
        assert_eq!(staged(comments, 0), "<5 x 20 : still here>startabcend");
    }

    #[test]
    fn close_hangs_up_after_the_last_frame() {
        assert_eq!(staged(Scenario::Close, 0), "startabcend#");
    }

    #[test]
    fn stall_waits_between_words() {
        assert_eq!(staged(Scenario::Stall { after: 1, pause: Duration::from_millis(70) }, 0), "starta<70>bcend");
    }
}
