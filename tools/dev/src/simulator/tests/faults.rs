//! Faults on command, and requests that the simulator rejects.

use super::*;

const CLAUDE_STREAM: &str = "anthropic/models/claude-opus-4-6:streamRawPredict";
const GEMINI_STREAM: &str = "google/models/gemini-3-pro:streamGenerateContent?alt=sse";
const STREAM: &str = r#","stream":true"#;

impl Stand {
    /// The same script streamed by all three: OpenRouter, Claude, Gemini.
    async fn all(&self, script: &str) -> [Reply; 3] {
        [
            self.openrouter(&chat(script, STREAM)).await,
            self.vertex(CLAUDE_STREAM, &messages(script, STREAM)).await,
            self.vertex(GEMINI_STREAM, &contents(script, "")).await,
        ]
    }
}

#[tokio::test]
async fn error_comes_in_each_wire_s_own_shape() {
    with_simulator(async |stand: Stand| {
        let replies = stand.all("[[sim:error status=429 retry-after=7]]").await;
        for reply in &replies {
            assert!(reply.status == 429 && reply.head.contains("retry-after: 7"), "{}", reply.head);
        }
        let [openrouter, claude, gemini] = replies.map(|reply| reply.json());
        assert_eq!(openrouter["error"]["code"], 429);
        assert_eq!((&claude["type"], &claude["error"]["type"]), (&"error".into(), &"rate_limit_error".into()));
        assert_eq!(gemini["error"]["status"], "RESOURCE_EXHAUSTED");
        assert_eq!(stand.openrouter(&chat("[[sim:error status=529]]", "")).await.status, 529);
    })
    .await;
}

#[tokio::test]
async fn cut_breaks_the_connection_after_its_words() {
    with_simulator(async |stand: Stand| {
        for reply in stand.all("[[sim:cut after=2 label=cut]]").await {
            assert!(!reply.complete && reply.status == 200);
            assert!(
                reply.body.contains("Hello") && reply.body.contains(" from") && !reply.body.contains(" the"),
                "{}",
                reply.body
            );
        }
        let rows = stand.simulator.journal().entries("cut");
        assert!(rows.iter().all(|row| !row.finished));
        // OpenRouter reports usage at the end, Claude its input at the start, Gemini in every chunk.
        let told = rows.iter().map(|row| row.usage.map(|usage| usage.output_tokens)).collect::<Vec<_>>();
        assert_eq!(told, [None, Some(1), Some(2)]);
        assert!(!stand.openrouter(&chat("[[sim:cut]]", "")).await.complete);
    })
    .await;
}

#[tokio::test]
async fn midstream_error_ends_the_stream_in_order() {
    with_simulator(async |stand: Stand| {
        let [openrouter, claude, gemini] = stand.all("[[sim:midstream-error after=2]]").await;
        assert!(openrouter.complete && claude.complete && gemini.complete);
        assert_eq!(openrouter.events().last().unwrap()["error"]["code"], 502);
        assert!(openrouter.body.ends_with("data: [DONE]\n\n"));
        assert_eq!(claude.events().last().unwrap()["error"]["type"], "overloaded_error");
        assert_eq!(gemini.events().last().unwrap()["error"]["code"], 503);
        let whole = stand.openrouter(&chat("[[sim:midstream-error]]", "")).await;
        assert_eq!((whole.status, &whole.json()["error"]["code"]), (200, &502.into()));
    })
    .await;
}

#[tokio::test]
async fn usage_is_never_told_if_the_script_says_so() {
    with_simulator(async |stand: Stand| {
        for reply in stand.all("[[sim:no-usage label=n]]").await {
            assert!(reply.complete && !reply.body.contains("usage"), "{}", reply.body);
        }
        assert!(stand.simulator.journal().entries("n").iter().all(|row| row.usage.is_none() && row.finished));
    })
    .await;
}

#[tokio::test]
async fn truncated_replies_say_why_they_end() {
    with_simulator(async |stand: Stand| {
        let replies = stand.all("[[sim:truncated]]").await;
        for (reply, reason) in replies.iter().zip(["\"length\"", "\"max_tokens\"", "\"MAX_TOKENS\""]) {
            assert!(reply.body.contains(reason), "{}", reply.body);
        }
    })
    .await;
}

#[tokio::test]
async fn page_empty_body_and_secret_are_sent_as_scripted() {
    with_simulator(async |stand: Stand| {
        for reply in stand.all("[[sim:html]]").await {
            assert!(reply.status == 200 && reply.head.contains("text/html"));
        }
        for reply in stand.all("[[sim:empty label=e]]").await {
            assert!(reply.status == 200 && reply.body.is_empty());
        }
        assert!(stand.simulator.journal().entries("e").iter().all(|row| row.finished));
        for reply in stand.all("[[sim:secret]]").await {
            let leak = "sk-or-leaked and https://internal.example/projects/simulated-project";
            assert!(reply.status == 400 && reply.body.contains(leak));
        }
    })
    .await;
}

