//! What a protocol costs: a server that answers each line with the same line, as a protocol on interloop, with tokio's codec of lines, as a
//! bare epoll loop, and in Python with Twisted, asyncio and uvloop.
//!
//! ```text
//! INTERLOOP_PYTHON=... cargo bench -p interloop-benches --bench lines -- echo
//! ```
//!
//! One table per run: `echo` or `memory`. Server and client are a process each, and take turns on one core; what is measured of the server is
//! the processor's time of its process. Contenders take turns as those of `network` do, and are compared within a round only. Those that run
//! in Python are there if `INTERLOOP_PYTHON` names a Python that has them.

#![allow(missing_docs)]

mod servers;
mod tables;

use std::{
    env,
    io::{self, Read},
    net::SocketAddr,
    process::ExitCode,
};

use interloop_benches::{
    counting::CountingAllocator,
    load,
    processes::{announce, listener},
    tables::{Print, run},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const TABLES: [(&str, Print); 2] = [("echo", tables::echo), ("memory", tables::memory)];

/// A line, with what ends it.
const LINE: &[u8] = b"0123456789 the quick brown fox jumps over the lazy dog, twice.\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", contender] => serve(contender),
        // An error is the server's end.
        ["client", server, connections, lines] => drop(talk(
            server.parse().unwrap(),
            connections.parse().unwrap(),
            lines.parse().unwrap(),
        )),
        _ => return run("lines", &TABLES, &arguments),
    }
    ExitCode::SUCCESS
}

/// The server's process.
fn serve(contender: &str) {
    let listener = listener();
    announce(listener.local_addr().unwrap());
    let found = servers::CONTENDERS.iter().find(|(name, _)| *name == contender);
    found.expect("there is such a contender").1(listener);
}

/// The client's process: a request is so many lines at once.
fn talk(server: SocketAddr, connections: usize, lines: usize) -> io::Result<()> {
    let message = LINE.repeat(lines);
    let expected = message.clone();
    let mut echoed = vec![0; message.len()];
    load::run(load::over_tcp(server, connections, message, move |stream| {
        stream.read_exact(&mut echoed)?;
        assert!(echoed == expected, "what came back is something else");
        Ok(())
    })?)
}
