//! Running a function on an executor, on this thread.

use std::{
    process::{ExitCode, Termination},
    sync::Arc,
};

use interloop::{BlockOnError, Reactor, block_on};
use smol::Executor;

use crate::{from_executor, from_static, global};

/// Runs a function on this thread, and its tasks on smol's global executor. The reactor is the current one inside; its tasks
/// go on when the function has ended.
///
/// ```
/// use interloop::Aborted;
///
/// let answer = interloop_smol::block_on(async |reactor| reactor.spawn(async { Ok::<_, Aborted>(42) }).await);
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// # Errors
/// If this thread runs a loop already.
pub fn block_on<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        let reactor = global();
        let _entered = reactor.enter();
        Ok(smol::block_on(main(reactor.clone())))
    })
}

/// Runs a function on an executor of yours, and the executor on this thread meanwhile. The reactor is the current one
/// inside.
///
/// ```
/// use std::sync::Arc;
/// use interloop::Aborted;
///
/// let executor = Arc::new(smol::Executor::new());
/// let answer = interloop_smol::block_on_executor(&executor, async |reactor| {
///     reactor.spawn(async { Ok::<_, Aborted>(42) }).await
/// });
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// # Errors
/// As for [`block_on()`].
pub fn block_on_executor<T>(
    executor: &Arc<Executor<'static>>,
    main: impl AsyncFnOnce(Reactor) -> T,
) -> Result<T, BlockOnError> {
    run(executor, || from_executor(executor), main)
}

/// Runs a function on an executor that lives as long as the program. See [`block_on_executor`].
///
/// # Errors
/// As for [`block_on()`].
pub fn block_on_static<T>(
    executor: &'static Executor<'static>,
    main: impl AsyncFnOnce(Reactor) -> T,
) -> Result<T, BlockOnError> {
    run(executor, || from_static(executor), main)
}

/// Runs a program's main function on smol, and gives its exit code (Twisted's `react`). See [`block_on()`].
///
/// Errors are written to standard error: the function's own as for any `main`, for which [`MainError`](interloop::block_on::MainError) has a readable form.
///
/// ```
/// use std::process::ExitCode;
/// use interloop::block_on::MainError;
///
/// fn main() -> ExitCode {
///     interloop_smol::react(async |reactor| {
///         reactor.sleep(std::time::Duration::from_millis(1)).await?;
///         Ok::<_, MainError>(())
///     })
/// }
/// ```
pub fn react<T: Termination>(main: impl AsyncFnOnce(Reactor) -> T) -> ExitCode {
    block_on::exit_code(block_on(main))
}

fn run<T>(
    executor: &Executor<'static>,
    reactor: impl FnOnce() -> Reactor,
    main: impl AsyncFnOnce(Reactor) -> T,
) -> Result<T, BlockOnError> {
    block_on::on_this_thread(|| {
        let reactor = reactor();
        let _entered = reactor.enter();
        Ok(smol::block_on(executor.run(main(reactor.clone()))))
    })
}
