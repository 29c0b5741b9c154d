//! One library on one loop, in a process of its own: what it starts, leaves behind or breaks is nobody else's.

use std::{
    env,
    error::Error,
    fmt::{self, Write as _},
    io::{self, Read},
    process::{Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{
    libraries::{LIBRARIES, Library},
    loops::{LOOPS, Loop},
};

/// How long an exchange may take until it counts as hanging. They take a fraction of a second.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of it.
pub(crate) enum Cell {
    Runs,
    /// Why not.
    Fails(String),
}

impl Cell {
    /// Fills a cell by a run.
    pub(crate) fn fill(library: &Library, event_loop: &Loop) -> Self {
        match run_apart(library, event_loop) {
            Ok(None) => Self::Runs,
            Ok(Some(why)) => Self::Fails(why),
            Err(error) => Self::Fails(format!("its process could not be run: {error}")),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs => f.write_str("runs"),
            Self::Fails(why) => write!(f, "fails: {why}"),
        }
    }
}

/// Runs one in this process.
pub(crate) fn run(library: &str, event_loop: &str) -> ExitCode {
    let library = LIBRARIES.iter().find(|known| known.name == library);
    let event_loop = LOOPS.iter().find(|known| known.name == event_loop);
    let (Some(library), Some(event_loop)) = (library, event_loop) else {
        eprintln!("no such library, or no such loop");
        return ExitCode::from(2);
    };
    match event_loop.run(library) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Runs it in a process, and gives the reason if it fails.
fn run_apart(library: &Library, event_loop: &Loop) -> io::Result<Option<String>> {
    let mut child = Command::new(env::current_exe()?)
        .args(["cell", library.name, event_loop.name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stderr = child.stderr.take().expect("it is piped");
    let (said, is_said) = mpsc::channel();
    // It is read up to its end, which is when the process ends.
    let reading = thread::spawn(move || {
        let mut text = Vec::new();
        let read = stderr.read_to_end(&mut text);
        // Nobody listens when the time is up.
        let _ = said.send(read.map(|_| String::from_utf8_lossy(&text).into_owned()));
    });
    let text = is_said.recv_timeout(LIMIT);
    if text.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let Ok(text) = text else {
        return Ok(Some(format!("it has not ended in {} s", LIMIT.as_secs())));
    };
    drop(reading.join());
    let text = text?;
    if status.success() {
        return Ok(None);
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    Ok(Some(
        last.map_or_else(|| status.to_string(), |line| line.replace('|', "/")),
    ))
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // A string can be written to.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text.replace('\n', " ")
}
