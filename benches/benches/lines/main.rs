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

mod load;
mod processes;
mod servers;
mod tables;

use std::{env, process::ExitCode, thread};

use interloop_benches::counting::CountingAllocator;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const USAGE: &str = "\
usage: lines [OPTIONS] TABLE

tables: echo, memory

options:
  --rounds N         how often each contender runs (5)
  --seconds S        of each measurement (0.5)
  --group NAME       only the groups whose names begin with this
  --only NAMES       only these contenders, with commas between them
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
    pub(crate) only: Vec<String>,
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
        ["server", contender] => processes::serve(contender),
        // An error is the server's end.
        ["client", server, connections, lines] => drop(load::run(
            server.parse().unwrap(),
            connections.parse().unwrap(),
            lines.parse().unwrap(),
        )),
        _ => match Options::parse(&arguments) {
            Some(options) => report(&options),
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

fn report(options: &Options) {
    // Inherited by the processes that it starts.
    let mut cores = CpuSet::new();
    cores.set(options.core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        eprintln!("lines: core {} cannot be had, so any will do: {error}", options.core);
    }
    if options.table != "memory" {
        tables::echo(options);
    }
    if options.table != "echo" {
        tables::memory(options);
    }
}

impl Options {
    /// `None` if they make no sense.
    fn parse(arguments: &[&str]) -> Option<Self> {
        let mut options = Self {
            table: String::new(),
            rounds: 5,
            seconds: 0.5,
            group: String::new(),
            only: Vec::new(),
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
                "--only" => options.only = arguments.next()?.split(',').map(str::to_owned).collect(),
                "--connections" => options.connections = arguments.next()?.parse().ok()?,
                "--core" => options.core = arguments.next()?.parse().ok()?,
                "echo" | "memory" => options.table = argument.to_string(),
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
