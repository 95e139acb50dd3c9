//! Faults of the connection, and invalid bodies.

use super::*;

const CLAUDE: &str = "anthropic/models/claude-opus-4-6:rawPredict";
const CLAUDE_STREAM: &str = "anthropic/models/claude-opus-4-6:streamRawPredict";
const GEMINI_STREAM: &str = "google/models/gemini-3-pro:streamGenerateContent?alt=sse";
const STREAM: &str = r#","stream":true"#;

impl Stand {
    /// The same script streamed by all three: OpenRouter, Claude, Gemini.
    async fn streams(&self, script: &str) -> [Reply; 3] {
        [
            self.openrouter(&chat(script, STREAM)).await,
            self.vertex(CLAUDE_STREAM, &messages(script, STREAM)).await,
            self.vertex(GEMINI_STREAM, &contents(script, "")).await,
        ]
    }
}

#[tokio::test]
async fn markers_apply_to_their_wire_and_so_many_times() {
    with_simulator(async |stand: Stand| {
        let script = "[[sim:error status=500 times=2 label=x on=claude]] [[sim:html times=1]]";
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(stand.streams(script).await.map(|reply| reply.status));
        }
        assert_eq!(statuses, [[200, 500, 200], [200, 500, 200], [200; 3], [200; 3]]);
        let scenarios = |wire: &str| {
            let rows = stand.simulator.journal().entries("x").into_iter().filter(|row| row.provider == wire);
            rows.map(|row| row.scenario).collect::<Vec<_>>()
        };
        assert_eq!(scenarios("claude"), ["error", "error", "html", "echo"]);
        assert_eq!(scenarios("openrouter"), ["html", "echo", "echo", "echo"]);
        let refused = stand.openrouter(&chat("[[sim:echo label=x]] [[sim:eco]]", "")).await;
        assert_eq!(refused.status, 400);
        assert_eq!(scenarios("openrouter").last().unwrap(), "refused");
    })
    .await;
}

#[tokio::test]
async fn reset_sends_no_head_and_the_next_request_succeeds() {
    with_simulator(async |stand: Stand| {
        let script = "[[sim:reset times=1 label=r]] hello";
        for reply in stand.streams(script).await {
            assert_eq!((reply.status, reply.head.as_str()), (0, ""));
        }
        for reply in stand.streams(script).await {
            assert!(reply.status == 200 && reply.complete);
        }
        let rows = stand.simulator.journal().entries("r");
        assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [0, 0, 0, 200, 200, 200]);
        assert_eq!(rows.iter().map(|row| row.finished).collect::<Vec<_>>(), [false, false, false, true, true, true]);
        assert_eq!(stand.openrouter(&chat("[[sim:reset]]", "")).await.head, "");
    })
    .await;
}

#[tokio::test]
async fn error_event_is_all_there_is_of_a_success() {
    with_simulator(async |stand: Stand| {
        let [openrouter, claude, gemini] = stand.streams("[[sim:error-event]]").await;
        for reply in [&openrouter, &claude, &gemini] {
            assert!(reply.status == 200 && reply.complete && reply.head.contains("text/event-stream"));
            assert_eq!(reply.events().len(), 1);
        }
        assert!(openrouter.body.ends_with("data: [DONE]\n\n"));
        let openrouter = &openrouter.events()[0];
        assert_eq!((&openrouter["error"]["code"], &openrouter["error"]["message"]), (&529.into(), &"Overloaded".into()));
        assert_eq!(openrouter["choices"][0]["finish_reason"], "error");
        assert!(claude.body.starts_with("event: error\ndata: "), "{}", claude.body);
        assert_eq!(claude.events()[0]["error"]["type"], "overloaded_error");
        assert_eq!(gemini.events()[0]["error"]["code"], 529);
        let [_, claude, gemini] = stand.streams("[[sim:error-event status=429]]").await;
        assert_eq!(claude.events()[0]["error"]["type"], "rate_limit_error");
        assert_eq!(gemini.events()[0]["error"]["status"], "RESOURCE_EXHAUSTED");
        let whole = stand.vertex(CLAUDE, &messages("[[sim:error-event]]", "")).await;
        assert_eq!((whole.status, &whole.json()["error"]["type"]), (200, &"overloaded_error".into()));
        assert!(whole.head.contains("application/json"));
    })
    .await;
}

#[tokio::test]
async fn malformed_event_is_no_json_and_the_stream_goes_on() {
    with_simulator(async |stand: Stand| {
        for reply in stand.streams("[[sim:malformed after=2]]").await {
            let data = reply.body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
            let readable = |data: &str| serde_json::from_str::<Value>(data).is_ok();
            assert_eq!(data.filter(|data| !readable(data)).count(), 1, "{}", reply.body);
            let (before, after) = reply.body.split_once(" from").unwrap();
            assert!(reply.complete && before.contains("Hello") && after.contains(" simulator."));
        }
        let whole = stand.openrouter(&chat("[[sim:malformed]]", "")).await;
        assert!(whole.complete && whole.status == 200 && serde_json::from_str::<Value>(&whole.body).is_err());
    })
    .await;
}

