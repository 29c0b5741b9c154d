//! Compares the contenders of a benchmark.
//!
//! ```text
//! cargo run --release -p interloop-benches --bin report -- deferred
//! ```
//!
//! Runs each contender of each group once per round, in an order that turns round every time (A B C,
//! C B A), and compares them within each round only: what the machine does in the meantime falls on all
//! of them alike.

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
};

use interloop_benches::rounds::{Spread, turns};
use serde_json::Value;

const USAGE: &str = "\
usage: report [OPTIONS] BENCHMARK

Compares the contenders of a benchmark of interloop-benches.

options:
  --rounds N              how often each contender runs (5)
  --warm-up-time S        seconds before each measurement (0.2)
  --measurement-time S    seconds of each measurement (0.5)
  --base NAME             the contender that the others are compared with (interloop)
  --group REGEX           only the groups that match, in the syntax of criterion's filter
  --core N                the core to run on (the last one); groups with `thread` in their name get
                          the one before it as well";

fn main() -> ExitCode {
    let result = match Options::parse(env::args().skip(1)) {
        Ok(Some(options)) => report(&options),
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report(options: &Options) -> Result<(), Failure> {
    let benchmark = Benchmark::build(options)?;
    let groups = benchmark.groups()?;
    if groups.is_empty() {
        return fail(format!("`{}` has no such benchmarks", options.benchmark));
    }
    for (group, contenders) in &groups {
        if !contenders.contains(&options.base) {
            return fail(format!("no `{}` in the group `{group}`", options.base));
        }
    }

    let mut medians = Medians::new();
    for round in 0..options.rounds {
        for (group, contenders) in &groups {
            eprintln!("round {} of {}: {group}", round + 1, options.rounds);
            for contender in turns(round, contenders.len()) {
                let contender = &contenders[contender];
                let median = benchmark.measure(group, contender)?;
                medians.entry(id(group, contender)).or_default().push(median);
            }
        }
    }
    println!(
        "{}",
        Table {
            options,
            groups: &groups,
            medians: &medians
        }
    );
    Ok(())
}

/// The groups in the order in which they were listed, each with its contenders.
type Groups = Vec<(String, Vec<String>)>;

/// The medians of each contender of each group, by round.
type Medians = BTreeMap<String, Vec<f64>>;

/// What criterion calls a contender of a group.
fn id(group: &str, contender: &str) -> String {
    format!("{group}/{contender}")
}

struct Benchmark<'a> {
    options: &'a Options,
    executable: PathBuf,
    /// Where criterion leaves its results.
    home: PathBuf,
    can_pin: bool,
}

impl<'a> Benchmark<'a> {
    fn build(options: &'a Options) -> Result<Self, Failure> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build
            .args(["bench", "--package", env!("CARGO_PKG_NAME"), "--no-run", "--bench"])
            .arg(&options.benchmark)
            .arg("--message-format=json-render-diagnostics")
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        let messages = output_of(&mut build)?;
        let executable = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == options.benchmark.as_str())
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .next_back()
            .ok_or_else(|| Failure(format!("cargo built no executable for `{}`", options.benchmark)))?;
        // Beside `deps`, in the directory of the profile.
        let home = executable
            .ancestors()
            .nth(2)
            .ok_or_else(|| Failure(format!("{} is in no target directory", executable.display())))?
            .join("criterion");
        let can_pin = Command::new("taskset")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !can_pin {
            eprintln!("there is no taskset here: the benchmarks run on any core");
        }
        Ok(Self {
            options,
            executable,
            home,
            can_pin,
        })
    }

    fn groups(&self) -> Result<Groups, Failure> {
        let mut list = Command::new(&self.executable);
        list.args(["--bench", "--list"]);
        if let Some(filter) = &self.options.group {
            list.arg(filter);
        }
        let mut groups = Groups::new();
        for line in output_of(&mut list)?.lines() {
            let Some((group, contender)) = line.strip_suffix(": benchmark").and_then(|id| id.rsplit_once('/')) else {
                continue;
            };
            match groups.iter_mut().find(|(name, _)| name == group) {
                Some((_, contenders)) => contenders.push(contender.to_owned()),
                None => groups.push((group.to_owned(), vec![contender.to_owned()])),
            }
        }
        Ok(groups)
    }

    /// The median time of an iteration, in nanoseconds.
    fn measure(&self, group: &str, contender: &str) -> Result<f64, Failure> {
        let mut run = if self.can_pin {
            let mut run = Command::new("taskset");
            run.arg("--cpu-list").arg(self.cores(group)).arg(&self.executable);
            run
        } else {
            Command::new(&self.executable)
        };
        run.args(["--bench", "--noplot", "--exact"])
            .arg(id(group, contender))
            // Only the median is used, whose confidence is judged by the rounds.
            .args(["--nresamples", "1000"])
            .args(["--warm-up-time", &self.options.warm_up_time.to_string()])
            .args(["--measurement-time", &self.options.measurement_time.to_string()])
            .env("CRITERION_HOME", &self.home);
        output_of(&mut run)?;
        let estimates = self.home.join(group).join(contender).join("new/estimates.json");
        median_in(&estimates)
    }

    fn cores(&self, group: &str) -> String {
        match self.options.core {
            core if core > 0 && group.contains("thread") => format!("{},{core}", core - 1),
            core => core.to_string(),
        }
    }
}

