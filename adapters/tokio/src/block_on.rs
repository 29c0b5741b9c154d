//! Running a function on a runtime, on this thread.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::{ExitCode, Termination},
    task::{Context, Poll, Waker},
};

use interloop::{BlockOnError, Reactor, block_on};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::coop,
};

use crate::from_handle;

/// Runs a function on a multi-threaded runtime that is built for the call, on this thread, which waits for it.
///
/// The reactor is the current one inside. When the function has ended the runtime is shut down: tasks that are left
/// are dropped, and blocking jobs that have begun are waited for, as tokio does.
///
/// ```
/// use interloop::Aborted;
///
/// let answer = interloop_tokio::block_on(async |reactor| reactor.spawn(async { Ok::<_, Aborted>(42) }).await);
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// # Errors
/// If this thread runs a loop already, tokio's own included, or the runtime could not be built.
#[cfg(feature = "rt-multi-thread")]
pub fn block_on<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    build_and_run(Builder::new_multi_thread(), main)
}

/// Runs a function on a current-thread runtime that is built for the call: like [`block_on`](fn@crate::block_on), with all
/// tasks on this thread.
///
/// # Errors
/// As for [`block_on`](fn@crate::block_on).
pub fn block_on_current_thread<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    build_and_run(Builder::new_current_thread(), main)
}

/// Runs a function on a runtime of yours, on this thread, which waits for it. The reactor is the current one inside.
///
/// ```
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let name = interloop_tokio::block_on_runtime(&runtime, async |reactor| format!("{reactor:?}"))?;
/// assert!(name.contains("Tokio"));
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
/// If this thread runs a loop already, tokio's own included, or the runtime's I/O or time driver is off.
pub fn block_on_runtime<T>(runtime: &Runtime, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        check_thread()?;
        run(runtime, main)
    })
}

/// Runs a program's main function on a multi-threaded runtime, and gives its exit code (Twisted's `react`). See
/// [`block_on`](fn@crate::block_on).
///
/// Errors are written to standard error: the function's own as for any `main`, for which [`MainError`](interloop::block_on::MainError) has a readable form.
///
/// ```
/// use std::process::ExitCode;
/// use interloop::block_on::MainError;
///
/// fn main() -> ExitCode {
///     interloop_tokio::react(async |reactor| {
///         reactor.sleep(std::time::Duration::from_millis(1)).await?;
///         Ok::<_, MainError>(())
///     })
/// }
/// ```
#[cfg(feature = "rt-multi-thread")]
pub fn react<T: Termination>(main: impl AsyncFnOnce(Reactor) -> T) -> ExitCode {
    block_on::exit_code(block_on(main))
}

/// Like [`react`](crate::react), on a current-thread runtime.
pub fn react_current_thread<T: Termination>(main: impl AsyncFnOnce(Reactor) -> T) -> ExitCode {
    block_on::exit_code(block_on_current_thread(main))
}

fn build_and_run<T>(mut builder: Builder, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        check_thread()?;
        let runtime = builder.enable_all().build().map_err(BlockOnError::not_started)?;
        run(&runtime, main)
    })
}

fn run<T>(runtime: &Runtime, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    let reactor = from_handle(runtime.handle()).map_err(BlockOnError::not_started)?;
    let _entered = reactor.enter();
    Ok(runtime.block_on(main(reactor.clone())))
}

/// Fails where tokio would panic: where this thread runs one of its runtimes.
pub(crate) fn check_thread() -> Result<(), BlockOnError> {
    let Ok(handle) = Handle::try_current() else {
        return Ok(());
    };
    // What is left are the threads of tokio's blocking jobs, those where a runtime was entered only, and tasks without a
    // budget. tokio has no question for that but to try it, and the last ones answer with a panic: it is caught here, though
    // the program's panic hook sees it.
    if has_budget() || catch_unwind(AssertUnwindSafe(|| handle.block_on(async {}))).is_err() {
        return Err(BlockOnError::nested());
    }
    Ok(())
}

/// Whether the code that runs has a budget, as tokio gives it to what a runtime polls: then it can be used up.
pub(crate) fn has_budget() -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let mut taken = Vec::new();
    // Each gives back what it found when it is dropped; so the first one has to be dropped last.
    let is_used_up = (0..=u8::MAX).any(|_| match coop::poll_proceed(&mut cx) {
        Poll::Ready(one) => {
            taken.push(one);
            false
        }
        Poll::Pending => true,
    });
    while taken.pop().is_some() {}
    is_used_up
}
