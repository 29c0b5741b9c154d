//! What it costs that reqwest is used from smol: requests to one server, in rounds, as a task or the main function of reqwest's own
//! tokio and of smol beside a context's tokio; and by a task of smol that has the context's tokio run each request, or all of them.
//!
//! ```text
//! cargo run --release -p interloop-ecosystem-tokio-context --bin reqwest_under_smol -- [ROUNDS] [REQUESTS]
//! ```
//!
//! The server is a process of its own. Each tokio has one worker thread, and so has smol's global executor.

use std::{
    env,
    error::Error,
    future::Future,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use interloop::Reactor;
use interloop_ecosystem_tokio_context::serve;
use interloop_tokio::context::Context;
use reqwest::Client;
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn Error + Send + Sync>;

/// How requests are made, what that is compared with, and what it took.
type Contender<'a> = (&'a str, Option<usize>, &'a dyn Fn() -> Result<Cost, Failure>);

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
        let contenders: [Contender<'_>; 6] = [
            ("main function", None, &|| runtime.block_on(load(&own_client))),
            ("main function", Some(0), &|| {
                smol::block_on(context.wrap(load(&client)))
            }),
            ("task", None, &|| runtime.block_on(runtime.spawn(load(&own_client)))?),
            ("task", Some(2), &|| {
                smol::block_on(smol::spawn(context.wrap(load(&client))))
            }),
            ("task, each request by tokio", Some(2), &|| {
                let handed = handed_over(
                    context.on_runtime(),
                    client.clone(),
                    url.into(),
                    connections,
                    requests / connections,
                );
                smol::block_on(smol::spawn(handed))
            }),
            ("task, all requests by tokio", Some(2), &|| {
                let all = context.on_runtime().spawn(load(&client));
                smol::block_on(smol::spawn(all))
            }),
        ];
        let mut costs = [const { Vec::new() }; 6];
        for round in 0..=rounds {
            let mut order = [0, 1, 2, 3, 4, 5];
            if round % 2 == 1 {
                order.reverse();
            }
            for contender in order {
                let cost = contenders[contender].2()?;
                // The first round opens the connections.
                if round > 0 {
                    costs[contender].push(cost);
                }
            }
        }
        for (at, (by, base, _)) in contenders.into_iter().enumerate() {
            let Some(base) = base else {
                continue;
            };
            let served = (requests / connections * connections) as f64;
            let rates = costs[base]
                .iter()
                .map(|cost| served / cost.time.as_secs_f64())
                .collect();
            let ratios = |of: fn(&Cost) -> Duration| {
                let pairs = costs[base].iter().zip(&costs[at]);
                let ratios = pairs.map(|(tokio, smol)| of(smol).as_secs_f64() / of(tokio).as_secs_f64());
                Spread::of(ratios.collect())
            };
            let speed = ratios(|cost| cost.time).inverse();
            let cpu = ratios(|cost| cost.cpu);
            println!(
                "| {connections} | {by} | {:.0} | {speed} | {cpu} |",
                Spread::of(rates).median
            );
        }
    }
    Ok(())
}

/// Makes all requests, on so many connections at once.
async fn load(client: Client, url: Arc<str>, connections: usize, each: usize) -> Result<Cost, Failure> {
    take(connections, each, || fetch(&client, &url)).await
}

/// The same, each as a task of tokio's.
async fn handed_over(
    tokio: Reactor,
    client: Client,
    url: Arc<str>,
    connections: usize,
    each: usize,
) -> Result<Cost, Failure> {
    let hand_over = || {
        let (client, url) = (client.clone(), url.clone());
        tokio.spawn(async move { fetch(&client, &url).await })
    };
    take(connections, each, hand_over).await
}

async fn fetch(client: &Client, url: &str) -> Result<(), Failure> {
    let text = client.get(url).send().await?.text().await?;
    assert_eq!(text, "hello");
    Ok(())
}

async fn take<F>(connections: usize, each: usize, fetch: impl Fn() -> F) -> Result<Cost, Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let (begun, cpu) = (Instant::now(), cpu());
    try_join_all((0..connections).map(|_| async {
        for _ in 0..each {
            fetch().await?;
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
