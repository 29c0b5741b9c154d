//! hyper's server on tokio, over interloop and over hyper-util's own adapters for tokio: requests of HTTP/1.1 on 1 and on 64
//! connections that are kept alive.
//!
//! `cpu` is the CPU time of the server's process per request, `wall` the time per request that the client sees, of which requests per
//! second are the inverse, and `p99` the time in which 99 of 100 responses have come. The client is a process of
//! its own; both belong on one core (`taskset -c 0`), where they take turns.

#![allow(missing_docs)]

use std::{
    convert::Infallible,
    env,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use criterion::{Criterion, SamplingMode, criterion_group};
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use interloop_benches::{
    load,
    processes::{Client, cpu, listener, this_program},
    runtime::current_thread,
};

const CONNECTIONS: [usize; 2] = [1, 64];
const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\naccept: */*\r\n\r\n";
const BODY: &str = "Hello, World!";
/// hyper's own limit for reading a header, which both servers have.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, server, connections] = &arguments[..] {
        if role == "client" {
            return talk(server.parse().unwrap(), connections.parse().unwrap()).unwrap();
        }
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group!(benches, hyper);

/// Starts a server, and gives its address.
type Start = fn() -> SocketAddr;

/// One of the figures of a run.
type Figure = fn(&Figures) -> Duration;

/// What a run of requests took, per request.
struct Figures {
    cpu: Duration,
    wall: Duration,
    p99: Duration,
}

fn hyper(criterion: &mut Criterion) {
    let servers: [(&str, Start); 2] = [("native", native), ("interloop", interloop)];
    let figures: [(&str, Figure); 3] = [("cpu", |run| run.cpu), ("wall", |run| run.wall), ("p99", |run| run.p99)];
    for (figure, of) in figures {
        for connections in CONNECTIONS {
            let mut group = criterion.benchmark_group(format!("{figure}_{connections}"));
            // Samples of one length, as the 99th percentile of a few requests would be another figure.
            group.sampling_mode(SamplingMode::Flat).sample_size(10);
            for (contender, start) in servers {
                let mut client = None;
                group.bench_function(contender, |bencher| {
                    // Only when the benchmark was asked for: servers of others would be in the measurement.
                    let client = client.get_or_insert_with(|| connect(start(), connections));
                    bencher.iter_custom(|requests| of(&run(client, requests)).mul_f64(requests as f64));
                });
            }
            group.finish();
        }
    }
}

fn connect(server: SocketAddr, connections: usize) -> Client {
    Client::start(&mut this_program(&[
        "client",
        &server.to_string(),
        &connections.to_string(),
    ]))
}

/// The server is in this process.
fn run(client: &mut Client, requests: u64) -> Figures {
    let begun = cpu();
    let run = client.run_requests(requests);
    Figures {
        cpu: (cpu() - begun).div_f64(run.requests as f64),
        wall: run.took.div_f64(run.requests as f64),
        p99: run.p99,
    }
}

/// The client's process.
fn talk(server: SocketAddr, connections: usize) -> io::Result<()> {
    load::run(load::over_tcp(server, connections, REQUEST.to_vec(), read_response)?)
}

/// The response is short, and known by its end.
fn read_response(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        assert!(read > 0, "the server closed the connection");
        filled += read;
        if buffer[..filled].ends_with(BODY.as_bytes()) {
            return Ok(());
        }
    }
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(BODY.as_bytes()))))
}

/// Runs a server on a thread of its own; gives the address that it reports.
fn on_thread(serve: impl FnOnce(mpsc::Sender<SocketAddr>) + Send + 'static) -> SocketAddr {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || serve(send));
    receive.recv().expect("the server starts")
}

/// As the examples of hyper-util have it.
fn native() -> SocketAddr {
    use hyper_util::{
        rt::{TokioExecutor, TokioIo, TokioTimer},
        server::conn::auto,
    };
    on_thread(|addr| {
        current_thread().block_on(async {
            let listener = listener();
            addr.send(listener.local_addr().unwrap()).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_READ_TIMEOUT);
            builder.http2().timer(TokioTimer::new());
            let accepting = tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let builder = builder.clone();
                    tokio::spawn(async move {
                        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service_fn(hello));
                        let _ = serving.await;
                    });
                }
            });
            accepting.await.unwrap()
        })
    })
}

fn interloop() -> SocketAddr {
    on_thread(|addr| {
        let runtime = current_thread();
        let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
        let listener = interloop::net::TcpListener::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        addr.send(listener.local_addr().unwrap()).unwrap();
        let serving = interloop_hyper::Server::new(&reactor)
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .serve(listener, service_fn(hello));
        let _ = runtime.block_on(serving);
    })
}
