//! Sockets that send small pieces at once.

use axum::serve::{ListenerExt as _, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections have `TCP_NODELAY`, as Lambda adds no pause between the pieces of a stream.
pub(crate) fn prompt(listener: TcpListener) -> TapIo<TcpListener, fn(&mut TcpStream)> {
    listener.tap_io(|socket| {
        // Without it a stream is slower, not wrong.
        drop(socket.set_nodelay(true));
    })
}
