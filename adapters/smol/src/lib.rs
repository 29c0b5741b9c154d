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

use std::sync::Arc;

use interloop::Reactor;
use interloop_async_io::Builder;
use smol::Executor;

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
