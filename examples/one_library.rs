//! One library on every loop, all in one process and at the same time.
//!
//! The library is `examples/digest`, a service that hashes files, written against `interloop` alone.
//! This starts one server on every loop, and sends each file from a client on every loop to a server
//! on every loop. It prints a matrix, client loop × server loop, with the rate of each transfer, and
//! compares every digest with one computed from the file itself.
//!
//! ```text
//! cargo run --release --example one_library -- [--port FIRST] [FILE...]
//! ```
//!
//! Without files it takes a few of this repository. With `--port`, the servers listen on as many ports
//! from that one on, otherwise on free ones.

#[path = "running/mod.rs"]
mod running;

use std::{
    collections::HashMap,
    env,
    fs::File,
    io::{self, IsTerminal},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use interloop::Reactor;
use interloop_example_digest::{Digest, Server, digest};
use running::{Error, Running};
use sha2::{Digest as _, Sha256};

fn main() -> ExitCode {
    match Arguments::parse().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    first_port: Option<u16>,
    files: Vec<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Self, Error> {
        let mut arguments = env::args_os().skip(1);
        let mut parsed = Self {
            first_port: None,
            files: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            if argument == "--port" {
                let port = arguments.next().and_then(|port| port.to_str()?.parse().ok());
                parsed.first_port = Some(port.ok_or("--port takes a number from 0 to 65535")?);
            } else if argument.to_string_lossy().starts_with("--") {
                return Err("usage: one_library [--port FIRST] [FILE...]".into());
            } else {
                parsed.files.push(argument.into());
            }
        }
        if parsed.files.is_empty() {
            let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
            let files = ["README.md", "Cargo.lock", "src/deferred/mod.rs"];
            parsed.files.extend(files.map(|file| repository.join(file)));
        }
        Ok(parsed)
    }
}

/// A file, and what every server has to say of it.
struct Expected {
    file: PathBuf,
    length: u64,
    digest: Digest,
}

impl Expected {
    fn of(file: &PathBuf) -> Result<Self, Error> {
        let cannot_read = |error: io::Error| format!("cannot read {}: {error}", file.display());
        let mut hasher = Sha256::new();
        let mut opened = File::open(file).map_err(cannot_read)?;
        let length = io::copy(&mut opened, &mut hasher).map_err(cannot_read)?;
        Ok(Self {
            file: file.clone(),
            length,
            digest: hasher.finalize().into(),
        })
    }
}

/// Every loop, and an executor that no adapter knows, with async-io for the rest.
fn every_loop() -> Result<Vec<Running>, Error> {
    let executor = Arc::new(smol::Executor::new());
    let spawner = executor.clone();
    let async_io = interloop_async_io::reactor("async-io", move |task| spawner.spawn(task).detach());
    let (stop, stopped) = interloop::Deferred::<()>::pair();
    thread::spawn(move || futures_executor::block_on(executor.run(stopped)));

    let mut loops = running::every_loop()?;
    loops.push(Running::new("async-io", async_io, stop));
    Ok(loops)
}

/// What became of one client's transfers to one server.
struct Cell {
    client: usize,
    server: usize,
    seconds: Result<f64, Error>,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let files = arguments
        .files
        .iter()
        .map(Expected::of)
        .collect::<Result<Vec<_>, _>>()?;
    let files = Arc::new(files);
    let bytes: u64 = files.iter().map(|file| file.length).sum();

    let loops = every_loop()?;
    let mut servers = Vec::new();
    for (index, running) in loops.iter().enumerate() {
        servers.push(start_server(running, index, arguments.first_port)?);
    }

    let sent = Arc::new(AtomicU64::new(0));
    let (send, cells) = mpsc::channel();
    for (client, running) in loops.iter().enumerate() {
        for (server, addr) in servers.iter().enumerate() {
            let send = send.clone();
            let begun = Instant::now();
            running
                .reactor
                .spawn(transfer_all(
                    running.reactor.clone(),
                    *addr,
                    files.clone(),
                    sent.clone(),
                ))
                .then(move |result| {
                    let seconds = result.map(|()| begun.elapsed().as_secs_f64());
                    // The receiver is gone only if the program is ending with an error.
                    let _ = send.send(Cell {
                        client,
                        server,
                        seconds,
                    });
                    Ok::<_, Error>(())
                })
                .detach();
        }
    }
    drop(send);

    let rates = collect(&loops, &cells, &sent, bytes)?;
    print_matrix(&loops, &files, bytes, &rates);
    Ok(())
}

fn start_server(running: &Running, index: usize, first_port: Option<u16>) -> Result<SocketAddr, Error> {
    let port = match first_port {
        None => 0,
        Some(first) => u16::try_from(usize::from(first) + index)
            .map_err(|_| format!("no {} ports are left from port {first} on", index + 1))?,
    };
    let server = Server::bind(&running.reactor, (Ipv4Addr::LOCALHOST, port).into())
        .map_err(|error| format!("cannot listen on port {port} for {}: {error}", running.name))?;
    let addr = server.local_addr()?;
    running.reactor.spawn(server.serve()).detach();
    Ok(addr)
}

/// Sends every file to one server, and compares what it answers.
async fn transfer_all(
    reactor: Reactor,
    server: SocketAddr,
    files: Arc<Vec<Expected>>,
    sent: Arc<AtomicU64>,
) -> Result<(), Error> {
    for expected in &*files {
        let sent = sent.clone();
        let progress = Arc::new(move |bytes| {
            sent.fetch_add(bytes, Ordering::Relaxed);
        });
        let answer = digest(&reactor, server, expected.file.clone(), progress).await?;
        if answer != expected.digest {
            let file = expected.file.display();
            return Err(format!("the digest of {file} is wrong: has the file changed meanwhile?").into());
        }
    }
    Ok(())
}

/// Waits for all cells, showing progress once that takes longer than a second.
fn collect(
    loops: &[Running],
    cells: &mpsc::Receiver<Cell>,
    sent: &AtomicU64,
    bytes: u64,
) -> Result<HashMap<(usize, usize), f64>, Error> {
    let total = loops.len() * loops.len();
    let bar = ProgressBar::with_draw_target(Some(bytes * total as u64), ProgressDrawTarget::hidden());
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    )?);
    let begun = Instant::now();
    let mut rates = HashMap::new();
    while rates.len() < total {
        match cells.recv_timeout(Duration::from_millis(100)) {
            Ok(cell) => {
                let (client, server) = (loops[cell.client].name, loops[cell.server].name);
                let seconds = cell
                    .seconds
                    .map_err(|error| format!("from {client} to {server}: {error}"))?;
                rates.insert((cell.client, cell.server), bytes as f64 / 1e6 / seconds);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err("a transfer was lost".into()),
        }
        if begun.elapsed() > Duration::from_secs(1) && bar.is_hidden() && io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_position(sent.load(Ordering::Relaxed));
    }
    bar.finish_and_clear();
    Ok(rates)
}

fn print_matrix(loops: &[Running], files: &[Expected], bytes: u64, rates: &HashMap<(usize, usize), f64>) {
    const WIDTH: usize = 17;
    println!("MB/s of each transfer, client loop (rows) x server loop (columns); all at the same time.\n");
    print!("{:WIDTH$}", "");
    for server in loops {
        print!(" {:>WIDTH$}", server.name);
    }
    println!();
    for (row, client) in loops.iter().enumerate() {
        print!("{:WIDTH$}", client.name);
        for column in 0..loops.len() {
            let verified = rates.get(&(row, column)).map(|rate| format!("ok {rate:.1}"));
            print!(" {:>WIDTH$}", verified.unwrap_or_default());
        }
        println!();
    }
    println!(
        "\n{} of {} cells verified: {} file(s), {:.2} MB to each server from each client.",
        rates.len(),
        loops.len() * loops.len(),
        files.len(),
        bytes as f64 / 1e6,
    );
}
