//! Programs that use deferreds, run on `interloop`, and compared with what they do on Twisted.
//!
//! Each line of a corpus is a program in a small language, and the log that it made on real Twisted: which callbacks ran,
//! in which order, with which outcomes; which failures nobody handled. This interpreter maps the language to the
//! library's public interface and compares the logs. No rule of deferreds is written here: what fires when, where a
//! cancellation goes, who waits for whom, what is unhandled is all the library's. What is here is what the language
//! leaves to its interpreters: handles that were moved, firing twice, and where exceptions would have surfaced.
//!
//! ```text
//! cargo run --release --example twisted_conformance -- [--tags] [--show N] FILE.jsonl[.gz]...
//! ```
//!
//! `--tags` counts by what programs contain too, and `--show` says how many of those that differ are printed in full.
//! The language is described in `tests/twisted/FORMAT.md`. It ends with status 1 if a program differs.
//!
//! Programs that share handles are left out, and so are the few others that cannot be written; a table says why.

mod collect;
mod coroutine;
mod deep;
mod futures;
mod ops;
mod pauses;
mod periodic;
mod program;
mod raises;
mod report;
mod run;
mod sync;
mod timing;
mod values;
mod world;

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::ExitCode,
};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::{
    program::{Hints, Mode, Record},
    report::{DEFECT, Report},
    values::Event,
};

const USAGE: &str = "usage: twisted_conformance [--tags] [--show N] FILE.jsonl[.gz]...";

struct Arguments {
    by_tag: bool,
    shown: usize,
    files: Vec<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        let mut arguments = env::args_os().skip(1);
        let mut parsed = Self {
            by_tag: false,
            shown: 5,
            files: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            if argument == "--tags" {
                parsed.by_tag = true;
            } else if argument == "--show" {
                let number = arguments.next().and_then(|number| number.to_str()?.parse().ok());
                parsed.shown = number.ok_or_else(|| format!("--show takes a number\n{USAGE}"))?;
            } else if argument.to_string_lossy().starts_with('-') {
                return Err(format!("unknown option {}\n{USAGE}", argument.to_string_lossy()));
            } else {
                parsed.files.push(argument.into());
            }
        }
        if parsed.files.is_empty() {
            return Err(format!("no file\n{USAGE}"));
        }
        Ok(parsed)
    }
}

fn main() -> ExitCode {
    let report = Arguments::parse()
        .map_err(Into::into)
        .and_then(|arguments| compare(&arguments));
    match report {
        Ok(report) if report.diverging() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(arguments: &Arguments) -> Result<Report, Box<dyn Error>> {
    run::collect_unhandled();
    let mut report = Report::new(arguments.shown);
    for file in &arguments.files {
        compare_file(file, &mut report).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    // A reader that has seen enough is no error.
    match io::stdout().write_all(report.text(arguments.by_tag).as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(report),
    }
}

fn compare_file(path: &Path, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let file = File::open(path)?;
    let reader: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(MultiGzDecoder::new(BufReader::new(file))),
        _ => Box::new(file),
    };
    for (number, line) in (1..).zip(BufReader::new(reader).lines()) {
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        if !line.trim().is_empty() {
            compare_line(&line, report).map_err(|error| format!("line {number}: {error}"))?;
        }
    }
    Ok(())
}

fn compare_line(line: &str, report: &mut Report) -> Result<(), serde_json::Error> {
    let text: Event = serde_json::from_str(line)?;
    let Record { program, expect, tags } = Record::deserialize(&text)?;
    let category = program.category.clone();
    if program.mode == Mode::Shared || tags.iter().any(|tag| tag == DEFECT) {
        report.exclude(&category, &tags);
        return Ok(());
    }
    let hints = Hints::of(&text["program"]);
    // A panic is a divergence of this program, and nothing to the others.
    let run = panic::catch_unwind(AssertUnwindSafe(|| run::run(program, hints)));
    let (got, impossible) = run.map_or((None, None), |(trace, impossible)| (Some(trace), impossible));
    let agrees = got.as_ref().is_some_and(|trace| trace.agrees_with(&expect));
    if let (false, Some(impossible)) = (agrees, impossible) {
        report.exclude_impossible(&category, &tags, impossible);
        return Ok(());
    }
    report.count(&category, &tags, agrees);
    if !agrees {
        report.show(&text["program"], &expect, got.as_ref());
    }
    Ok(())
}
