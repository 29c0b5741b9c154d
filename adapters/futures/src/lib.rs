//! [`interloop`] on the executors of [futures](https://github.com/rust-lang/futures-rs): [`ThreadPool`] and
//! [`LocalPool`].
//!
//! ```
//! use futures_executor::{LocalPool, ThreadPool};
//! use interloop::Aborted;
//!
//! let reactor = interloop_futures::from_thread_pool(ThreadPool::new().unwrap());
//! let answer = futures_executor::block_on(reactor.spawn(async { Ok::<_, Aborted>(42) }));
//! assert_eq!(answer.unwrap(), 42);
//!
//! let mut pool = LocalPool::new();
//! let reactor = interloop_futures::from_local_spawner(pool.spawner());
//! let answer = pool.run_until(reactor.spawn(async { Ok::<_, Aborted>(42) }));
//! assert_eq!(answer.unwrap(), 42);
//! ```
//!
//! These executors have neither readiness nor time; both are those of [`interloop_async_io`], and so
//! are blocking jobs.
//!
//! The other way round, [`spawner`] makes futures' `Spawn` of a reactor of any loop, and [`local_spawner`] its `LocalSpawn`.

#![forbid(unsafe_code)]

mod spawner;

use std::{
    future::poll_fn,
    pin::Pin,
    process::{ExitCode, Termination},
};

use futures_channel::mpsc;
use futures_core::Stream;
use futures_executor::{LocalPool, LocalSpawner, ThreadPool};
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn};
use interloop::{BlockOnError, Reactor, block_on, local};
use interloop_async_io::Builder;

pub use self::spawner::{ReactorLocalSpawner, Spawner, local_spawner, spawner};

/// A reactor on a thread pool. As long as the reactor lives, the pool's threads do.
pub fn from_thread_pool(pool: ThreadPool) -> Reactor {
    interloop_async_io::reactor("futures ThreadPool", move |task| pool.spawn_ok(task))
}

/// A reactor on the thread that runs a local pool; it can be used from any thread.
///
/// It does not keep the pool alive: when the pool is gone, its tasks have been dropped, and what is
/// spawned from then on fails with [`Aborted::shut_down`](interloop::Aborted::shut_down).
pub fn from_local_spawner(spawner: LocalSpawner) -> Reactor {
    let (sender, mut tasks) = mpsc::unbounded();
    // A local spawner belongs to its thread, so tasks reach the pool through a task of their own.
    let receive = {
        let spawner = spawner.clone();
        async move {
            while let Some(task) = poll_fn(|cx| Pin::new(&mut tasks).poll_next(cx)).await {
                // A pool that is gone drops the task, which is what an event loop has to do.
                let _ = spawner.spawn_local_obj(LocalFutureObj::from(FutureObj::new(Box::new(task))));
            }
        }
    };
    // As above: then `tasks` is dropped, and sending fails.
    let _ = spawner.spawn_local_obj(LocalFutureObj::new(Box::new(receive)));
    let ended = sender.clone();
    Builder::new("futures LocalPool")
        .ends_when(move || ended.is_closed())
        // As above: the task comes back in the error, and is dropped.
        .reactor(move |task| drop(sender.unbounded_send(task)))
}

/// A local reactor, for what is not `Send`, on the thread that runs a local pool. Must be made on that thread.
///
/// What other threads reach it by, its [`handle`](local::Reactor::handle), is that of [`from_local_spawner`].
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// let mut pool = futures_executor::LocalPool::new();
/// let reactor = interloop_futures::local_from_spawner(pool.spawner());
/// let called = Rc::new(Cell::new(false));
/// reactor.call_soon({
///     let called = called.clone();
///     move || called.set(true)
/// });
/// pool.run_until_stalled();
/// assert!(called.get());
/// ```
pub fn local_from_spawner(spawner: LocalSpawner) -> local::Reactor {
    let handle = from_local_spawner(spawner.clone());
    local::Reactor::new(LocalLoop(spawner), handle)
}

#[derive(Debug)]
struct LocalLoop(LocalSpawner);

impl local::EventLoop for LocalLoop {
    fn spawn(&self, task: local::Task) {
        // A pool that is gone drops the task, which is what an event loop has to do.
        let _ = self.0.spawn_local_obj(LocalFutureObj::new(Box::new(task)));
    }
}

/// Runs a function on a [`LocalPool`] that is made for the call, on this thread, with all tasks.
///
/// The reactor is the current one inside. When the function has ended, tasks that are left are dropped.
///
/// ```
/// use interloop::Aborted;
///
/// let answer = interloop_futures::block_on(async |reactor| reactor.spawn(async { Ok::<_, Aborted>(42) }).await);
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// # Errors
/// If this thread runs a loop already, those of futures' executors included.
pub fn block_on<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        check_thread()?;
        let mut pool = LocalPool::new();
        let reactor = from_local_spawner(pool.spawner());
        let _entered = reactor.enter();
        Ok(pool.run_until(main(reactor.clone())))
    })
}

/// Runs a function on this thread, and its tasks on a thread pool. The reactor is the current one inside; its tasks go on
/// when the function has ended.
///
/// # Errors
/// As for [`block_on()`].
pub fn block_on_thread_pool<T>(pool: ThreadPool, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        check_thread()?;
        let reactor = from_thread_pool(pool);
        let _entered = reactor.enter();
        Ok(futures_executor::block_on(main(reactor.clone())))
    })
}

/// Runs a program's main function on a [`LocalPool`], and gives its exit code (Twisted's `react`). See [`block_on()`].
///
/// Errors are written to standard error: the function's own as for any `main`, for which [`MainError`](interloop::block_on::MainError) has a readable form.
///
/// ```
/// use std::process::ExitCode;
/// use interloop::block_on::MainError;
///
/// fn main() -> ExitCode {
///     interloop_futures::react(async |reactor| {
///         reactor.sleep(std::time::Duration::from_millis(1)).await?;
///         Ok::<_, MainError>(())
///     })
/// }
/// ```
pub fn react<T: Termination>(main: impl AsyncFnOnce(Reactor) -> T) -> ExitCode {
    block_on::exit_code(block_on(main))
}

/// Fails where futures' executors would panic.
fn check_thread() -> Result<(), BlockOnError> {
    futures_executor::enter().map(drop).map_err(|_| BlockOnError::nested())
}
