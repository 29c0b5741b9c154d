//! Benchmarks that print tables of their own, instead of criterion's: their command line.

use std::{io, process::ExitCode, thread};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::processes::raise_limit;

/// Prints a table.
pub type Print = fn(&Options) -> io::Result<()>;

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// Which table; all, if it is empty.
    table: String,
    /// How often each contender runs.
    pub rounds: usize,
    /// How long each measurement takes.
    pub seconds: f64,
    /// How the names of the groups begin that are wanted.
    group: String,
    /// Those contenders that are wanted; all, if there are none.
    only: Vec<String>,
    /// How many connections are idle.
    pub connections: usize,
    core: usize,
    /// Not to measure, but to see that it runs.
    pub is_test: bool,
}

/// Prints the table that the arguments ask for.
pub fn run(benchmark: &str, tables: &[(&str, Print)], arguments: &[&str]) -> ExitCode {
    let Some(options) = Options::parse(tables, arguments) else {
        eprintln!("{}", usage(benchmark, tables));
        return ExitCode::FAILURE;
    };
    // Both are inherited by the processes that it starts.
    raise_limit();
    let mut cores = CpuSet::new();
    cores.set(options.core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        eprintln!(
            "{benchmark}: core {} cannot be had, so any will do: {error}",
            options.core
        );
    }
    let wanted = tables
        .iter()
        .filter(|(name, _)| options.table.is_empty() || options.table == *name);
    for (_, print) in wanted {
        if let Err(error) = print(&options) {
            eprintln!("{benchmark}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn usage(benchmark: &str, tables: &[(&str, Print)]) -> String {
    let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
    format!(
        "\
usage: {benchmark} [OPTIONS] TABLE

tables: {}

options:
  --rounds N         how often each contender runs, but for `memory` (5)
  --seconds S        of each measurement (0.5)
  --group NAME       only the groups whose names begin with this
  --only NAMES       only these contenders, with commas between them, and those that the others are compared with
  --connections N    of the table `memory` (10000)
  --core N           the core that all of it runs on (the last one)
  --test             everything once, as short as can be, to see that it runs",
        names.join(", ")
    )
}

impl Options {
    /// Whether a group is wanted.
    pub fn wants_group(&self, name: &str) -> bool {
        name.starts_with(&self.group)
    }

    /// Whether a contender is wanted.
    pub fn wants(&self, contender: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == contender)
    }

    /// `None` if they make no sense.
    fn parse(tables: &[(&str, Print)], arguments: &[&str]) -> Option<Self> {
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
                table if tables.iter().any(|(name, _)| *name == table) => options.table = table.to_owned(),
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
