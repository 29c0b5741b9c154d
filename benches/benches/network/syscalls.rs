//! System calls of a process, counted by strace.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead, BufReader},
    process::{Command, Stdio, id},
};

use rustix::process::{Pid, Signal, kill_process};

/// Calls, and how many of them failed, by name. Of a whole run, or per request.
pub(crate) type Counts = BTreeMap<String, (f64, f64)>;

/// What each request had of those of a whole run.
pub(crate) fn per_request(counts: Counts, requests: u64) -> Counts {
    let share = 1.0 / requests as f64;
    counts
        .into_iter()
        .map(|(name, (calls, errors))| (name, (calls * share, errors * share)))
        .collect()
}

/// Whether strace is here.
pub(crate) fn is_available() -> bool {
    let version = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Counts what a process calls while `run` runs.
pub(crate) fn count(process: u32, run: impl FnOnce()) -> io::Result<Counts> {
    let output = env::temp_dir().join(format!("interloop-syscalls-{}", id()));
    let mut strace = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(&output)
        .args(["-p", &process.to_string()])
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
    // It says so when it has attached itself to all threads.
    let first = said.next().transpose()?.unwrap_or_default();
    if !first.contains("attached") {
        let _ = strace.wait();
        return Err(io::Error::other(first));
    }
    run();
    if let Some(strace) = Pid::from_raw(strace.id() as i32) {
        kill_process(strace, Signal::INT)?;
    }
    // Its end, too, it tells there, and would be killed if nobody listened.
    said.for_each(drop);
    strace.wait()?;
    let table = fs::read_to_string(&output)?;
    fs::remove_file(&output)?;
    Ok(parse(&table))
}

/// Reads lines such as `56.05    0.001384           6       200        10 read`, of which the errors may be missing.
fn parse(table: &str) -> Counts {
    let line = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (calls, errors, name) = match columns[..] {
            [_, _, _, calls, name] => (calls, "0", name),
            [_, _, _, calls, errors, name] => (calls, errors, name),
            _ => return None,
        };
        let counts = (calls.parse().ok()?, errors.parse().ok()?);
        (name != "total").then(|| (name.to_owned(), counts))
    };
    table.lines().filter_map(line).collect()
}
