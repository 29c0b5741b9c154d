//! The server's CPU for echoing a message of 64 bytes, over 1, 50 and 1,000 connections: each loop's
//! own sockets against interloop's on the same loop.
//!
//! The time that is reported is the CPU time of the server's process, per message. The client is a process of
//! its own; both belong on one core (`taskset -c 0`), where they take turns.

#![allow(missing_docs)]

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use criterion::{Criterion, criterion_group};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{Deferred, Reactor};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

const MESSAGE: usize = 64;
const BUFFER: usize = 1024;
const CONNECTIONS: [usize; 3] = [1, 50, 1000];

fn main() {
    // A thousand connections need more descriptors than shells allow by default.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the limit can be raised to its maximum");

    let arguments: Vec<String> = env::args().collect();
    if let [_, role, server, connections] = &arguments[..] {
        if role == "client" {
            return client(server.parse().unwrap(), connections.parse().unwrap()).unwrap();
        }
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group!(benches, echo);

/// Starts a server, and gives its address.
type Start = fn() -> SocketAddr;

fn echo(criterion: &mut Criterion) {
    let servers: [(&str, &str, Start); 8] = [
        ("tokio", "native", tokio_native),
        ("tokio", "interloop", tokio_interloop),
        ("smol", "native", smol_native),
        ("smol", "interloop", smol_interloop),
        ("async-std", "native", async_std_native),
        ("async-std", "interloop", async_std_interloop),
        ("futures", "native", futures_native),
        ("futures", "interloop", futures_interloop),
    ];
    for connections in CONNECTIONS {
        for (event_loop, contender, start) in servers {
            let mut group = criterion.benchmark_group(format!("{event_loop}_{connections}"));
            let mut client = None;
            group.bench_function(contender, |bencher| {
                // Only when the benchmark was asked for: servers of others would be in the measurement.
                let client = client.get_or_insert_with(|| Client::start(start(), connections));
                bencher.iter_custom(|messages| client.run(messages));
            });
            group.finish();
        }
    }
}

/// A client in a process of its own.
struct Client {
    process: Child,
    orders: ChildStdin,
    done: BufReader<ChildStdout>,
}

impl Client {
    fn start(server: SocketAddr, connections: usize) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["client", &server.to_string(), &connections.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let orders = process.stdin.take().unwrap();
        let done = BufReader::new(process.stdout.take().unwrap());
        let mut client = Self { process, orders, done };
        client.wait();
        client
    }

    fn wait(&mut self) -> u64 {
        let mut line = String::new();
        self.done.read_line(&mut line).expect("the client answers");
        line.trim().parse().expect("the client is well")
    }

    /// Has messages echoed, and gives the CPU time that this took here, of as many messages as asked for.
    fn run(&mut self, messages: u64) -> Duration {
        let begun = cpu();
        writeln!(self.orders, "{messages}").expect("the client listens");
        let echoed = self.wait();
        (cpu() - begun).mul_f64(messages as f64 / echoed as f64)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The client's process: writes to all connections, then reads from all, until as many messages came back.
fn client(server: SocketAddr, connections: usize) -> io::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut echo = |messages: u64| -> io::Result<u64> {
        let mut echoed = 0;
        while echoed < messages {
            for stream in &mut streams {
                stream.write_all(&[7; MESSAGE])?;
            }
            for stream in &mut streams {
                stream.read_exact(&mut [0; MESSAGE])?;
                echoed += 1;
            }
        }
        Ok(echoed)
    };
    // Each connection once, so that all are accepted before the clock runs.
    println!("{}", echo(1)?);
    for order in io::stdin().lines() {
        println!("{}", echo(order?.parse().unwrap())?);
    }
    Ok(())
}

/// Runs a server on a thread of its own; gives the address that it reports.
fn on_thread(serve: impl FnOnce(mpsc::Sender<SocketAddr>) + Send + 'static) -> SocketAddr {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || serve(send));
    receive.recv().expect("the server starts")
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Echoes on every connection. The same on every loop.
fn serve(reactor: &Reactor) -> (Deferred<(), io::Error>, SocketAddr) {
    let listener = interloop::net::TcpListener::bind(reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = listener.local_addr().unwrap();
    let spawner = reactor.clone();
    let serving = reactor.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawner
                .spawn(async move {
                    let mut buffer = [0; BUFFER];
                    loop {
                        let count = stream.read(&mut buffer).await?;
                        if count == 0 {
                            return Ok::<_, io::Error>(());
                        }
                        stream.write_all(&buffer[..count]).await?;
                    }
                })
                .or_else(|_| Ok::<_, io::Error>(()))
                .detach();
        }
    });
    (serving, addr)
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn tokio_native() -> SocketAddr {
    on_thread(|addr| {
        tokio_runtime().block_on(async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (listener, bound) = listen();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            addr.send(bound).unwrap();
            // In a task, as the accepting loop of the other is.
            let accepting = tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    tokio::spawn(async move {
                        let mut buffer = [0; BUFFER];
                        loop {
                            let count = stream.read(&mut buffer).await?;
                            if count == 0 {
                                return Ok::<_, io::Error>(());
                            }
                            stream.write_all(&buffer[..count]).await?;
                        }
                    });
                }
            });
            accepting.await.unwrap()
        })
    })
}

