//! [`interloop`] on [smol](https://github.com/smol-rs/smol): its global executor, or an [`Executor`] of your own.
//!
//! ```
//! use interloop::Aborted;
//!
//! let reactor = interloop_smol::global();
//! let answer = smol::block_on(reactor.spawn(async { Ok::<_, Aborted>(42) }));
//! assert_eq!(answer.unwrap(), 42);
//! ```
//!
//! Readiness, time and blocking jobs are those of [`interloop_async_io`], as they are smol's.

#![forbid(unsafe_code)]

mod block_on;

use std::{rc, rc::Rc, sync::Arc};

use interloop::{Reactor, Task, local};
use interloop_async_io::Builder;
use smol::{Executor, LocalExecutor, channel};

pub use self::block_on::{block_on, block_on_executor, block_on_static, react};

/// A reactor on smol's global executor, which starts its threads at the first spawn (one, or
/// as many as the environment variable `SMOL_THREADS` says).
pub fn global() -> Reactor {
    Builder::new("smol")
        .waits_in_async_io()
        .reactor(|task| smol::spawn(task).detach())
}

/// A reactor on an executor of yours, which you run.
///
/// The reactor does not keep it alive: when the last `Arc` to it is gone, its tasks are dropped, and
/// what is spawned from then on fails with [`Aborted::shut_down`](interloop::Aborted::shut_down).
///
/// ```
/// use std::sync::Arc;
/// use interloop::Aborted;
///
/// let executor = Arc::new(smol::Executor::new());
/// let reactor = interloop_smol::from_executor(&executor);
/// let answer = reactor.spawn(async { Ok::<_, Aborted>(42) });
/// assert_eq!(smol::block_on(executor.run(answer)).unwrap(), 42);
/// ```
pub fn from_executor(executor: &Arc<Executor<'static>>) -> Reactor {
    let executor = Arc::downgrade(executor);
    let ended = executor.clone();
    Builder::new("smol executor")
        .ends_when(move || ended.strong_count() == 0)
        .waits_in_async_io()
        .reactor(move |task| {
            if let Some(executor) = executor.upgrade() {
                executor.spawn(task).detach();
            }
        })
}

/// A reactor on an executor of yours that lives as long as the program, which you run.
///
/// ```
/// use interloop::Aborted;
///
/// static EXECUTOR: smol::Executor<'static> = smol::Executor::new();
///
/// let reactor = interloop_smol::from_static(&EXECUTOR);
/// let answer = reactor.spawn(async { Ok::<_, Aborted>(42) });
/// assert_eq!(smol::block_on(EXECUTOR.run(answer)).unwrap(), 42);
/// ```
pub fn from_static(executor: &'static Executor<'static>) -> Reactor {
    Builder::new("smol executor")
        .waits_in_async_io()
        .reactor(move |task| executor.spawn(task).detach())
}

/// A local reactor, for what is not `Send`, on a local executor of yours, which you run.
///
/// Its [`handle`](local::Reactor::handle), by which other threads reach it, spawns onto the same executor, where a task receives
/// what is spawned as long as the handle is kept. Neither keeps the executor alive.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// let executor = Rc::new(smol::LocalExecutor::new());
/// let reactor = interloop_smol::from_local_executor(&executor);
/// let called = Rc::new(Cell::new(0));
/// let count = reactor.spawn_infallible({
///     let (reactor, called) = (reactor.clone(), called.clone());
///     async move {
///         reactor.call_soon(move || called.set(called.get() + 1));
///     }
/// });
/// smol::block_on(executor.run(count)).unwrap();
/// while called.get() == 0 {
///     executor.try_tick();
/// }
/// ```
pub fn from_local_executor(executor: &Rc<LocalExecutor<'static>>) -> local::Reactor {
    let (sender, tasks) = channel::unbounded::<Task>();
    // An executor that is gone has dropped the receiver.
    let ended = sender.clone();
    let receive = {
        let executor = Rc::downgrade(executor);
        async move {
            while let (Ok(task), Some(executor)) = (tasks.recv().await, executor.upgrade()) {
                executor.spawn(task).detach();
            }
        }
    };
    executor.spawn(receive).detach();
    let handle = Builder::new("smol local executor")
        .ends_when(move || ended.is_closed())
        .waits_in_async_io()
        // An executor that is gone gives the task back in the error, and it is dropped.
        .reactor(move |task| drop(sender.try_send(task)));
    local::Reactor::new(LocalLoop(Rc::downgrade(executor)), handle)
}

struct LocalLoop(rc::Weak<LocalExecutor<'static>>);

impl std::fmt::Debug for LocalLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("smol local executor")
    }
}

impl local::EventLoop for LocalLoop {
    fn spawn(&self, task: local::Task) {
        if let Some(executor) = self.0.upgrade() {
            executor.spawn(task).detach();
        }
    }
}
