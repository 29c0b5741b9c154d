//! What it costs that reqwest is used from smol: requests to one server, in rounds, as a task or the main function of reqwest's own
//! tokio and of smol beside a context's tokio.
//!
//! ```text
//! cargo run --release -p interloop-ecosystem-tokio-context --bin reqwest_under_smol -- [ROUNDS] [REQUESTS]
//! ```
//!
//! The server is a process of its own. Each tokio has one worker thread, and so has smol's global executor.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use interloop_ecosystem_tokio_context::serve;
use interloop_tokio::context::Context;
use reqwest::Client;
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn Error + Send + Sync>;
type Contender<'a> = (&'a str, &'a dyn Fn() -> Result<Cost, Failure>);

fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("serve") {
        println!("http://{}/", serve());
        loop {
            std::thread::park();
        }
    }
    let rounds = first.map_or(Ok(7), |rounds| rounds.parse())?;
    let requests = args.next().map_or(Ok(4000), |requests| requests.parse())?;
    let mut server = Command::new(env::current_exe()?)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut url)?;
    let compared = compare(url.trim(), rounds, requests);
    server.kill()?;
    server.wait()?;
    compared
}

/// What one contender took, for all requests.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    cpu: Duration,
}

fn compare(url: &str, rounds: usize, requests: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let own_client = runtime.block_on(async { Client::new() });
    let context = Context::own(1)?;
    let client = context.call(Client::new);
    println!(
        "| connections | run by | requests/s on tokio | under smol / on tokio | processor's time, under smol / on tokio |"
    );
    println!("|---:|---|---:|---:|---:|");
    for connections in [1, 64] {
        let load = |client: &Client| load(client.clone(), url.into(), connections, requests / connections);
        let contenders: [Contender<'_>; 4] = [
            ("main function", &|| runtime.block_on(load(&own_client))),
            ("main function", &|| smol::block_on(context.wrap(load(&client)))),
            ("task", &|| runtime.block_on(runtime.spawn(load(&own_client)))?),
            ("task", &|| smol::block_on(smol::spawn(context.wrap(load(&client))))),
        ];
        let mut costs = [const { Vec::new() }; 4];
        for round in 0..=rounds {
            let mut order = [0, 1, 2, 3];
            if round % 2 == 1 {
                order.reverse();
            }
            for contender in order {
                let cost = contenders[contender].1()?;
                // The first round opens the connections.
                if round > 0 {
                    costs[contender].push(cost);
                }
            }
        }
        for by in [0, 2] {
            let served = (requests / connections * connections) as f64;
            let rates = costs[by].iter().map(|cost| served / cost.time.as_secs_f64()).collect();
            let ratios = |of: fn(&Cost) -> Duration| {
                let pairs = costs[by].iter().zip(&costs[by + 1]);
                let ratios = pairs.map(|(tokio, smol)| of(smol).as_secs_f64() / of(tokio).as_secs_f64());
                Spread::of(ratios.collect())
            };
            let speed = ratios(|cost| cost.time).inverse();
            let cpu = ratios(|cost| cost.cpu);
            println!(
                "| {connections} | {} | {:.0} | {speed} | {cpu} |",
                contenders[by].0,
                Spread::of(rates).median
            );
        }
    }
    Ok(())
}

/// Makes all requests, on so many connections at once.
async fn load(client: Client, url: Arc<str>, connections: usize, each: usize) -> Result<Cost, Failure> {
    let (begun, cpu) = (Instant::now(), cpu());
    try_join_all((0..connections).map(|_| async {
        for _ in 0..each {
            let text = client.get(&*url).send().await?.text().await?;
            assert_eq!(text, "hello");
        }
        Ok::<_, Failure>(())
    }))
    .await?;
    Ok(Cost {
        time: begun.elapsed(),
        cpu: self::cpu() - cpu,
    })
}

/// Of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self {
            least: values[0],
            median: values[values.len() / 2],
            most: values[values.len() - 1],
        }
    }

    fn inverse(self) -> Self {
        Self {
            least: 1.0 / self.most,
            median: 1.0 / self.median,
            most: 1.0 / self.least,
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.least, self.most)
    }
}
