//! Many transfers at once by libcurl, on every loop at the same time.
//!
//! A server on a loop of its own answers each request with as many bytes as it asks for. On every loop, a `Curl` fetches many bodies from it, all at
//! once, and compares each with what it is to be; a bar for each loop shows how far it has come, as the handlers' `progress` tells.
//!
//! ```text
//! cargo run --release -p interloop-curl --example many_transfers -- [--transfers N] [--bytes N] [--connections N]
//! ```
//!
//! It fetches 200 bodies of up to 200,000 bytes on each loop, over 50 connections at most, unless it is told otherwise.

#[path = "../../../examples/running/mod.rs"]
mod running;

use std::{
    env, io,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::{Duration, Instant},
};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use interloop::{Deferred, Reactor, gather, net::TcpListener};
use interloop_curl::{
    Curl,
    curl::easy::{Easy2, Handler, WriteError},
};
use running::{Error, Running};

const USAGE: &str = "usage: many_transfers [--transfers N] [--bytes N] [--connections N]";

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy)]
struct Arguments {
    transfers: usize,
    bytes: usize,
    connections: usize,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Error> {
        let mut parsed = Self {
            transfers: 200,
            bytes: 200_000,
            connections: 50,
        };
        while let Some(argument) = arguments.next() {
            let value = match &*argument {
                "--transfers" => &mut parsed.transfers,
                "--bytes" => &mut parsed.bytes,
                "--connections" => &mut parsed.connections,
                _ => return Err(format!("there is no argument {argument}").into()),
            };
            let number = arguments
                .next()
                .and_then(|number| number.parse().ok())
                .filter(|number| *number > 0);
            *value = number.ok_or_else(|| format!("{argument} takes a number from 1 on"))?;
        }
        Ok(parsed)
    }
}

/// The byte at a place of the body with a number.
fn byte(number: usize, at: usize) -> u8 {
    (number.wrapping_mul(131) ^ at.wrapping_mul(29) ^ (at >> 8)) as u8
}

/// Answers requests for `/NUMBER/LENGTH`.
async fn serve(reactor: Reactor, listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let serving = reactor.spawn(async move {
            let mut request = Vec::new();
            loop {
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await?;
                if count == 0 {
                    return Ok::<_, io::Error>(());
                }
                request.extend_from_slice(&buffer[..count]);
                if !request.ends_with(b"\r\n\r\n") {
                    continue;
                }
                let line = String::from_utf8_lossy(&request).into_owned();
                let mut numbers = line.split([' ', '/']).filter_map(|part| part.parse::<usize>().ok());
                let (Some(number), Some(length)) = (numbers.next(), numbers.next()) else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                request.clear();
                let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
                answer.extend((0..length).map(|at| byte(number, at)));
                stream.write_all(&answer).await?;
            }
        });
        // Clients may go away when they like.
        serving.or_else(|_| Ok::<_, io::Error>(())).detach();
    }
}

/// Compares what arrives with what is to arrive, and moves a bar.
struct Verify {
    number: usize,
    length: usize,
    received: usize,
    differs: bool,
    bar: ProgressBar,
    shown: f64,
}

impl Handler for Verify {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        let begin = self.received;
        self.received += data.len();
        let mut expected = (begin..).map(|at| byte(self.number, at));
        self.differs |= data.iter().any(|&byte| Some(byte) != expected.next());
        Ok(data.len())
    }

    fn progress(&mut self, _: f64, downloaded: f64, _: f64, _: f64) -> bool {
        self.bar.inc((downloaded - self.shown) as u64);
        self.shown = downloaded;
        true
    }
}

impl Verify {
    fn verdict(&self) -> Result<usize, Error> {
        if self.differs || self.received != self.length {
            let (number, received, length) = (self.number, self.received, self.length);
            return Err(format!("body {number} is wrong: {received} bytes of {length}").into());
        }
        Ok(self.received)
    }
}

/// How long the body with a number is.
fn length(number: usize, arguments: Arguments) -> usize {
    arguments.bytes - number * (arguments.bytes / 2) / arguments.transfers
}

/// Starts all transfers of one loop. The deferred has the number of bytes, and the seconds.
fn fetch_all(
    reactor: &Reactor,
    server: SocketAddr,
    arguments: Arguments,
    bar: &ProgressBar,
) -> Deferred<(usize, f64), Error> {
    let begun = Instant::now();
    let curl = Curl::options().max_connections(arguments.connections).on(reactor);
    let transfers = (0..arguments.transfers).map(|number| {
        let length = length(number, arguments);
        let mut easy = Easy2::new(Verify {
            number,
            length,
            received: 0,
            differs: false,
            bar: bar.clone(),
            shown: 0.0,
        });
        let set = easy
            .url(&format!("http://{server}/{number}/{length}"))
            .and_then(|()| easy.fail_on_error(true))
            .and_then(|()| easy.progress(true))
            .and_then(|()| easy.connect_timeout(Duration::from_secs(30)));
        match set {
            Ok(()) => curl
                .perform(easy)
                .map_err(Error::from)
                .and_then(|easy| easy.get_ref().verdict()),
            Err(error) => Deferred::failed(error.into()),
        }
    });
    gather(transfers)
        .map_ok(move |lengths| (lengths.iter().sum(), begun.elapsed().as_secs_f64()))
        .map_err(|error| error.to_string().into())
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let home = Running::tokio_current_thread("server")?;
    let listener = TcpListener::bind(&home.reactor, (Ipv4Addr::LOCALHOST, 0).into())?;
    let server = listener.local_addr()?;
    home.reactor.spawn(serve(home.reactor.clone(), listener)).detach();

    let loops = running::every_loop()?;
    let bytes: usize = (0..arguments.transfers).map(|number| length(number, *arguments)).sum();
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{prefix:17} {bar:40} {bytes:>10}/{total_bytes} {eta}")?;
    let fetched: Vec<_> = loops
        .iter()
        .map(|running| {
            let bar = bars.add(
                ProgressBar::new(bytes as u64)
                    .with_style(style.clone())
                    .with_prefix(running.name),
            );
            (running, fetch_all(&running.reactor, server, *arguments, &bar), bar)
        })
        .collect();
    let mut lines = Vec::new();
    for (running, fetched, bar) in fetched {
        let (received, seconds) = fetched
            .wait()
            .map_err(|error| format!("on {}: {error}", running.name))?;
        bar.finish_and_clear();
        if received != bytes {
            return Err(format!("on {}: {received} bytes of {bytes} have come", running.name).into());
        }
        let rate = received as f64 / 1e6 / seconds;
        lines.push(format!(
            "{:17} ok {:6} bodies {rate:8.1} MB/s",
            running.name, arguments.transfers
        ));
    }
    println!("{}", lines.join("\n"));
    println!(
        "\n{} of {} loops verified: {} bodies, {:.2} MB on each, all at the same time.",
        lines.len(),
        loops.len(),
        arguments.transfers,
        bytes as f64 / 1e6
    );
    Ok(())
}
