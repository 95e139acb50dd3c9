//! Tests the function's connection to the Runtime API if the other end delays its acknowledgements.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use gateway_tests::{Harness, options};
use rustix::net::sockopt::set_tcp_quickack;
use serde_json::json;
use tokio::process::Command;

/// The shortest delay of an acknowledgement in Linux (`TCP_DELACK_MIN`).
const DELAY: Duration = Duration::from_millis(40);
const STREAMS: usize = 10;

/// Serves one connection: answers each poll with the event, and reports the longest pause within each answer.
fn serve(mut socket: TcpStream, event: &str, pauses: &Sender<Duration>) -> Result<()> {
    loop {
        let (mut request, mut last, mut longest) = (Vec::new(), None::<Instant>, Duration::ZERO);
        while !(request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n") || request.ends_with(b"\r\n0\r\n\r\n")) {
            // The kernel resets this option with each segment.
            set_tcp_quickack(&socket, false)?;
            let mut piece = [0; 4096];
            let read = socket.read(&mut piece)?;
            anyhow::ensure!(read > 0, "the function has left");
            let now = Instant::now();
            longest = longest.max(last.map(|last| now - last).unwrap_or_default());
            last = Some(now);
            request.extend_from_slice(&piece[..read]);
        }
        if request.starts_with(b"GET") {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlambda-runtime-aws-request-id: 1\r\n\
                 lambda-runtime-deadline-ms: 9999999999999\r\nlambda-runtime-invoked-function-arn: arn\r\n\
                 content-length: {}\r\n\r\n",
                event.len()
            );
            socket.write_all(format!("{head}{event}").as_bytes())?;
        } else {
            let answer = String::from_utf8_lossy(&request);
            anyhow::ensure!(answer.contains("data: [DONE]"), "{answer}");
            pauses.send(longest)?;
            socket.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
        }
    }
}

#[tokio::test]
async fn no_piece_of_a_stream_waits_for_an_acknowledgement() -> Result<()> {
    let gateway = Harness::start_with(options()?).await?;
    let body = json!({"model": "gpt-5.2", "stream": true, "messages": [{"role": "user", "content": "one two three"}]});
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/v1/chat/completions", "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {}", gateway.stack.key()), "content-type": "application/json"},
        "requestContext": {
            "accountId": "anonymous", "apiId": "x", "domainName": "x", "domainPrefix": "x", "requestId": "1",
            "routeKey": "$default", "stage": "$default", "time": "27/Nov/2026:00:00:00 +0000", "timeEpoch": 0,
            "http": {"method": "POST", "path": "/v1/chat/completions", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                     "userAgent": "x"},
        },
        "body": body.to_string(), "isBase64Encoded": false,
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (sender, pauses) = channel();
    thread::spawn(move || {
        let event = event.to_string();
        for socket in listener.incoming().map_while(Result::ok) {
            let (event, sender) = (event.clone(), sender.clone());
            // The loop ends when the process or the test ends.
            thread::spawn(move || serve(socket, &event, &sender).map_err(|error| eprintln!("{error:#}")));
        }
    });
    let process = Command::new(gateway_tests::binary("chat-completions")?)
        .env_clear()
        .envs(gateway.stack.support.variables.iter().cloned())
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "chat-completions")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let waiting = move || (0..STREAMS).map(|_| pauses.recv_timeout(Duration::from_secs(20))).collect::<Result<Vec<_>, _>>();
    let pauses = tokio::task::spawn_blocking(waiting).await??;
    drop(process);
    // Other programs may delay one stream, but not all of them.
    let shortest = pauses.iter().min().context("no stream")?;
    assert!(*shortest < DELAY, "{pauses:?}");
    Ok(())
}