#[tokio::test]
async fn long_reply_has_its_words_and_counts_them() {
    with_simulator(async |stand: Stand| {
        for reply in stand.all("[[sim:long words=300 label=l]]").await {
            assert!(reply.complete && reply.chunks.len() >= 300);
        }
        let rows = stand.simulator.journal().entries("l");
        assert!(rows.iter().all(|row| row.usage.unwrap().output_tokens == 300));
    })
    .await;
}

#[tokio::test]
async fn silent_reply_has_a_row_before_its_head() {
    with_simulator(async |stand: Stand| {
        let body = chat("[[sim:silent ms=1000 label=s]]", STREAM);
        let look = async {
            stand.begun("s").await;
            let row = stand.row("s");
            assert!(!row.finished && row.usage.is_none());
        };
        let (reply, ()) = tokio::join!(stand.openrouter(&body), look);
        assert!(reply.complete && stand.row("s").finished);
    })
    .await;
}

#[tokio::test]
async fn client_that_leaves_never_sees_the_end() {
    with_simulator(async |stand: Stand| {
        let body = chat("[[sim:stall after=1 ms=60000 label=gone]]", STREAM);
        tokio::select! {
            _ = stand.openrouter(&body) => panic!("a reply that stalls for a minute has ended"),
            () = stand.begun("gone") => {}
        }
        assert!(!stand.row("gone").finished);
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_redacted() {
    with_simulator(async |stand: Stand| {
        let line = "POST /api/v1/chat/completions";
        let reply = stand.send(line, "Authorization: Bearer sk-real\r\n", &chat("[[sim:echo label=k]]", "")).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &401.into()));
        assert_eq!(stand.row("k").headers["authorization"], "<redacted>");
        let reply = stand.send(&vertex_line(CLAUDE_STREAM), "", &messages("hello", STREAM)).await;
        assert_eq!((reply.status, &reply.json()["error"]["status"]), (401, &"UNAUTHENTICATED".into()));
        stand.openrouter(&chat("[[sim:echo label=own]]", "")).await;
        assert_eq!(stand.row("own").headers["authorization"], "Bearer sk-or-simulated");
    })
    .await;
}

#[tokio::test]
async fn requests_that_vertex_refuses_are_refused() {
    with_simulator(async |stand: Stand| {
        for (body, reason) in [
            (messages("hello", r#","stream":true,"model":"x""#), "model: Extra inputs are not permitted"),
            (messages("hello", ""), "stream: must be true"),
            (messages("hello", STREAM).replace("max_tokens", "max"), "max_tokens: Field required"),
            (messages("hello", STREAM).replace("2023", "2024"), "anthropic_version"),
            ("{".to_owned(), "Invalid JSON"),
            (messages("[[sim:eco]]", STREAM), "known: echo, tool"),
        ] {
            let reply = stand.vertex(CLAUDE_STREAM, &body).await;
            assert_eq!((reply.status, &reply.json()["type"]), (400, &"error".into()));
            assert!(reply.body.contains(reason), "{}", reply.body);
        }
        let reply = stand.vertex(GEMINI_STREAM, "[]").await;
        assert_eq!((reply.status, &reply.json()["error"]["status"]), (400, &"INVALID_ARGUMENT".into()));
        assert_eq!(stand.openrouter("no json").await.json()["error"]["code"], 400);
    })
    .await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_not_found() {
    with_simulator(async |stand: Stand| {
        for line in ["GET /", "GET /token", "POST /v1/projects/p/locations/l/publishers/other/models/m:rawPredict"] {
            let reply = stand.send(line, "", "").await;
            assert_eq!((reply.status, &reply.json()["error"]["status"]), (404, &"NOT_FOUND".into()), "{line}");
        }
    })
    .await;
}

#[tokio::test]
async fn journal_is_served_by_label() {
    with_simulator(async |stand: Stand| {
        stand.openrouter(&chat("[[sim:echo label=a]]", "")).await;
        stand.openrouter(&chat("hello", "")).await;
        let rows = stand.send("GET /_simulator/journal?label=a", "", "").await.json();
        assert_eq!((rows.as_array().unwrap().len(), &rows[0]["scenario"]), (1, &"echo".into()));
        assert_eq!(rows[0]["body"], chat("[[sim:echo label=a]]", ""));
        let rows = stand.send("GET /_simulator/journal", "", "").await.json();
        assert_eq!(rows.as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn shutdown_ends_the_server_even_while_a_reply_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let simulator = Simulator::new(Duration::ZERO);
    let stand = Stand { simulator: simulator.clone(), host: listener.local_addr().unwrap().to_string() };
    let body = chat("[[sim:silent ms=60000]]", STREAM);
    let shutdown = tokio::time::sleep(Duration::from_millis(100));
    tokio::select! {
        served = simulator.serve(listener, shutdown) => served.unwrap(),
        _ = stand.openrouter(&body) => panic!("a silent reply spoke"),
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("the simulator did not end"),
    }
}