#[tokio::test]
async fn comments_fill_the_silence_before_the_reply() {
    with_simulator(async |stand: Stand| {
        for reply in stand.streams("[[sim:comments ms=100]]").await {
            assert!(reply.complete && reply.body.starts_with(&": still here\n\n".repeat(5)), "{}", reply.body);
            assert_eq!(reply.body.matches("still here").count(), 5);
        }
        let began = std::time::Instant::now();
        let whole = stand.openrouter(&chat("[[sim:comments ms=100]]", "")).await;
        assert!(!whole.body.contains("still here") && began.elapsed() >= Duration::from_millis(100));
    })
    .await;
}

#[tokio::test]
async fn huge_event_is_64_mebibytes_without_an_end() {
    with_simulator(async |stand: Stand| {
        let reply = stand.openrouter(&chat("[[sim:huge-event label=h]]", STREAM)).await;
        assert!(reply.complete && reply.body.starts_with("data: {\"simulated\":\"xxx") && !reply.body.contains('\n'));
        assert_eq!(reply.body.matches('x').count(), 64 * 1024 * 1024);
        assert!(reply.head.contains("text/event-stream") && stand.row("h").finished);
        let whole = stand.openrouter(&chat("[[sim:huge-event]]", "")).await;
        assert!(whole.json()["simulated"].as_str().is_some_and(|text| text.len() == 64 * 1024 * 1024));
    })
    .await;
}

#[tokio::test]
async fn strange_stream_still_says_its_text_and_ends_twice() {
    with_simulator(async |stand: Stand| {
        let [openrouter, claude, gemini] = stand.streams("[[sim:strange]] hello").await;
        let plain = stand.streams("[[sim:echo]] hello").await;
        let text = |reply: &Reply, path: &str| {
            let events = reply.events();
            events.iter().filter_map(|event| event.pointer(path)?.as_str().map(str::to_owned)).collect::<String>()
        };
        for (strange, plain, path) in [
            (&openrouter, &plain[0], "/choices/0/delta/content"),
            (&claude, &plain[1], "/delta/text"),
            (&gemini, &plain[2], "/candidates/0/content/parts/0/text"),
        ] {
            assert!(strange.complete && strange.body.contains("simulated_extra"));
            assert_eq!(text(strange, path), text(plain, path));
        }
        assert_eq!(openrouter.body.matches("\"finish_reason\":\"stop\"").count(), 2);
        assert_eq!(claude.body.matches("event: message_stop").count(), 2);
        assert_eq!(claude.body.matches("event: message_delta").count(), 2);
        assert!(claude.body.contains("event: telemetry") && claude.body.contains("hologram_delta"));
        assert_eq!(gemini.body.matches("\"finishReason\":\"STOP\"").count(), 2);
        let whole = stand.openrouter(&chat("[[sim:strange]]", "")).await.json();
        assert_eq!(whole["simulated_extra"]["a"][0], 1);
    })
    .await;
}

#[tokio::test]
async fn flaky_provider_fails_without_saying_when_to_come_back() {
    with_simulator(async |stand: Stand| {
        let script = "[[sim:flaky percent=100 seed=3 label=f]]";
        for status in [500, 502, 503, 529, 429] {
            let reply = stand.openrouter(&chat(script, STREAM)).await;
            assert_eq!((reply.status, reply.head.contains("retry-after")), (status, false));
        }
        assert_eq!(stand.streams("[[sim:flaky percent=0]]").await.map(|reply| reply.status), [200; 3]);
        assert_eq!(stand.simulator.journal().entries("f")[4].scenario, "flaky");
    })
    .await;
}

#[tokio::test]
async fn close_ends_the_connection_without_a_word() {
    with_simulator(async |stand: Stand| {
        for more in ["", STREAM] {
            let body = chat("[[sim:close label=c]]", more);
            let socket = TcpStream::connect(&stand.host).await.unwrap();
            let request = format!(
                "POST /api/v1/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {OPENROUTER_KEY}\r\ncontent-length: {}\r\n\r\n{body}",
                stand.host,
                body.len()
            );
            write(&socket, request.as_bytes()).await;
            // The read ends only because the server closes.
            let bytes = tokio::time::timeout(Duration::from_mins(1), read(&socket)).await.unwrap();
            let reply = parse(&String::from_utf8(bytes).unwrap());
            assert!(reply.status == 200 && reply.complete && !reply.head.contains("connection:"), "{}", reply.head);
        }
        assert!(stand.simulator.journal().entries("c").iter().all(|row| row.finished));
    })
    .await;
}
