//! Functions that another program runs behind Lambda's Invoke API, such as `sam local start-lambda`.

use anyhow::{Context as _, Result, ensure};

use crate::lambda::Reply;

/// Separates the head of a streamed answer from its body (Lambda's response streaming).
const DIVIDER: [u8; 8] = [0; 8];

/// The Invoke API of these functions.
#[derive(Clone, Debug)]
pub struct Remote {
    client: reqwest::Client,
    base_url: String,
}

impl Remote {
    /// The API at that base URL.
    pub fn new(base_url: &str) -> Result<Self> {
        // The client requires one even if it is never used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().build().context("make a client")?;
        Ok(Self { client, base_url: base_url.trim_end_matches('/').to_owned() })
    }

    /// Sends the event to a function, by its name in the template. Streams arrive in one piece, because this API does not
    /// stream.
    pub async fn invoke(&self, function: &str, event: String) -> Result<Reply> {
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.base_url, logical_id(function));
        let response = self.client.post(url).body(event).send().await.context("reach the functions")?;
        let status = response.status();
        let answer = response.bytes().await.context("read the answer")?;
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&answer));
        reply(&answer).with_context(|| format!("not the response of a function: {}", String::from_utf8_lossy(&answer)))
    }
}

/// The resource name of a function: `chat-completions` is `ChatCompletionsFunction`.
fn logical_id(function: &str) -> String {
    let words = function.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    format!("{}Function", words.collect::<String>())
}

/// An answer as received: complete, or the head of a stream with its whole body.
fn reply(answer: &[u8]) -> Option<Reply> {
    match memchr::memmem::find(answer, &DIVIDER) {
        Some(at) => {
            let (head, body) = answer.split_at(at);
            let head = serde_json::from_slice(head).ok()?;
            Some(Reply::whole(head, body.get(DIVIDER.len()..).unwrap_or_default().to_vec()))
        }
        None => Reply::buffered(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_the_name_of_its_resource() {
        for (function, id) in [
            ("chat-completions", "ChatCompletionsFunction"),
            ("count-tokens", "CountTokensFunction"),
            ("health", "HealthFunction"),
        ] {
            assert_eq!(logical_id(function), id);
        }
    }

    #[tokio::test]
    async fn answers_are_read_whole_and_streamed() {
        let streamed = b"{\"statusCode\":200,\"headers\":{\"a\":\"b\"}}\0\0\0\0\0\0\0\0data: 1\n\n";
        for (answer, status, body) in [
            (&streamed[..], 200, &b"data: 1\n\n"[..]),
            (br#"{"statusCode":404,"headers":{},"body":"no"}"#, 404, b"no"),
            (br#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#, 200, b"hi"),
        ] {
            let mut reply = reply(answer).unwrap();
            assert_eq!(reply.head.status_code, status);
            assert_eq!(reply.body.recv().await.unwrap().unwrap(), body);
        }
        assert!(reply(b"Internal Server Error").is_none());
    }
}
