//! A server accepts again when descriptors were short for a while, on every loop, and does not spin meanwhile. In a binary of its
//! own, with one test, as the limit is that of the whole process.

#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::TcpStream as StdStream,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream as StdUnixStream,
    },
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt, TryStreamExt,
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
};
use interloop::{
    EventLoop, Job, Reactor, Source, Task, Timer,
    net::{AcceptFailure, Incoming, Listener, TcpListener, UnixListener},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes every number up to the highest that is in use, and one more.
fn fill_gaps() -> Vec<OwnedFd> {
    let names = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let numbers = names.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let highest = numbers.max().unwrap();
    let mut fillers = Vec::<OwnedFd>::new();
    while fillers.last().map_or(-1, AsRawFd::as_raw_fd) <= highest {
        fillers.push(File::open("/dev/null").unwrap().into());
    }
    fillers
}

/// While it lives, no descriptor is free.
struct Shortage {
    before: Rlimit,
    _fillers: Vec<OwnedFd>,
}

impl Shortage {
    fn new() -> Self {
        let fillers = fill_gaps();
        let before = getrlimit(Resource::Nofile);
        let limit = Rlimit {
            current: Some(fillers.last().unwrap().as_raw_fd() as u64 + 1),
            maximum: before.maximum,
        };
        setrlimit(Resource::Nofile, limit).unwrap();
        let shortage = Self {
            before,
            _fillers: fillers,
        };
        assert!(File::open("/dev/null").is_err());
        shortage
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.before).unwrap();
    }
}

/// The same loop, which counts how often its timers are asked for, and with what.
#[derive(Debug)]
struct Counting {
    on: Reactor,
    timers: Arc<AtomicUsize>,
}

impl EventLoop for Counting {
    fn spawn(&self, task: Task) {
        self.on.event_loop().spawn(task);
    }

    fn spawn_blocking(&self, job: Job) {
        self.on.event_loop().spawn_blocking(job);
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.timers.fetch_add(1, SeqCst);
        self.on.event_loop().timer(deadline)
    }

    fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        self.on.event_loop().register(fd)
    }
}

/// Echoes, for as many connections, one after the other.
async fn serve<L: Listener>(listener: &L, connections: usize) -> io::Result<()>
where
    L::Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut incoming = Incoming::new(listener).take(connections);
    while let Some((mut stream, _)) = incoming.try_next().await? {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        stream.write_all(&byte).await?;
    }
    Ok(())
}

/// A client that has connected and sent its byte; the system does both, though nobody accepts.
fn greeted<S: Write>(connected: io::Result<S>) -> S {
    let mut client = connected.unwrap();
    client.write_all(b"x").unwrap();
    client
}

async fn check(on: Reactor) {
    let timers = Arc::new(AtomicUsize::new(0));
    let reactor = Reactor::new(Counting {
        on: on.clone(),
        timers: timers.clone(),
    });
    let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listener.local_addr().unwrap();
    check_listener(&reactor, &timers, &listener, || greeted(StdStream::connect(addr))).await;

    let path = std::env::temp_dir().join(format!("interloop-shortage-{}", std::process::id()));
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    check_listener(&reactor, &timers, &listener, || greeted(StdUnixStream::connect(&path))).await;
    fs::remove_file(&path).unwrap();
}

async fn check_listener<L: Listener, C: Read>(
    reactor: &Reactor,
    timers: &AtomicUsize,
    listener: &L,
    client: impl Fn() -> C,
) where
    L::Stream: AsyncRead + AsyncWrite + Unpin,
{
    // Loops open descriptors of their own, once.
    let first = client();
    serve(listener, 1).await.unwrap();
    drop(first);
    reactor.sleep(Duration::from_millis(1)).await.unwrap();
    let before = timers.load(SeqCst);

    let mut clients = [client(), client(), client()];
    let mut serving = pin!(serve(listener, clients.len()));
    {
        let _shortage = Shortage::new();
        let accepted = std::future::poll_fn(|cx| listener.poll_accept(cx)).await;
        let error = accepted.map(drop).unwrap_err();
        assert_eq!(AcceptFailure::of(&error), AcceptFailure::Shortage, "{error}");

        // Each wait is one timer.
        let mut polls = 0;
        let paused = std::future::poll_fn(|cx| {
            polls += 1;
            assert!(serving.as_mut().poll(cx).is_pending());
            match timers.load(SeqCst) - before {
                0 => panic!("it waits for nothing"),
                // The fourth wait: 5, 10 and 20 ms have passed.
                4.. => Poll::Ready(()),
                _ => {
                    // Whoever drives the loop may poll for reasons of its own; a server that spins is polled for ever.
                    assert!(polls <= 1000, "it spins");
                    Poll::Pending
                }
            }
        });
        paused.await;
        for _ in 0..100 {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(serving.as_mut().poll(&mut cx).is_pending());
        }
    }
    // Nobody was lost. The wait that was under way ends, and all are served.
    serving.await.unwrap();
    for client in &mut clients {
        let mut echoed = Vec::new();
        client.read_to_end(&mut echoed).unwrap();
        assert_eq!(echoed, b"x");
    }
}

#[test]
fn a_server_outlasts_a_shortage_on_any_loop() {
    for mut builder in [
        tokio::runtime::Builder::new_multi_thread(),
        tokio::runtime::Builder::new_current_thread(),
    ] {
        let runtime = builder.enable_all().build().unwrap();
        let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
        runtime.block_on(check(reactor));
    }
    smol::block_on(check(interloop_smol::global()));
    smol::block_on(check(interloop_async_std::global()));
    let pool = futures_executor::ThreadPool::builder().pool_size(2).create().unwrap();
    futures_executor::block_on(check(interloop_futures::from_thread_pool(pool)));
    let mut pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    pool.run_until(check(reactor));
    let executor = Arc::new(smol::Executor::new());
    let reactor = interloop_smol::from_executor(&executor);
    smol::block_on(executor.run(check(reactor)));
}