fn median_in(estimates: &Path) -> Result<f64, Failure> {
    let text = fs::read_to_string(estimates).map_err(|error| Failure(format!("{}: {error}", estimates.display())))?;
    let estimates_json: Value =
        serde_json::from_str(&text).map_err(|error| Failure(format!("{}: {error}", estimates.display())))?;
    estimates_json["median"]["point_estimate"]
        .as_f64()
        .filter(|median| *median > 0.0)
        .ok_or_else(|| Failure(format!("{}: no median in it", estimates.display())))
}

/// What a program prints; what it says on its standard error goes to ours, if it fails.
fn output_of(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error: io::Error| Failure(format!("{program} did not start: {error}")))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return fail(format!("{program} failed: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| Failure(format!("{program} printed no text")))
}

struct Table<'a> {
    options: &'a Options,
    groups: &'a Groups,
    medians: &'a Medians,
}

impl Table<'_> {
    fn of(&self, group: &str, contender: &str) -> &[f64] {
        self.medians.get(&id(group, contender)).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = &self.options.base;
        let mut peers: Vec<&String> = Vec::new();
        for contender in self.groups.iter().flat_map(|(_, contenders)| contenders) {
            if contender != base && !peers.contains(&contender) {
                peers.push(contender);
            }
        }
        write!(f, "| group | {base}, ns |")?;
        for peer in &peers {
            write!(f, " {base} / {peer} |")?;
        }
        write!(f, "\n|---|---:|{}", "---:|".repeat(peers.len()))?;
        for (group, contenders) in self.groups {
            let ours = self.of(group, base);
            write!(f, "\n| `{group}` | {:.1} |", Spread::of(ours.to_vec()).median)?;
            for peer in &peers {
                if contenders.contains(peer) {
                    let theirs = self.of(group, peer);
                    let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
                    write!(f, " {} |", Spread::of(ratios.collect()))?;
                } else {
                    write!(f, " |")?;
                }
            }
        }
        Ok(())
    }
}

struct Options {
    benchmark: String,
    rounds: usize,
    warm_up_time: f64,
    measurement_time: f64,
    base: String,
    group: Option<String>,
    core: usize,
}

impl Options {
    /// `None` if help was asked for.
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let mut options = Self {
            benchmark: String::new(),
            rounds: 5,
            warm_up_time: 0.2,
            measurement_time: 0.5,
            base: "interloop".to_owned(),
            group: None,
            core: thread::available_parallelism().map_or(0, |cores| cores.get() - 1),
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| Failure(format!("`{arg}` needs a value")));
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--rounds" => options.rounds = number(&arg, &value()?)?,
                "--warm-up-time" => options.warm_up_time = seconds(&arg, &value()?)?,
                "--measurement-time" => options.measurement_time = seconds(&arg, &value()?)?,
                "--base" => options.base = value()?,
                "--group" => options.group = Some(value()?),
                "--core" => options.core = number(&arg, &value()?)?,
                name if !name.starts_with('-') && options.benchmark.is_empty() => options.benchmark = arg,
                _ => return fail(format!("unexpected argument `{arg}`\n\n{USAGE}")),
            }
        }
        if options.benchmark.is_empty() {
            return fail(format!("which benchmark?\n\n{USAGE}"));
        }
        if options.rounds == 0 {
            return fail("`--rounds` must be at least 1");
        }
        Ok(Some(options))
    }
}

fn number(option: &str, text: &str) -> Result<usize, Failure> {
    text.parse()
        .map_err(|_| Failure(format!("`{option}` needs a whole number, not `{text}`")))
}

fn seconds(option: &str, text: &str) -> Result<f64, Failure> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0)
        .ok_or_else(|| Failure(format!("`{option}` needs a number of seconds, not `{text}`")))
}

/// What went wrong, in words: there is nobody to act on it but the one who reads it.
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fail<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure(message.into()))
}
