//! Real libraries on every loop: each cell of the table is an exchange that was made and verified, in a process of its own.
//!
//! ```text
//! cargo run -p interloop-ecosystem-matrix -- [--only LIBRARY] [--write FILE | --check FILE]
//! ```
//!
//! The table goes to standard output, what happens meanwhile to standard error. `--write` puts the table into a document, between its two
//! marks, and `--check` compares it with the one that is there. Libraries that talk to a server of their own are skipped where the
//! environment names none, with a message; `ci/ecosystem.sh` starts those servers.
//!
//! Exit code 1 if a cell failed or the document says something else, 2 for wrong arguments.

mod cell;
mod document;
mod libraries;
mod loops;
mod table;

use std::{env, fs, process::ExitCode};

use self::{
    cell::Cell,
    libraries::{LIBRARIES, Library},
    loops::LOOPS,
    table::{Row, Table},
};

/// Whatever goes wrong in an exchange.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: interloop-ecosystem-matrix [--only LIBRARY] [--write FILE | --check FILE]";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // How it calls itself.
        ["cell", library, event_loop] => cell::run(library, event_loop),
        ref args => Options::parse(args).map_or_else(
            || {
                eprintln!("{USAGE}");
                ExitCode::from(2)
            },
            |options| options.run(),
        ),
    }
}

struct Options<'a> {
    only: Option<&'a str>,
    write: Option<&'a str>,
    check: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(mut args: &[&'a str]) -> Option<Self> {
        let mut options = Self {
            only: None,
            write: None,
            check: None,
        };
        while let [option, value, rest @ ..] = args {
            let place = match *option {
                "--only" if LIBRARIES.iter().any(|library| library.name == *value) => &mut options.only,
                "--write" => &mut options.write,
                "--check" => &mut options.check,
                _ => return None,
            };
            *place = Some(value);
            args = rest;
        }
        args.is_empty().then_some(options)
    }

    fn run(self) -> ExitCode {
        let is_asked_for = |library: &&Library| self.only.is_none_or(|only| library.name == only);
        let table = Table {
            rows: LIBRARIES.iter().filter(is_asked_for).map(fill).collect(),
        };
        println!("{table}");
        let mut is_right = true;
        for (library, event_loop, why) in table.failures() {
            eprintln!("{library} on {event_loop} fails: {why}");
            is_right = false;
        }
        let done = match (self.write, self.check) {
            (Some(path), _) => fs::read_to_string(path)
                .map_err(Failure::from)
                .and_then(|text| Ok(fs::write(path, document::with(&text, &table)?)?)),
            (None, Some(path)) => fs::read_to_string(path)
                .map_err(Failure::from)
                .and_then(|text| document::check(&text, &table)),
            (None, None) => Ok(()),
        };
        if let Err(error) = done {
            eprintln!("{}: {error}", self.write.or(self.check).unwrap_or_default());
            is_right = false;
        }
        if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Fills a row by running it.
fn fill(library: &'static Library) -> Row {
    let missing = library.server.filter(|server| env::var_os(server.variable).is_none());
    if let Some(server) = missing {
        eprintln!(
            "{}: skipped, as there is no {} ({} is not set)",
            library.name, server.name, server.variable
        );
    }
    let cells = missing.is_none().then(|| {
        LOOPS.each_ref().map(|event_loop| {
            let cell = Cell::fill(library, event_loop);
            eprintln!("{} on {}: {cell}", library.name, event_loop.name);
            cell
        })
    });
    Row { library, cells }
}
