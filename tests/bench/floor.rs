//! A proxy that only moves bytes: what a request costs at the least. Its argument is the address it forwards to; it prints its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    drop(to.shutdown(std::net::Shutdown::Write));
}

fn main() {
    let upstream = std::env::args().nth(1).expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    // Threads that live as long as the process: the time of one that has ended is in no statistics.
    let (requests, waiting) = mpsc::channel();
    thread::spawn(move || waiting.into_iter().for_each(|(client, server)| copy(client, server)));
    for client in listener.incoming() {
        let client = client.expect("a connection");
        let server = TcpStream::connect(&upstream).expect("the upstream");
        client.set_nodelay(true).expect("an option");
        server.set_nodelay(true).expect("an option");
        let (back, forth) = (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
        requests.send((forth, server)).expect("the other thread");
        copy(back, client);
    }
}
