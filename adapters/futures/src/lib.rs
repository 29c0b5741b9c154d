//! [`interloop`] on the executors of [futures](https://github.com/rust-lang/futures-rs): [`ThreadPool`] and
//! [`LocalPool`](futures_executor::LocalPool).
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

#![forbid(unsafe_code)]

use std::{future::poll_fn, pin::Pin};

use futures_channel::mpsc;
use futures_core::Stream;
use futures_executor::{LocalSpawner, ThreadPool};
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn};
use interloop::{Reactor, local};
use interloop_async_io::Builder;

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
