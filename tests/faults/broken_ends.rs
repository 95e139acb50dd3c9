//! Replies that break off near their end, and one that is too large to be held in memory. The upstream server sends exactly
//! the bytes of the test.

use std::time::Duration;

use anyhow::{Result, bail};
use gateway::money::PicoUsd;
use gateway::pump::{CHANNEL_CHUNKS, Reply};
use gateway::store::items::{Record, TokenSource};
use serde_json::{Value, json};

use crate::process::{Act, Driven, Process, upstream};

const FINISH: &str = r#"{"id":"gen-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"id":"gen-1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#;

fn event(data: &str) -> Act {
    Act::Send(format!("data: {data}\n\n"))
}

fn word(text: &str) -> Act {
    event(&json!({"id": "gen-1", "choices": [{"index": 0, "delta": {"content": text}}]}).to_string())
}

/// What the client received.
enum Got {
    /// The data of a stream's events.
    Events(Vec<String>),
    Whole(Value),
    Refusal,
}

impl Got {
    fn is_complete(&self) -> bool {
        match self {
            Self::Events(events) => events.last().is_some_and(|data| data == "[DONE]"),
            Self::Whole(body) => body["choices"][0]["finish_reason"] == "stop",
            Self::Refusal => false,
        }
    }
}

/// Time limits for tests in which silence is the fault. Other tests have longer ones, so that a slow machine does not cause
/// this fault.
const LIMITS: [(&str, &str); 2] = [("IDLE_TIMEOUT_MS", "2000"), ("FIRST_EVENT_TIMEOUT_MS", "8000")];
const NO_LIMITS: [(&str, &str); 0] = [];
/// Longer than any request of these tests takes.
const LONG: Duration = Duration::from_mins(1);

/// Sends a request to an upstream server that follows this script, with these variables. A stream is read after the request
/// has ended.
async fn ask(play: Vec<Act>, limits: &[(&str, &str)], stream: bool, time: Duration) -> Result<(Got, Record, Process)> {
    let origin = upstream(play).await?;
    let limits = limits.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let own: Vec<(&str, String)> = std::iter::once(("OPENROUTER_BASE_URL", origin)).chain(limits).collect();
    let process = Process::start_with(&own).await?;
    let body = json!({"model": "gpt-5-nano", "max_tokens": 64, "stream": stream,
                      "messages": [{"role": "user", "content": "hi"}]});
    let Driven { request, task, commit } = process.drive(&body, None, time).await?;
    let committed = commit.await?;
    task.await?;
    let got = match committed.map(|committed| committed.reply) {
        Ok(Reply::Stream(mut chunks)) => {
            let mut text = Vec::new();
            while let Some(chunk) = chunks.recv().await {
                text.extend_from_slice(&chunk);
            }
            let text = String::from_utf8(text)?;
            Got::Events(text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect())
        }
        Ok(Reply::Whole { body, .. }) => Got::Whole(serde_json::from_slice(&body)?),
        Err(_) => Got::Refusal,
    };
    let record = process.record(request).await?;
    Ok((got, record, process))
}

#[tokio::test]
async fn a_reply_that_breaks_off_or_stalls_after_its_finish_word_is_complete() -> Result<()> {
    let told = [word("Hello"), event(FINISH), event(USAGE)];
    for (fault, last) in [("break", Vec::new()), ("stall", vec![Act::Wait(LONG)])] {
        for stream in [false, true] {
            let play = [&told[..], &last].concat();
            let (got, record, process) = ask(play, &LIMITS, stream, LONG).await?;
            let figures = (record.status, record.attempts, record.source, record.usage.output);
            assert_eq!(figures, (200, 1, TokenSource::Upstream, 2), "{fault} {stream}");
            assert!(got.is_complete() && record.charged > PicoUsd::ZERO, "{fault} {stream}");
            assert!(process.support.store.route_states().await?.is_empty(), "{fault} {stream}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_reply_that_breaks_off_before_its_finish_word_has_failed() -> Result<()> {
    let (got, record, _) = ask(vec![word("Hello")], &NO_LIMITS, true, LONG).await?;
    assert_eq!((record.status, record.charged), (502, PicoUsd::ZERO));
    assert!(!got.is_complete());
    Ok(())
}

#[tokio::test]
async fn a_deadline_after_the_finish_word_is_the_end_of_the_reply() -> Result<()> {
    let pause = Act::Wait(Duration::from_millis(700));
    let comments = vec![pause.clone(), Act::Send(": still here\n\n".to_owned()), pause];
    for stream in [false, true] {
        let play = [vec![word("Hello"), event(FINISH), event(USAGE)], comments.clone()].concat();
        let (got, record, _) = ask(play, &NO_LIMITS, stream, Duration::from_secs(1)).await?;
        assert_eq!((record.status, record.source), (200, TokenSource::Upstream), "{stream}");
        assert!(got.is_complete(), "{stream}");
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_reads_late_gets_the_end_of_its_reply() -> Result<()> {
    let words = (0..CHANNEL_CHUNKS).flat_map(|_| [word("w "), Act::Wait(Duration::from_millis(5))]);
    let play = words.chain([event(FINISH), event(USAGE), event("[DONE]"), Act::End]).collect();
    let (got, record, _) = ask(play, &NO_LIMITS, true, Duration::from_secs(2)).await?;
    assert_eq!((record.status, record.source), (200, TokenSource::Upstream));
    let Got::Events(events) = &got else { bail!("no stream") };
    assert_eq!(events.iter().filter(|data| data.contains("w ")).count(), CHANNEL_CHUNKS);
    assert!(got.is_complete(), "{:?}", events.last());
    Ok(())
}

#[tokio::test]
async fn a_whole_reply_is_refused_when_what_is_held_of_it_is_too_large_whatever_it_is() -> Result<()> {
    let unknown = "x".repeat(3 * 1024 * 1024);
    let large = json!({"id": "gen-1", "choices": [{"index": 0, "delta": {"content": "w", "unknown": unknown}}]});
    for (large, status) in [(vec![event(&large.to_string()); 8], 502), (vec![word("w"); 8], 200)] {
        let play = [large, vec![event(FINISH), event(USAGE), event("[DONE]"), Act::End]].concat();
        let (got, record, _) = ask(play, &NO_LIMITS, false, LONG).await?;
        assert_eq!((record.status, got.is_complete()), (status, status == 200));
    }
    Ok(())
}

#[tokio::test]
async fn comments_excuse_a_silence_after_content_as_long_as_one_before_it_and_no_longer() -> Result<()> {
    let comments = |seconds: usize| {
        let comment = [Act::Send(": still here\n\n".to_owned()), Act::Wait(Duration::from_millis(100))];
        vec![comment; 10 * seconds].concat()
    };
    for (seconds, status) in [(3, 200), (12, 504)] {
        let end = vec![event(FINISH), event(USAGE), event("[DONE]"), Act::End];
        let play = [vec![word("Hello")], comments(seconds), end].concat();
        let (got, record, _) = ask(play, &LIMITS, true, LONG).await?;
        assert_eq!((record.status, got.is_complete()), (status, status == 200));
        assert_eq!(record.charged > PicoUsd::ZERO, status == 200);
    }
    Ok(())
}
