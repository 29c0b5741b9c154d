//! [`interloop`] on [async-std](https://github.com/async-rs/async-std).
//!
//! async-std is no longer developed; this adapter lets code that runs on it move elsewhere piece by
//! piece.
//!
//! ```
//! use interloop::Aborted;
//!
//! let reactor = interloop_async_std::global();
//! let answer = async_std::task::block_on(reactor.spawn(async { Ok::<_, Aborted>(42) }));
//! assert_eq!(answer.unwrap(), 42);
//! ```
//!
//! Readiness, time and blocking jobs are those of [`interloop_async_io`], as they are async-std's.

#![forbid(unsafe_code)]

use interloop::Reactor;
use interloop_async_io::Builder;

/// A reactor on async-std's global executor, which starts its threads at the first spawn (one per
/// core, or as many as the environment variable `ASYNC_STD_THREAD_COUNT` says).
pub fn global() -> Reactor {
    Builder::new("async-std")
        .waits_in_async_io()
        .reactor(|task| drop(async_std::task::spawn(task)))
}
