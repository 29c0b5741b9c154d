use std::{fmt, io};

use tokio::runtime::TryCurrentError;

/// Why there is no reactor on a runtime, or no [context](crate::context) of one, or why a context's future did not come to its end.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    NoRuntime(TryCurrentError),
    NoTime,
    NoIo,
    Probe(io::Error),
    EnteredOnly,
    Never,
    #[cfg(feature = "rt-multi-thread")]
    NoThreads,
    #[cfg(feature = "rt-multi-thread")]
    NotStarted(io::Error),
    ShutDown,
    Undriven,
}

impl Error {
    pub(crate) fn no_runtime(cause: TryCurrentError) -> Self {
        Self {
            kind: Kind::NoRuntime(cause),
        }
    }

    pub(crate) fn no_time() -> Self {
        Self { kind: Kind::NoTime }
    }

    pub(crate) fn no_io() -> Self {
        Self { kind: Kind::NoIo }
    }

    pub(crate) fn probe(cause: io::Error) -> Self {
        Self {
            kind: Kind::Probe(cause),
        }
    }

    pub(crate) fn entered_only() -> Self {
        Self {
            kind: Kind::EnteredOnly,
        }
    }

    pub(crate) fn never() -> Self {
        Self { kind: Kind::Never }
    }

    #[cfg(feature = "rt-multi-thread")]
    pub(crate) fn no_threads() -> Self {
        Self { kind: Kind::NoThreads }
    }

    #[cfg(feature = "rt-multi-thread")]
    pub(crate) fn not_started(cause: io::Error) -> Self {
        Self {
            kind: Kind::NotStarted(cause),
        }
    }

    pub(crate) fn shut_down() -> Self {
        Self { kind: Kind::ShutDown }
    }

    pub(crate) fn undriven() -> Self {
        Self { kind: Kind::Undriven }
    }

    /// Whether no runtime was running here.
    pub fn is_no_runtime(&self) -> bool {
        matches!(self.kind, Kind::NoRuntime(_))
    }

    /// Whether the runtime's time driver is off.
    pub fn is_time_disabled(&self) -> bool {
        matches!(self.kind, Kind::NoTime)
    }

    /// Whether the runtime's I/O driver is off.
    pub fn is_io_disabled(&self) -> bool {
        matches!(self.kind, Kind::NoIo)
    }

    /// Whether a runtime was only entered here, by a [context](crate::context), and another loop runs the code.
    pub fn is_entered_only(&self) -> bool {
        matches!(self.kind, Kind::EnteredOnly)
    }

    /// Whether the [policy](crate::context::Policy) is to have none.
    pub fn is_never(&self) -> bool {
        matches!(self.kind, Kind::Never)
    }

    /// Whether the runtime has shut down.
    pub fn is_shut_down(&self) -> bool {
        matches!(self.kind, Kind::ShutDown)
    }

    /// Whether the runtime is a current-thread one that nobody seems to drive.
    pub fn is_undriven(&self) -> bool {
        matches!(self.kind, Kind::Undriven)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NoRuntime(_) => {
                "no tokio runtime is running here: call this inside of one, or use `from_handle` with a runtime's handle; \
                 `context::Context::own` starts one"
            }
            Kind::NoTime => {
                "this tokio runtime has its time driver off: build it with `enable_time()` or `enable_all()`"
            }
            Kind::NoIo => "this tokio runtime has its I/O driver off: build it with `enable_io()` or `enable_all()`",
            Kind::Probe(_) => {
                "no descriptor was free to find out whether this tokio runtime has its I/O driver on: close some, or \
                 raise their limit"
            }
            Kind::EnteredOnly => {
                "this tokio runtime is only entered here, by a `Context`, and another loop runs this code: \
                 `Reactor::current()` is that loop, and `from_handle(context.handle())` is a reactor on the runtime"
            }
            Kind::Never => {
                "this needs tokio, and the policy is `Policy::Never`: choose one that has a tokio, or do without this"
            }
            #[cfg(feature = "rt-multi-thread")]
            Kind::NoThreads => "a tokio needs at least one thread of each kind: ask for one",
            #[cfg(feature = "rt-multi-thread")]
            Kind::NotStarted(_) => "the tokio that was asked for could not be started",
            Kind::ShutDown => {
                "this tokio runtime has shut down: keep it as long as its context is used, or give it to \
                 `Context::from_runtime`, which does"
            }
            Kind::Undriven => {
                "nobody drives this current-thread tokio runtime, or one of its tasks holds it up: have a thread in its \
                 `block_on` as long as its context is used, or use a multi-threaded one, such as `Context::own(1)`"
            }
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::NoRuntime(cause) => Some(cause),
            Kind::Probe(cause) => Some(cause),
            #[cfg(feature = "rt-multi-thread")]
            Kind::NotStarted(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}
