//! What the cases share.

use std::{
    env, fs,
    future::{Future, poll_fn},
    io,
    iter::repeat_with,
    net::{SocketAddr, TcpStream as StdStream},
    os::{fd::AsFd, unix::net::UnixListener as StdUnixListener},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    pin::{Pin, pin},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use futures_util::{
    future::join,
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    poll,
};
use interloop::{
    Aborted, Deferred, EventLoop, Job, Reactor, Source, Task, Timer,
    net::{Duplex, TcpListener, TcpStream, UnixStream},
};
use socket2::{Domain, SockAddr, Socket, Type};

/// Waits on a plain thread, without any loop's help.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark {
        thread: Thread,
        // Whatever else parks this thread may take the token of its unparking.
        woken: AtomicBool,
    }

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.woken.store(true, Ordering::Release);
            self.thread.unpark();
        }
    }

    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(unpark.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Runs a closure on a plain thread. A panic there fails the deferred.
#[track_caller]
pub(crate) fn on_thread<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Deferred<T> {
    let (completer, deferred) = Deferred::pair();
    thread::spawn(move || completer.settle(catch_unwind(AssertUnwindSafe(body)).map_err(Aborted::panicked)));
    deferred
}

/// The same future, and what tells that it has been polled and waits.
///
/// It tells so from inside of the poll, so on another thread that may not have returned yet.
#[track_caller]
pub(crate) fn parked<F: Future>(future: F) -> (Deferred<()>, impl Future<Output = F::Output>) {
    let (parked, is_parked) = Deferred::pair();
    let future = async move {
        let mut parked = Some(parked);
        let mut future = pin!(future);
        poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                if let Some(parked) = parked.take() {
                    parked.complete(());
                }
            }
            polled
        })
        .await
    };
    (is_parked, future)
}

/// So many tasks, and what tells of each that it waits.
pub(crate) fn spawn_parked<F, T, E>(
    reactor: &Reactor,
    count: usize,
    make: impl FnMut() -> F,
) -> (Vec<Deferred<()>>, Vec<Deferred<T, E>>)
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    let parked = repeat_with(make).take(count).map(parked);
    parked.map(|(waits, future)| (waits, reactor.spawn(future))).unzip()
}

/// Polls a future so many times, and drops it if it is not ready by then. After each poll that leaves it waiting, something else
/// is done.
pub(crate) async fn give_up<F: Future>(polls: usize, future: F, mut between: impl AsyncFnMut()) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll!(future.as_mut()) {
            return Some(output);
        }
        between().await;
    }
    None
}

/// Writes more than there is room for, and drops who reads while that waits; gives what becomes of the write.
pub(crate) async fn write_to_nobody(writer: &mut (impl AsyncWrite + Unpin), reader: impl Sized) -> io::Result<()> {
    let bytes = vec![7; 1 << 20];
    let (waits, writing) = parked(writer.write_all(&bytes));
    let leaving = async {
        waits.await.unwrap();
        drop(reader);
    };
    join(writing, leaving).await.0
}

/// Lets the loop look at what it waits for.
pub(crate) async fn turn(reactor: &Reactor) {
    reactor.sleep(MILLISECOND).await.expect("the loop runs");
}

/// Lets the other tasks of the loop run.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Does something when it is dropped.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(action: F) -> Self {
        Self(Some(action))
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// Counts, from any thread.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts when what this gives is dropped.
    pub(crate) fn on_drop(&self) -> OnDrop<impl FnOnce() + Send + 'static> {
        let counter = self.clone();
        OnDrop::new(move || counter.add())
    }
}

/// Whether a reactor is the current one.
pub(crate) fn is_current(reactor: &Reactor) -> bool {
    Reactor::current().is_ok_and(|current| is_same(&current, reactor))
}

pub(crate) fn is_same(one: &Reactor, other: &Reactor) -> bool {
    std::ptr::addr_eq(one.event_loop(), other.event_loop())
}

/// A reactor that is none of the loop's, on which nothing ever runs.
pub(crate) fn nowhere() -> Reactor {
    Reactor::new(Nowhere)
}

#[derive(Debug)]
struct Nowhere;

struct Never;

impl EventLoop for Nowhere {
    fn spawn(&self, task: Task) {
        drop(task);
    }

    fn spawn_blocking(&self, job: Job) {
        drop(job);
    }

    fn timer(&self, _: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Never)
    }

    fn register(&self, _: std::os::fd::OwnedFd) -> io::Result<Box<dyn Source>> {
        Err(Aborted::shut_down().into())
    }
}

impl Future for Never {
    type Output = Result<(), Aborted>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(Aborted::shut_down()))
    }
}

impl Timer for Never {
    fn reset(self: Pin<&mut Self>, _: Instant) {}
}

/// A listener on a free port.
pub(crate) fn listen(reactor: &Reactor) -> TcpListener {
    TcpListener::bind(reactor, "127.0.0.1:0".parse().unwrap()).expect("a free port")
}

/// Both ends of a connection.
pub(crate) async fn connection(reactor: &Reactor) -> (TcpStream, TcpStream) {
    let listener = listen(reactor);
    let client = TcpStream::connect(reactor, listener.local_addr().unwrap())
        .await
        .expect("a connection");
    let (server, _) = listener.accept().await.expect("the other end");
    (client, server)
}

/// A stream socket of either kind.
pub(crate) trait StreamSocket: Duplex + AsyncRead + AsyncWrite + AsFd + Unpin + Send + Sync + 'static {}

impl StreamSocket for TcpStream {}
impl StreamSocket for UnixStream {}

/// An address that does not answer, as long as the sockets are there: as many connections wait to be accepted as may.
pub(crate) fn silent() -> ((Socket, StdStream), SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    socket.listen(0).unwrap();
    let first = StdStream::connect(addr).unwrap();
    ((socket, first), addr)
}

/// The byte at a place in a stream that is checked on its way; of a period that divides no buffer.
pub(crate) fn byte_at(place: usize) -> u8 {
    (place % 251) as u8
}

/// A path at which there is nothing yet, and nothing any more when this is dropped.
pub(crate) struct TempPath(PathBuf);

impl TempPath {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("interloop-{}-{number}", process::id())))
    }
}

impl AsRef<Path> for TempPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        // Nothing may have been made there.
        let _ = fs::remove_file(&self.0);
    }
}

/// A listener that lets as few wait as the system has it, and as many connections to it. Another one would block.
pub(crate) fn full(path: &TempPath) -> (StdUnixListener, Vec<Socket>) {
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let addr = SockAddr::unix(path).unwrap();
    listener.bind(&addr).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        if client.connect(&addr).is_err() {
            return (listener.into(), waiting);
        }
        waiting.push(client);
    }
}

/// Numbers that look random, and are the same in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// A number below a limit, by xorshift.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub(crate) fn duration_below(&mut self, limit: Duration) -> Duration {
        Duration::from_micros(self.below(limit.as_micros() as u64))
    }
}

/// So far away that a case which waits for it hangs.
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
