//! Sockets that send small packets immediately.

use axum::serve::{ListenerExt as _, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections have `TCP_NODELAY`, because Lambda does not delay the pieces of a stream.
pub(crate) fn prompt(listener: TcpListener) -> TapIo<TcpListener, fn(&mut TcpStream)> {
    listener.tap_io(|socket| {
        // Without it a stream is slower, but correct.
        drop(socket.set_nodelay(true));
    })
}
