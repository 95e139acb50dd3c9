//! A table that does not answer, for tests of code that waits for it.

use std::net::TcpListener;

use super::Store;

/// A table that accepts connections and never answers, and a client for it. Tests can stop the client's clock, because
/// nothing on the other side has to run.
pub(crate) fn silent() -> (TcpListener, Store) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, Store::local("table", &endpoint))
}
