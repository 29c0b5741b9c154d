//! What the small examples have in common: the flag `--loop`, which chooses the loop that they run on.
//!
//! The loops are those of `one_library`, of which each runs here by itself.

use std::{env, error, ffi::OsString, ops::RangeInclusive, process::ExitCode};

use interloop::Reactor;

pub(crate) type Error = Box<dyn error::Error + Send + Sync>;

const LOOPS: [&str; 5] = ["tokio", "tokio_current_thread", "smol", "async_std", "futures"];

/// How an example is called.
pub(crate) struct Usage<const N: usize> {
    pub(crate) name: &'static str,
    /// The flags that take a number, beside `--loop`.
    pub(crate) numbers: [Number; N],
}

/// A flag that takes a number.
pub(crate) struct Number {
    pub(crate) flag: &'static str,
    pub(crate) what_for: &'static str,
    pub(crate) range: RangeInclusive<u32>,
    pub(crate) default: u32,
}

impl<const N: usize> Usage<N> {
    /// Runs an example on the loop that the program's arguments name, with the numbers that they give. The exit code is 2 if
    /// they make no sense, and 1 if the example fails.
    pub(crate) fn run(&self, example: impl AsyncFnOnce(Reactor, [u32; N]) -> Result<(), Error>) -> ExitCode {
        let arguments = match self.parse(env::args_os().skip(1)) {
            Ok(Some(arguments)) => arguments,
            Ok(None) => {
                println!("{}", self.help());
                return ExitCode::SUCCESS;
            }
            Err(wrong) => {
                eprintln!("error: {wrong}\n\n{}", self.help());
                return ExitCode::from(2);
            }
        };
        let Arguments { on, numbers } = arguments;
        match run_on(on, async |reactor| example(reactor, numbers).await) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    /// `None` if help is asked for.
    fn parse(&self, mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments<N>>, String> {
        let mut parsed = Arguments {
            on: LOOPS[0],
            numbers: self.numbers.each_ref().map(|number| number.default),
        };
        while let Some(flag) = arguments.next() {
            let flag = flag.to_string_lossy();
            if flag == "--help" {
                return Ok(None);
            }
            let number = self.numbers.iter().position(|number| number.flag == flag);
            if flag != "--loop" && number.is_none() {
                return Err(format!("there is no `{flag}` here"));
            }
            let value = arguments.next().unwrap_or_default();
            let value = value.to_string_lossy();
            match number {
                None => parsed.on = loop_named(&value)?,
                Some(index) => parsed.numbers[index] = self.numbers[index].parse(&value)?,
            }
        }
        Ok(Some(parsed))
    }

    fn help(&self) -> String {
        let mut help = format!("usage: {} [--loop LOOP]", self.name);
        for Number { flag, .. } in &self.numbers {
            help += &format!(" [{flag} NUMBER]");
        }
        help += &format!("\n  --loop: {}; {} unless told", LOOPS.join(", "), LOOPS[0]);
        for number in &self.numbers {
            help += &format!(
                "\n  {}: {}; {} unless told",
                number.flag, number.what_for, number.default
            );
        }
        help
    }
}

impl Number {
    fn parse(&self, value: &str) -> Result<u32, String> {
        let number = value.parse().ok().filter(|number| self.range.contains(number));
        number.ok_or_else(|| {
            let (flag, least, most) = (self.flag, self.range.start(), self.range.end());
            format!("{flag} takes a number from {least} to {most}, not `{value}`")
        })
    }
}

fn loop_named(name: &str) -> Result<&'static str, String> {
    let known = LOOPS.into_iter().find(|known| *known == name);
    known.ok_or_else(|| format!("--loop takes one of {}, not `{name}`", LOOPS.join(", ")))
}

struct Arguments<const N: usize> {
    on: &'static str,
    numbers: [u32; N],
}

fn run_on(name: &str, example: impl AsyncFnOnce(Reactor) -> Result<(), Error>) -> Result<(), Error> {
    match name {
        "tokio" => interloop_tokio::block_on(example)?,
        "tokio_current_thread" => interloop_tokio::block_on_current_thread(example)?,
        "smol" => interloop_smol::block_on(example)?,
        "async_std" => interloop_async_std::block_on(example)?,
        "futures" => interloop_futures::block_on(example)?,
        _ => unreachable!("it is one of `LOOPS`"),
    }
}
