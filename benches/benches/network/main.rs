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

mod client;
mod epoll;
mod processes;
#[cfg(feature = "shims")]
mod shims;
mod syscalls;
mod tables;
mod tcp;
mod udp;

use std::{env, io, process::ExitCode, thread};

use interloop_benches::counting::CountingAllocator;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// An event loop, the name of sockets on it, and a server on those, which does not return.
pub(crate) type Contender<J> = (&'static str, &'static str, fn(J));

/// Each prints itself.
type Table = fn(&Options) -> io::Result<()>;

const TABLES: [(&str, Table); 4] = [
    ("echo", tables::echo),
    ("syscalls", tables::syscalls),
    ("memory", tables::memory),
    ("udp", tables::udp),
];

const USAGE: &str = "\
usage: network [OPTIONS] TABLE

tables: echo, syscalls, memory, udp

options:
  --rounds N         how often each contender runs, but for `memory` (5)
  --seconds S        of each measurement (0.5)
  --group NAME       only the groups whose names begin with this
  --connections N    of the table `memory` (10000)
  --core N           the core that all of it runs on (the last one)
  --test             everything once, as short as can be, to see that it runs";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    table: String,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) group: String,
    pub(crate) connections: usize,
    core: usize,
    /// Not to measure, but to see that it runs.
    pub(crate) is_test: bool,
}

fn main() -> ExitCode {
    raise_limit();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", protocol, event_loop, contender, buffer] => {
            processes::serve(protocol, event_loop, contender, buffer.parse().unwrap());
        }
        // An error is the server's end.
        ["client", protocol, server, connections, size] => drop(client::run(
            protocol,
            server.parse().unwrap(),
            connections.parse().unwrap(),
            size.parse().unwrap(),
        )),
        _ => match Options::parse(&arguments) {
            Some(options) => return report(&options),
            None => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        },
    }
    ExitCode::SUCCESS
}

/// Ten thousand connections need more descriptors than shells allow by default.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the limit can be raised to its maximum");
}

fn report(options: &Options) -> ExitCode {
    // Inherited by the processes that it starts.
    let mut cores = CpuSet::new();
    cores.set(options.core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        eprintln!("network: core {} cannot be had, so any will do: {error}", options.core);
    }
    let wanted = TABLES
        .iter()
        .filter(|(name, _)| options.table.is_empty() || options.table == *name);
    for (_, print) in wanted {
        if let Err(error) = print(options) {
            eprintln!("network: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

impl Options {
    /// `None` if they make no sense.
    fn parse(arguments: &[&str]) -> Option<Self> {
        let mut options = Self {
            table: String::new(),
            rounds: 5,
            seconds: 0.5,
            group: String::new(),
            connections: 10_000,
            core: thread::available_parallelism().map_or(0, |cores| cores.get() - 1),
            is_test: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                // cargo's own.
                "--bench" => {}
                "--test" => options.is_test = true,
                "--rounds" => options.rounds = arguments.next()?.parse().ok()?,
                "--seconds" => options.seconds = arguments.next()?.parse().ok()?,
                "--group" => options.group = arguments.next()?.to_string(),
                "--connections" => options.connections = arguments.next()?.parse().ok()?,
                "--core" => options.core = arguments.next()?.parse().ok()?,
                table if TABLES.iter().any(|(name, _)| *name == table) => options.table = table.to_owned(),
                _ => return None,
            }
        }
        if options.is_test {
            options.rounds = 1;
            options.seconds = 0.001;
            options.connections = 10;
        }
        (options.is_test || !options.table.is_empty()).then_some(options)
    }
}
