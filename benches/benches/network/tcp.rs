//! Servers that echo what comes over TCP, on each loop with each kind of socket.

use std::{
    io::{self, Read},
    net::TcpListener,
    sync::Arc,
};

use futures_util::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use interloop::{Deferred, Reactor};
use interloop_benches::{epoll, runtime::current_thread};

use super::Contender;

/// What a server is given.
pub(crate) struct Job {
    /// In non-blocking mode.
    pub(crate) listener: TcpListener,
    /// The bytes that each connection reads at most at once.
    pub(crate) buffer: usize,
}

pub(crate) const CONTENDERS: &[Contender<Job>] = &[
    ("tokio", "native", tokio_native),
    ("tokio", "interloop", tokio_interloop),
    ("tokio", "epoll", bare_epoll),
    #[cfg(feature = "shims")]
    ("tokio", "agnostic-net", super::shims::agnostic_tokio),
    #[cfg(feature = "shims")]
    ("tokio", "async-rs", super::shims::async_rs_tokio),
    ("smol", "native", smol_native),
    ("smol", "interloop", smol_interloop),
    #[cfg(feature = "shims")]
    ("smol", "async-compat", super::shims::async_compat),
    #[cfg(feature = "shims")]
    ("smol", "agnostic-net", super::shims::agnostic_smol),
    #[cfg(feature = "shims")]
    ("smol", "async-rs", super::shims::async_rs_smol),
    ("async-std", "native", async_std_native),
    ("async-std", "interloop", async_std_interloop),
    ("futures", "native", futures_native),
    ("futures", "interloop", futures_interloop),
];

/// What each connection's task does, with sockets of futures-io's traits. An error is the client's going.
///
/// Not an `async fn`, as that would have room for its arguments twice.
#[allow(clippy::manual_async_fn)]
pub(crate) fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin, size: usize) -> impl Future<Output = ()> {
    async move {
        let mut buffer = vec![0; size];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }
}

/// Runs the accepting loop in a task, as it is on the other loops.
pub(crate) fn on_tokio(accepting: impl Future<Output = ()> + Send + 'static) {
    current_thread().block_on(async { tokio::spawn(accepting).await.unwrap() });
}

/// Runs the accepting loop on one thread; it is given the executor.
pub(crate) fn on_smol<F: Future<Output = ()> + Send + 'static>(
    accepting: impl FnOnce(Arc<smol::Executor<'static>>) -> F,
) {
    let executor = Arc::new(smol::Executor::new());
    let accepting = executor.spawn(accepting(executor.clone()));
    smol::block_on(executor.run(accepting));
}

/// Echoes with interloop's sockets. The same on every loop.
fn interloop(reactor: &Reactor, job: Job) -> Deferred<(), io::Error> {
    let listener = interloop::net::TcpListener::from_std(reactor, job.listener).unwrap();
    let spawner = reactor.clone();
    reactor.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawner.spawn_infallible(echo(stream, job.buffer)).detach();
        }
    })
}

fn tokio_native(job: Job) {
    on_tokio(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::from_std(job.listener).unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut buffer = vec![0; job.buffer];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

fn bare_epoll(job: Job) {
    let mut buffer = vec![0; job.buffer];
    epoll::serve(
        job.listener,
        || (),
        |stream, ()| match stream.read(&mut buffer) {
            Ok(count @ 1..) => epoll::write_all(stream, &buffer[..count]),
            _ => false,
        },
    )
}

fn tokio_interloop(job: Job) {
    let runtime = current_thread();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    runtime.block_on(interloop(&reactor, job)).unwrap();
}

fn smol_native(job: Job) {
    on_smol(|executor| async move {
        let listener = smol::net::TcpListener::try_from(job.listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            executor.spawn(echo(stream, job.buffer)).detach();
        }
    });
}

fn smol_interloop(job: Job) {
    let executor = Arc::new(smol::Executor::new());
    let serving = interloop(&interloop_smol::from_executor(&executor), job);
    smol::block_on(executor.run(serving)).unwrap();
}

fn async_std_native(job: Job) {
    let accepting = async_std::task::spawn(async move {
        let listener = async_std::net::TcpListener::from(job.listener);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            async_std::task::spawn(echo(stream, job.buffer));
        }
    });
    async_std::task::block_on(accepting)
}

fn async_std_interloop(job: Job) {
    let serving = interloop(&interloop_async_std::global(), job);
    async_std::task::block_on(serving).unwrap();
}

/// futures has no sockets: async-io's.
fn futures_native(job: Job) {
    use futures_util::task::LocalSpawnExt;
    let mut pool = futures_executor::LocalPool::new();
    let spawner = pool.spawner();
    pool.run_until(async move {
        let listener = async_io::Async::new(job.listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.get_ref().set_nodelay(true).unwrap();
            spawner.spawn_local(echo(stream, job.buffer)).unwrap();
        }
    })
}

fn futures_interloop(job: Job) {
    let mut pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    pool.run_until(interloop(&reactor, job)).unwrap();
}
