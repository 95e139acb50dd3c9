//! The SDK's clients, one for each kind of call to the table. They share connections, credentials and settings. With
//! settings for a single call, the SDK would build everything again for each call.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, IdentityCache, Region, StalledStreamProtectionConfig};

use crate::aws;

/// Time limits of calls to the table. The SDK's own limits are unbounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    read: Limit,
    /// Ledger writes may take longer, because the client already has its answer.
    write: Limit,
    /// A page of a long query is a megabyte.
    page: Limit,
}

/// Default time limit of one attempt at a read, in the table's region.
pub(super) const ATTEMPT: Duration = Duration::from_millis(300);

/// The limits of one attempt, and of all attempts of a call together.
#[derive(Clone, Copy, Debug)]
struct Limit {
    attempt: Duration,
    operation: Duration,
}

impl Patience {
    /// A function is in the same region as its table: 300 ms and a second for a read, one and four for a write, three and
    /// eight for a page, or in proportion to another limit of one attempt at a read.
    pub(super) fn of_a_function(attempt: Duration) -> Self {
        let thirds = |number: u32| attempt.saturating_mul(number) / 3;
        Self {
            read: Limit { attempt, operation: thirds(10) },
            write: Limit { attempt: thirds(10), operation: thirds(40) },
            page: Limit { attempt: thirds(30), operation: thirds(80) },
        }
    }

    /// The limit of one attempt at a read.
    pub(super) fn attempt(self) -> Duration {
        self.read.attempt
    }

    /// An operator may be on another continent, where opening a connection takes three slow round trips.
    pub(super) const OF_AN_OPERATOR: Self = Self {
        read: Limit { attempt: Duration::from_secs(5), operation: Duration::from_secs(15) },
        write: Limit { attempt: Duration::from_secs(5), operation: Duration::from_secs(15) },
        page: Limit { attempt: Duration::from_secs(15), operation: Duration::from_secs(30) },
    };
}

/// How often the SDK may try.
#[derive(Clone, Copy, Debug)]
enum Tries {
    Three,
    /// The protocol decides about another attempt.
    Once,
}

/// A client for each kind of call to the table.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// Reads and small writes.
    pub(super) reads: Client,
    /// Pages of long queries, and batches.
    pub(super) pages: Client,
    /// Writes that may be repeated.
    pub(super) writes: Client,
    /// Admissions, for which a client waits.
    pub(super) admissions: Client,
    /// Ledger writes after a reply.
    pub(super) settlements: Client,
}

impl Calls {
    /// Clients with these settings. They do not use the SDK's own settings loader, because it adds 600 kB of credential
    /// sources that a function does not have.
    pub(super) fn new(settings: Builder, region: Option<Region>, patience: Patience) -> Self {
        let mut settings = settings
            .region(region.clone())
            .behavior_version(BehaviorVersion::latest())
            .identity_cache(IdentityCache::lazy().build())
            // Answers are small, and every call has its own limit.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(aws::WithoutDescriptions);
        if let Some(region) = region {
            settings = settings.push_auth_scheme(aws::KeptKey::new(region.to_string(), "dynamodb"));
        }
        let client = |limit: Limit, tries: Tries| Client::from_conf(limit.applied(settings.clone(), tries).build());
        Self {
            reads: client(patience.read, Tries::Three),
            pages: client(patience.page, Tries::Three),
            writes: client(patience.write, Tries::Three),
            admissions: client(patience.read, Tries::Once),
            settlements: client(patience.write, Tries::Once),
        }
    }
}

impl Limit {
    fn applied(self, settings: Builder, tries: Tries) -> Builder {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(self.attempt);
        let (timeouts, retries) = match tries {
            Tries::Three => (
                timeouts.operation_timeout(self.operation),
                RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(25)),
            ),
            // The limit of the attempt is the limit of the call. A second timer would have no effect.
            Tries::Once => (timeouts, RetryConfig::standard().with_max_attempts(1)),
        };
        settings.timeout_config(timeouts.build()).retry_config(retries)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use aws_sdk_dynamodb::config::Credentials;

    use super::*;
    use crate::aws::tests::{KEY_ID, SECRET, expected_authorization};

    #[test]
    fn the_limits_of_a_function_are_in_proportion_to_one_attempt_at_a_read() {
        let millis = |limit: Limit| (limit.attempt.as_millis(), limit.operation.as_millis());
        for (attempt, factor) in [(ATTEMPT, 1), (Duration::from_millis(600), 2)] {
            let Patience { read, write, page } = Patience::of_a_function(attempt);
            let expected = [(300, 1_000), (1_000, 4_000), (3_000, 8_000)].map(|(one, all)| (one * factor, all * factor));
            assert_eq!([read, write, page].map(millis), expected);
        }
    }

    /// Answers one call with an empty object and returns what was sent.
    fn answer_one(listener: &TcpListener) -> String {
        let (mut socket, _) = listener.accept().unwrap();
        let (mut sent, mut piece) = (Vec::new(), [0; 4096]);
        let is_whole = |sent: &[u8]| {
            let text = String::from_utf8_lossy(sent);
            text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                length.is_none_or(|length| body.len() >= length.parse().unwrap())
            })
        };
        while !is_whole(&sent) {
            let read = socket.read(&mut piece).unwrap();
            sent.extend_from_slice(&piece[..read]);
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        String::from_utf8(sent).unwrap()
    }

    #[tokio::test]
    async fn a_call_is_signed_and_describes_itself_no_further() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = aws_sdk_dynamodb::Config::builder()
            .http_client(aws::http_client(&[]))
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            .credentials_provider(Credentials::new(KEY_ID, SECRET, Some("session".to_owned()), None, "test"));
        let calls = Calls::new(settings, Some(Region::from_static("eu-north-1")), Patience::OF_AN_OPERATOR);
        let sent = std::thread::spawn(move || answer_one(&listener));
        calls.reads.get_item().table_name("t").send().await.unwrap();
        let sent = sent.join().unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        let headers: Vec<(String, String)> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        let authorization = &headers.iter().find(|(name, _)| name == "authorization").unwrap().1;
        assert!(authorization.contains("/eu-north-1/dynamodb/aws4_request"), "{authorization}");
        assert_eq!(*authorization, expected_authorization("/", &headers, body));
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let expected = [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-target",
        ];
        assert_eq!(names, expected);
    }
}
