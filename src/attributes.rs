//! What the attributes of `interloop-macros` do.

/// Makes a test on each of the loops that are named, of one async function that takes a reactor.
///
/// ```
/// # mod example {
/// use std::time::Duration;
/// use interloop::{Aborted, Reactor};
///
/// #[interloop::test(tokio, smol, clock, timeout = "2s")]
/// async fn a_sleep_ends(reactor: Reactor) -> Result<(), Aborted> {
///     reactor.sleep(Duration::from_millis(10)).await
/// }
/// # }
/// ```
///
/// are the tests `a_sleep_ends::tokio`, `a_sleep_ends::smol` and `a_sleep_ends::clock`.
///
/// # The loops
///
/// | name | runs the test by | of the crate |
/// |---|---|---|
/// | `tokio` | `block_on`, a multi-threaded runtime | `interloop-tokio` |
/// | `tokio_current_thread` | `block_on_current_thread` | `interloop-tokio` |
/// | `smol` | `block_on`, the global executor | `interloop-smol` |
/// | `async_std` | `block_on` | `interloop-async-std` |
/// | `futures` | `block_on`, a `LocalPool` | `interloop-futures` |
/// | `clock` | `clock::block_on`, in virtual time | `interloop` |
///
/// Only the crates of the loops that are named have to be dependencies.
///
/// # When a test fails
///
/// When its function panics or gives an error, as any test; and when
///
/// - it has not ended after the `timeout`, which is `"5s"` if nothing is said, and is in real time on the clock, too. A test
///   that blocks its thread does not keep the others from going on. On the clock, one that waits for what cannot come any
///   more fails at once.
/// - a failure was unhandled on the test's thread, in one of the tasks of its reactor, or in what they called. What
///   it tells is where the deferred was made, and where it failed.
/// - a task or a blocking job of its reactor is still alive a second after the function has ended, or a delayed call is pending
///   then.
///
/// Only what the test does counts, so tests run side by side. Failures on threads that the test starts itself go to the
/// process's hook as before, unless they [enter](crate::Reactor::enter)
/// its reactor.
///
/// # Other attributes
///
/// They are passed on to the tests: `#[ignore]`, `#[should_panic]`, `#[cfg(..)]` and so on.
///
/// # Errors
///
/// What cannot work does not compile, and says what to write:
///
/// ```compile_fail
/// #[interloop::test]
/// async fn no_loop(reactor: interloop::Reactor) {}
/// ```
/// ```compile_fail
/// #[interloop::test(tokyo)]
/// async fn no_such_loop(reactor: interloop::Reactor) {}
/// ```
/// ```compile_fail
/// #[interloop::test(clock)]
/// fn not_async(reactor: interloop::Reactor) {}
/// ```
/// ```compile_fail
/// #[interloop::test(clock)]
/// async fn no_reactor() {}
/// ```
/// ```compile_fail
/// #[interloop::test(clock, timeout = "soon")]
/// async fn no_duration(reactor: interloop::Reactor) {}
/// ```
pub use interloop_macros::test;

/// Runs an async main function on the loop that is named.
///
/// ```
/// use std::{io, time::Duration};
/// use interloop::Reactor;
///
/// #[interloop::main(tokio)]
/// async fn main(reactor: Reactor) -> io::Result<()> {
///     reactor.sleep(Duration::from_millis(10)).await?;
///     Ok(())
/// }
/// ```
///
/// It is run by the adapter's `react` (for `tokio_current_thread`, by `react_current_thread`), which also says what becomes
/// of tasks that are left. An error is written to standard error as its `Debug` has it, as by any `main`;
/// `interloop::block_on::MainError` is one that any other becomes by `?`, and that reads well. The loops are those of
/// [`test`](macro@test), except for the clock.
///
/// ```compile_fail
/// #[interloop::main]
/// async fn main(reactor: interloop::Reactor) {}
/// ```
/// ```compile_fail
/// #[interloop::main(tokio, smol)]
/// async fn main(reactor: interloop::Reactor) {}
/// ```
/// ```compile_fail
/// #[interloop::main(tokio)]
/// fn main() {}
/// ```
pub use interloop_macros::main;
