//! How long calls of the table may take, and a table that says nothing, for the tests of what waits for it.

use std::net::TcpListener;
use std::time::Duration;

use super::{ATTEMPT, Limit, Patience, Store};

/// A table whose connections open and never carry an answer, and a client of it. Time can be stopped for the client: nothing on
/// the other side has to run.
pub(crate) fn silent() -> (TcpListener, Store) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, Store::local("table", &endpoint))
}

#[test]
fn the_limits_of_a_function_are_in_proportion_to_one_attempt_at_a_read() {
    let millis = |limit: Limit| (limit.attempt.as_millis(), limit.operation.as_millis());
    for (attempt, factor) in [(ATTEMPT, 1), (Duration::from_millis(600), 2)] {
        let Patience { read, write, page } = Patience::of_a_function(attempt);
        let expected = [(300, 1_000), (1_000, 4_000), (3_000, 8_000)].map(|(one, all)| (one * factor, all * factor));
        assert_eq!([read, write, page].map(millis), expected);
    }
}
