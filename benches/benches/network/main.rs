//! What networking costs: each loop's own sockets, those of other crates, and a bare epoll loop, against interloop's on the same loop.
//!
//! ```text
//! cargo bench -p interloop-benches --features shims --bench network -- echo
//! ```
//!
//! One table per run: `echo`, `syscalls`, `memory` or `udp`. The server is a process of its own, the client is another one, and both belong to
//! one core, where they take turns. What is measured of the server is the processor's time of its process, so that the client's is not in it.
//! Contenders take turns as `report` has them do: once each per round, in an order that turns round, compared within a round only.

#![allow(missing_docs)]

#[cfg(feature = "shims")]
mod shims;
mod syscalls;
mod tables;
mod tcp;
mod udp;

use std::{
    env,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::ExitCode,
    time::{Duration, Instant},
};

use interloop_benches::{
    counting::CountingAllocator,
    load,
    processes::{announce, listener},
    tables::{Print, run},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// An event loop, the name of sockets on it, and a server on those, which does not return.
pub(crate) type Contender<J> = (&'static str, &'static str, fn(J));

const TABLES: [(&str, Print); 4] = [
    ("echo", tables::echo),
    ("syscalls", tables::syscalls),
    ("memory", tables::memory),
    ("udp", tables::udp),
];

/// How many datagrams are on their way. More would not fit into the socket's buffer, and get lost.
const UDP_WINDOW: usize = 32;
/// When datagrams that have not come back count as lost.
const UDP_PATIENCE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", protocol, event_loop, contender, buffer] => {
            serve(protocol, event_loop, contender, buffer.parse().unwrap());
        }
        // An error is the server's end.
        ["client", protocol, server, connections, size] => drop(talk(
            protocol,
            server.parse().unwrap(),
            connections.parse().unwrap(),
            size.parse().unwrap(),
        )),
        _ => return run("network", &TABLES, &arguments),
    }
    ExitCode::SUCCESS
}

/// The server's process.
fn serve(protocol: &str, event_loop: &str, contender: &str, buffer: usize) {
    match protocol {
        "tcp" => {
            let listener = listener();
            announce(listener.local_addr().unwrap());
            find(tcp::CONTENDERS, event_loop, contender)(tcp::Job { listener, buffer });
        }
        "udp" => {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            announce(socket.local_addr().unwrap());
            find(udp::CONTENDERS, event_loop, contender)(socket);
        }
        other => panic!("no such protocol: {other}"),
    }
}

fn find<J>(contenders: &[Contender<J>], event_loop: &str, contender: &str) -> fn(J) {
    let found = contenders
        .iter()
        .find(|(its_loop, its_name, _)| (*its_loop, *its_name) == (event_loop, contender));
    found.expect("there is such a contender").2
}

/// The client's process.
fn talk(protocol: &str, server: SocketAddr, connections: usize, size: usize) -> io::Result<()> {
    let message = vec![7; size];
    let mut echoed = vec![0; size];
    if protocol != "udp" {
        let exchange = load::over_tcp(server, connections, message, move |stream| {
            stream.read_exact(&mut echoed)
        });
        return load::run(exchange?);
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(UDP_PATIENCE))?;
    load::run(|latencies| {
        let begun = Instant::now();
        for _ in 0..UDP_WINDOW {
            socket.send(&message)?;
        }
        let mut answered = 0;
        while answered < UDP_WINDOW && socket.recv(&mut echoed).is_ok() {
            latencies.push(begun.elapsed());
            answered += 1;
        }
        Ok(answered as u64)
    })
}