fn tokio_interloop() -> SocketAddr {
    on_thread(|addr| {
        let runtime = tokio_runtime();
        let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
        let (serving, bound) = serve(&reactor);
        addr.send(bound).unwrap();
        let _ = runtime.block_on(serving);
    })
}

/// Serves connections of async-io's sockets, accepted by `listener`.
async fn echo_async_io<S>(mut stream: S) -> io::Result<()>
where
    S: futures_util::io::AsyncRead + futures_util::io::AsyncWrite + Unpin,
{
    let mut buffer = [0; BUFFER];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

fn smol_native() -> SocketAddr {
    on_thread(|addr| {
        let executor = Arc::new(smol::Executor::new());
        let (listener, bound) = listen();
        let listener = smol::net::TcpListener::try_from(listener).unwrap();
        addr.send(bound).unwrap();
        let spawner = executor.clone();
        let accepting = executor.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                spawner.spawn(echo_async_io(stream)).detach();
            }
        });
        smol::block_on(executor.run::<()>(accepting));
    })
}

fn smol_interloop() -> SocketAddr {
    on_thread(|addr| {
        let executor = Arc::new(smol::Executor::new());
        let (serving, bound) = serve(&interloop_smol::from_executor(&executor));
        addr.send(bound).unwrap();
        let _ = smol::block_on(executor.run(serving));
    })
}

fn async_std_native() -> SocketAddr {
    let (listener, bound) = listen();
    let listener = async_std::net::TcpListener::from(listener);
    async_std::task::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            async_std::task::spawn(echo_async_io(stream));
        }
    });
    bound
}

fn async_std_interloop() -> SocketAddr {
    let (serving, bound) = serve(&interloop_async_std::global());
    serving.detach();
    bound
}

fn futures_native() -> SocketAddr {
    on_thread(|addr| {
        use futures_util::task::LocalSpawnExt;
        let mut pool = futures_executor::LocalPool::new();
        let spawner = pool.spawner();
        let (listener, bound) = listen();
        let listener = async_io::Async::new(listener).unwrap();
        addr.send(bound).unwrap();
        pool.run_until(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.get_ref().set_nodelay(true).unwrap();
                spawner
                    .spawn_local(async move { drop(echo_async_io(stream).await) })
                    .unwrap();
            }
        })
    })
}

fn futures_interloop() -> SocketAddr {
    on_thread(|addr| {
        let mut pool = futures_executor::LocalPool::new();
        let reactor = interloop_futures::from_local_spawner(pool.spawner());
        let (serving, bound) = serve(&reactor);
        addr.send(bound).unwrap();
        let _ = pool.run_until(serving);
    })
}
