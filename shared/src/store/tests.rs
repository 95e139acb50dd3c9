//! A table that says nothing, for the tests of what waits for it.

use std::net::TcpListener;

use super::Store;

/// A table whose connections open and never carry an answer, and a client of it. Time can be stopped for the client: nothing on
/// the other side has to run.
pub(crate) fn silent() -> (TcpListener, Store) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, Store::local("table", &endpoint))
}
