//! Running a loop on this thread: what the functions `block_on` and `react` of the adapters have in common.
//!
//! Users call those of an adapter: `interloop_tokio::block_on`, `interloop_smol::react` and so on. For an adapter they
//! are a few lines each:
//!
//! ```
//! use std::process::{ExitCode, Termination};
//! use futures_executor::LocalPool;
//! use interloop::{BlockOnError, Reactor, block_on};
//!
//! /// Runs a function on a loop of its own, on this thread.
//! pub fn block_on<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
//!     block_on::on_this_thread(|| {
//!         let mut pool = LocalPool::new();
//! # fn reactor_on(_: &LocalPool) -> Reactor { interloop::Clock::new().reactor() }
//!         let reactor = reactor_on(&pool);
//!         let _entered = reactor.enter();
//!         Ok(pool.run_until(main(reactor.clone())))
//!     })
//! }
//!
//! /// Runs a program's main function on a loop of its own.
//! pub fn react<T: Termination>(main: impl AsyncFnOnce(Reactor) -> T) -> ExitCode {
//!     block_on::exit_code(block_on(main))
//! }
//!
//! assert_eq!(block_on(async |_reactor| 42).unwrap(), 42);
//! let nested = block_on(async |_reactor| block_on(async |_reactor| ())).unwrap();
//! assert!(nested.unwrap_err().is_nested());
//! ```

use std::{
    error::Error,
    fmt,
    io::{self, Write as _},
    process::{ExitCode, Termination},
};

use super::current;

/// Runs `f`, which runs a loop on this thread: [`Deferred::wait`](crate::Deferred::wait) is an error there, and so is
/// another call of this. Destructors that `f` runs at its end are a part of it.
///
/// # Errors
/// If this thread runs a loop already, in which case `f` is not called; and those of `f`.
pub fn on_this_thread<T>(f: impl FnOnce() -> Result<T, BlockOnError>) -> Result<T, BlockOnError> {
    if current::runs_loop() {
        return Err(BlockOnError::nested());
    }
    current::as_loop(false, f)
}

/// The exit code of a program whose main function came to this. An error of the loop is written to standard
/// error with its causes; one of the main function as it is for any program's `main`, which is as its `Debug` has it (see
/// [`MainError`]).
pub fn exit_code<T: Termination>(result: Result<T, BlockOnError>) -> ExitCode {
    match result {
        Ok(value) => value.report(),
        Err(error) => {
            // There is nowhere left to say that this failed.
            let _ = writeln!(io::stderr(), "Error: {:?}", MainError::from(error));
            ExitCode::FAILURE
        }
    }
}

/// An error for main functions to end with: it is made of any other by `?`, and its `Debug`, which is what a program writes
/// to standard error in the end, is a text with the causes.
///
/// ```
/// use interloop::{Reactor, block_on::MainError};
///
/// async fn run(reactor: Reactor) -> Result<(), MainError> {
///     let port: u16 = "port 80".parse()?;
///     reactor.sleep(std::time::Duration::from_secs(port.into())).await?;
///     Ok(())
/// }
///
/// let error = interloop::clock::block_on(run)?.unwrap_err();
/// assert_eq!(format!("{error:?}"), "invalid digit found in string");
/// # Ok::<_, interloop::BlockOnError>(())
/// ```
pub struct MainError {
    error: Box<dyn Error + Send + Sync>,
}

// It is no `Error` itself, which would be in the way of this.
impl<E: Error + Send + Sync + 'static> From<E> for MainError {
    fn from(error: E) -> Self {
        Self { error: Box::new(error) }
    }
}

impl fmt::Debug for MainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut cause = self.error.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Why a function was not run on a loop.
#[derive(Debug)]
pub struct BlockOnError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Nested,
    NotStarted(Box<dyn Error + Send + Sync>),
    Stalled(Box<dyn Error + Send + Sync>),
}

impl BlockOnError {
    /// This thread runs a loop already. For adapters.
    pub fn nested() -> Self {
        Self { kind: Kind::Nested }
    }

    /// The loop could not be started. For adapters.
    pub fn not_started(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::NotStarted(cause.into()),
        }
    }

    /// The function waits for something that cannot come any more, as the loop can tell. For adapters.
    pub fn stalled(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Stalled(cause.into()),
        }
    }

    /// Whether this thread runs a loop already.
    pub fn is_nested(&self) -> bool {
        matches!(self.kind, Kind::Nested)
    }

    /// Whether the loop could not be started; [`source`](Error::source) says why.
    pub fn is_not_started(&self) -> bool {
        matches!(self.kind, Kind::NotStarted(_))
    }

    /// Whether the function waits for something that cannot come any more; [`source`](Error::source) says what is known
    /// of it.
    pub fn is_stalled(&self) -> bool {
        matches!(self.kind, Kind::Stalled(_))
    }
}

impl fmt::Display for BlockOnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Nested => {
                "this thread runs a loop already: await here what was to be run, \
                 or run it on a thread of your own, e.g. in `spawn_blocking`"
            }
            Kind::NotStarted(_) => "the loop could not be started",
            Kind::Stalled(_) => "the loop has nothing left to do, and the function has not ended",
        })
    }
}

impl Error for BlockOnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Nested => None,
            Kind::NotStarted(cause) | Kind::Stalled(cause) => Some(&**cause),
        }
    }
}

impl From<BlockOnError> for io::Error {
    fn from(error: BlockOnError) -> Self {
        io::Error::other(error)
    }
}
