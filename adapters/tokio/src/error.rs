use std::{fmt, io};

use tokio::runtime::TryCurrentError;

/// Why there is no reactor on a runtime.
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NoRuntime(_) => {
                "no tokio runtime is running here: call this inside of one, or use `from_handle` with a runtime's handle"
            }
            Kind::NoTime => {
                "this tokio runtime has its time driver off: build it with `enable_time()` or `enable_all()`"
            }
            Kind::NoIo => "this tokio runtime has its I/O driver off: build it with `enable_io()` or `enable_all()`",
            Kind::Probe(_) => "no descriptor was free to find out whether this tokio runtime has its I/O driver on",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::NoRuntime(cause) => Some(cause),
            Kind::Probe(cause) => Some(cause),
            Kind::NoTime | Kind::NoIo => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}
