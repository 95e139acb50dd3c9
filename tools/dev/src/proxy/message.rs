//! Requests and answers as bytes. They are passed on unchanged.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Action;

/// A request or an answer with its body.
#[derive(Debug)]
pub(super) struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// Reads the next message. `None` if the connection has ended before it.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut head = String::new();
        loop {
            match from.read_line(&mut head).await? {
                0 if head.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ if head.ends_with("\r\n\r\n") => break,
                _ => {}
            }
        }
        // Neither the SDK nor the emulator sends DynamoDB's JSON in chunks.
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        from.read_exact(&mut body).await?;
        Ok(Some(Self { head, body }))
    }

    /// Sends it unchanged.
    pub(super) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        to.write_all(self.head.as_bytes()).await?;
        to.write_all(&self.body).await?;
        to.flush().await
    }

    /// The operation of a request: `X-Amz-Target` without the version of the interface.
    pub(super) fn operation(&self) -> String {
        let target = header(&self.head, "x-amz-target").unwrap_or_default();
        target.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// The body as text.
    pub(super) fn body(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same head with another body.
    pub(super) fn with_body(&self, body: String) -> Self {
        let is_length =
            |line: &&str| line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let kept: Vec<&str> = self.head.trim_end().lines().filter(|line| !is_length(line)).collect();
        Self { head: format!("{}\r\ncontent-length: {}\r\n\r\n", kept.join("\r\n"), body.len()), body: body.into_bytes() }
    }

    /// The error for a fault, as DynamoDB words it. `None` for faults without an answer.
    pub(super) fn error(action: &Action, operation: &str) -> Option<Self> {
        let (status, body) = match action {
            Action::Throttle => ("400 Bad Request", error("ThrottlingException", "Rate exceeded")),
            Action::ExceedThroughput => {
                let message = "The level of configured provisioned throughput for the table was exceeded.";
                ("400 Bad Request", error("ProvisionedThroughputExceededException", message))
            }
            Action::InternalError => ("500 Internal Server Error", error("InternalServerError", "Internal server error")),
            Action::TransactionConflict => ("400 Bad Request", conflict(operation)),
            Action::Refuse | Action::Hang | Action::Delay(_) | Action::CommitAndDrop | Action::CommitAndDelay(_) => {
                return None;
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Some(Self { head, body: body.into_bytes() })
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn error(code: &str, message: &str) -> String {
    format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}"#)
}

fn conflict(operation: &str) -> String {
    if operation != "TransactWriteItems" {
        return error("TransactionConflictException", "Transaction is ongoing for the item");
    }
    let message =
        "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]";
    let reasons = r#"[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},{"Code":"None"}]"#;
    format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":{reasons},"Message":"{message}"}}"#
    )
}
