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

use std::process::{ExitCode, Termination};

use interloop::{BlockOnError, Reactor, block_on};
use interloop_async_io::Builder;

/// A reactor on async-std's global executor, which starts its threads at the first spawn (one per
/// core, or as many as the environment variable `ASYNC_STD_THREAD_COUNT` says).
pub fn global() -> Reactor {
    Builder::new("async-std")
        .waits_in_async_io()
        .reactor(|task| drop(async_std::task::spawn(task)))
}

/// Runs a function on this thread, and its tasks on async-std's global executor. The reactor is the current one inside; its
/// tasks go on when the function has ended.
///
/// ```
/// use interloop::Aborted;
///
/// let answer = interloop_async_std::block_on(async |reactor| reactor.spawn(async { Ok::<_, Aborted>(42) }).await);
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// # Errors
/// If this thread runs a loop already.
pub fn block_on<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        let reactor = global();
        let _entered = reactor.enter();
        Ok(async_std::task::block_on(main(reactor.clone())))
    })
}

/// Runs a program's main function on async-std, and gives its exit code (Twisted's `react`). See [`block_on()`].
///
/// Errors are written to standard error: the function's own as for any `main`, for which [`MainError`](interloop::block_on::MainError) has a readable form.
///
/// ```
/// use std::process::ExitCode;
/// use interloop::block_on::MainError;
///
/// fn main() -> ExitCode {
///     interloop_async_std::react(async |reactor| {
///         reactor.sleep(std::time::Duration::from_millis(1)).await?;
///         Ok::<_, MainError>(())
///     })
/// }
/// ```
pub fn react<T: Termination>(main: impl AsyncFnOnce(Reactor) -> T) -> ExitCode {
    block_on::exit_code(block_on(main))
}
