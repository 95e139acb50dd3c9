//! The simulator over a real socket.

mod connections;
mod dearest;
mod faults;
mod identity;
mod strict;
mod wires;

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::{OPENROUTER_KEY, Simulator, token};

/// What the client received, complete or not.
struct Reply {
    status: u16,
    head: String,
    body: String,
    /// The sizes of the HTTP chunks, in order.
    chunks: Vec<usize>,
    /// Whether the body ended properly.
    complete: bool,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|wrong| panic!("{wrong}: {}", self.body))
    }

    /// The JSON of each server-sent event, without `[DONE]`.
    fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

/// One running simulator.
struct Stand {
    simulator: Simulator,
    host: String,
}

/// Runs a test against its own simulator.
async fn with_simulator<F: Future<Output = ()>>(test: impl FnOnce(Stand) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stand = Stand { simulator: Simulator::new(Duration::ZERO), host: listener.local_addr().unwrap().to_string() };
    let served = stand.simulator.clone().serve(listener, std::future::pending());
    tokio::select! {
        ended = served => panic!("the simulator ended: {ended:?}"),
        () = test(stand) => {}
    }
}

impl Stand {
    async fn send(&self, request_line: &str, headers: &str, body: &str) -> Reply {
        let socket = TcpStream::connect(&self.host).await.unwrap();
        let request = format!(
            "{request_line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        write(&socket, request.as_bytes()).await;
        parse(&String::from_utf8(read(&socket).await).unwrap())
    }

    async fn openrouter(&self, body: &str) -> Reply {
        let headers = format!("authorization: Bearer {OPENROUTER_KEY}\r\n");
        self.send("POST /api/v1/chat/completions", &headers, body).await
    }

    async fn token(&self) -> String {
        let form = token::tests::form(&self.host, 3_600);
        let reply = self.send("POST /token", "content-type: application/x-www-form-urlencoded\r\n", &form).await;
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn vertex(&self, target: &str, body: &str) -> Reply {
        let headers = format!("Authorization: Bearer {}\r\n", self.token().await);
        self.send(&vertex_line(target), &headers, body).await
    }

    /// Waits until the simulator has received a request with this label.
    async fn begun(&self, label: &str) {
        while self.simulator.journal().entries(label).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The only row of this label.
    fn row(&self, label: &str) -> super::Entry {
        let mut rows = self.simulator.journal().entries(label);
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }
}

async fn write(socket: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        socket.writable().await.unwrap();
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(wrong) => assert_eq!(wrong.kind(), ErrorKind::WouldBlock),
        }
    }
}

/// Reads to the end. After a broken connection, it returns what arrived.
async fn read(socket: &TcpStream) -> Vec<u8> {
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 65_536]);
    loop {
        socket.readable().await.unwrap();
        match socket.try_read(&mut piece) {
            Ok(0) => return bytes,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(wrong) if wrong.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return bytes,
        }
    }
}

fn vertex_line(target: &str) -> String {
    format!("POST /v1/projects/p/locations/global/publishers/{target}")
}

fn parse(response: &str) -> Reply {
    let (head, rest) = response.split_once("\r\n\r\n").unwrap_or((response, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let head = head.to_ascii_lowercase();
    let mut reply = Reply { status, body: String::new(), chunks: Vec::new(), complete: false, head };
    if !reply.head.contains("transfer-encoding: chunked") {
        rest.clone_into(&mut reply.body);
        reply.complete = true;
        return reply;
    }
    let mut rest = rest;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            reply.complete = true;
            break;
        }
        reply.chunks.push(size);
        reply.body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    reply
}

/// A chat completions body.
fn chat(text: &str, more: &str) -> String {
    format!(r#"{{"model":"anthropic/claude-opus-4.6","messages":[{{"role":"user","content":"{text}"}}]{more}}}"#)
}

/// A Messages body for Vertex.
fn messages(text: &str, more: &str) -> String {
    format!(
        r#"{{"anthropic_version":"vertex-2023-10-16","max_tokens":4096,"messages":[{{"role":"user","content":"{text}"}}]{more}}}"#
    )
}

/// A `generateContent` body.
fn contents(text: &str, more: &str) -> String {
    format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"{text}"}}]}}]{more}}}"#)
}
