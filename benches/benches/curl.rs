//! The CPU for a thousand transfers of 1 KiB at once by libcurl: its own loop, `curl_multi_perform` over poll, against
//! interloop-curl on each loop.
//!
//! The time that is reported is the CPU time of the process, per transfer. The server is a process of its own; both belong
//! on one core (`taskset -c 0`), where they take turns.

#![allow(missing_docs)]

use std::{env, io, net::Ipv4Addr, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{Reactor, gather};
use interloop_benches::{
    processes::{Server, announce, cpu, raise_limit, this_program},
    runtime::current_thread,
};
use interloop_curl::{
    Curl,
    curl::{
        easy::{Easy2, Handler, WriteError},
        multi::Multi,
    },
};

const BODY: usize = 1024;
const PARALLEL: usize = 1000;

fn main() {
    raise_limit();
    if env::args().nth(1).is_some_and(|role| role == "server") {
        return serve();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group!(benches, transfers);

/// Does all of the transfers, and gives the handles back.
type Run = Box<dyn FnMut(Vec<Easy2<Count>>) -> Vec<Easy2<Count>>>;

type Make = fn() -> Run;

fn transfers(criterion: &mut Criterion) {
    let contenders: [(&str, &str, Make); 6] = [
        ("tokio", "native", perform),
        ("tokio", "interloop", on_tokio),
        ("smol", "native", perform),
        ("smol", "interloop", on_smol),
        ("futures", "native", perform),
        ("futures", "interloop", on_futures),
    ];
    for (connections, keep) in [("new", false), ("kept", true)] {
        for (event_loop, contender, make) in contenders {
            let mut group = criterion.benchmark_group(format!("{event_loop}_{connections}"));
            let mut client = None;
            group.bench_function(contender, |bencher| {
                // Only when the benchmark was asked for.
                let client = client.get_or_insert_with(|| Client::new(make(), keep));
                bencher.iter_custom(|transfers| client.run(transfers));
            });
            group.finish();
        }
    }
}

/// Counts the bytes of a body.
struct Count(usize);

impl Handler for Count {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.0 += data.len();
        Ok(data.len())
    }
}

struct Client {
    /// Ends with this.
    _server: Server,
    run: Run,
    handles: Vec<Easy2<Count>>,
}

impl Client {
    fn new(run: Run, keep: bool) -> Self {
        let server = Server::start(&mut this_program(&["server"]));
        let handles = (0..PARALLEL).map(|_| {
            let mut easy = Easy2::new(Count(0));
            easy.url(&format!("http://{}/", server.address())).unwrap();
            easy.forbid_reuse(!keep).unwrap();
            easy
        });
        let handles = handles.collect();
        let mut client = Self {
            _server: server,
            run,
            handles,
        };
        // Once before the clock runs, so that there are connections to keep.
        client.round();
        client
    }

    fn round(&mut self) {
        self.handles = (self.run)(std::mem::take(&mut self.handles));
        assert_eq!(self.handles.len(), PARALLEL);
        for easy in &mut self.handles {
            assert_eq!(std::mem::take(&mut easy.get_mut().0), BODY);
        }
    }

    /// Does transfers, and gives the CPU time that this took here, of as many as asked for.
    fn run(&mut self, transfers: u64) -> Duration {
        let begun = cpu();
        let rounds = transfers.div_ceil(PARALLEL as u64);
        for _ in 0..rounds {
            self.round();
        }
        (cpu() - begun).mul_f64(transfers as f64 / (rounds * PARALLEL as u64) as f64)
    }
}

/// libcurl's own loop.
fn perform() -> Run {
    let mut multi = Multi::new();
    multi.set_max_connects(2 * PARALLEL).unwrap();
    Box::new(move |handles| {
        let added: Vec<_> = handles.into_iter().map(|easy| multi.add2(easy).unwrap()).collect();
        while multi.perform().unwrap() > 0 {
            multi.wait(&mut [], Duration::from_secs(1)).unwrap();
        }
        multi.messages(|message| message.result().unwrap().unwrap());
        added.into_iter().map(|easy| multi.remove2(easy).unwrap()).collect()
    })
}

/// libcurl would keep four connections for each transfer that there still is, and so close most of them towards the end.
fn curl(reactor: &Reactor) -> Curl {
    Curl::options().max_idle_connections(2 * PARALLEL).on(reactor)
}

/// All at once.
async fn gathered(curl: Curl, handles: Vec<Easy2<Count>>) -> Vec<Easy2<Count>> {
    let transfers: Vec<_> = handles.into_iter().map(|easy| curl.perform(easy)).collect();
    gather(transfers).await.expect("every transfer succeeds")
}

fn on_tokio() -> Run {
    let runtime = current_thread();
    let curl = curl(&interloop_tokio::from_handle(runtime.handle()).unwrap());
    Box::new(move |handles| runtime.block_on(gathered(curl.clone(), handles)))
}

fn on_smol() -> Run {
    let executor = Arc::new(smol::Executor::new());
    let curl = curl(&interloop_smol::from_executor(&executor));
    Box::new(move |handles| smol::block_on(executor.run(gathered(curl.clone(), handles))))
}

fn on_futures() -> Run {
    let mut pool = futures_executor::LocalPool::new();
    let curl = curl(&interloop_futures::from_local_spawner(pool.spawner()));
    Box::new(move |handles| pool.run_until(gathered(curl.clone(), handles)))
}

/// The server's process: answers every request with the same body.
fn serve() {
    let runtime = current_thread();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    runtime.block_on(answer(reactor)).unwrap();
}

async fn answer(reactor: Reactor) -> io::Result<()> {
    let listener = interloop::net::TcpListener::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into())?;
    announce(listener.local_addr()?);
    let mut response = format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n").into_bytes();
    response.resize(response.len() + BODY, b'x');
    let response: Arc<[u8]> = response.into();
    loop {
        let (mut stream, _) = listener.accept().await?;
        let response = response.clone();
        let serving = reactor.spawn(async move {
            let (mut request, mut length) = ([0; 4096], 0);
            loop {
                let count = stream.read(&mut request[length..]).await?;
                if count == 0 {
                    return Ok::<_, io::Error>(());
                }
                length += count;
                if request[..length].ends_with(b"\r\n\r\n") {
                    length = 0;
                    stream.write_all(&response).await?;
                }
            }
        });
        serving.or_else(|_| Ok::<_, io::Error>(())).detach();
    }
}
