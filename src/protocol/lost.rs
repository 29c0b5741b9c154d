use std::{error::Error, fmt, io, sync::Arc};

use crate::Aborted;

/// Why a connection is over, as a protocol is told in
/// [`connection_lost`](super::Protocol::connection_lost). Cheap to clone.
///
/// It is an error, so that what waits for something of a connection can fail with it:
///
/// ```
/// use std::io;
/// use interloop::{Aborted, protocol::Lost};
///
/// let reason = Lost::from(io::Error::from(io::ErrorKind::ConnectionReset));
/// assert!(!reason.is_closed());
/// assert_eq!(io::Error::from(reason).kind(), io::ErrorKind::ConnectionReset);
/// assert!(matches!(Lost::from(Aborted::shut_down()), Lost::Aborted(why) if why.is_shut_down()));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Lost {
    /// One of the two ends has closed it, and all that was written before has been handed to the system. Twisted's `ConnectionDone`,
    /// asyncio's `None`.
    Closed,
    /// Reading or writing has failed. Twisted's `ConnectionLost`.
    Failed(Arc<io::Error>),
    /// It was given up here: [`cancelled`](Aborted::is_cancelled) by [`Transport::abort`](super::Transport::abort), the protocol
    /// [`panicked`](Aborted::is_panicked), or the loop has [`shut down`](Aborted::is_shut_down).
    Aborted(Aborted),
}

impl Lost {
    /// Whether it was closed in good order.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection was closed",
            Self::Failed(_) => "the connection failed",
            Self::Aborted(_) => "the connection was given up",
        })
    }
}

impl Error for Lost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed => None,
            Self::Failed(error) => Some(&**error),
            Self::Aborted(aborted) => Some(aborted),
        }
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl From<Aborted> for Lost {
    fn from(aborted: Aborted) -> Self {
        Self::Aborted(aborted)
    }
}

/// The error itself, if nobody else has the reason; one of the same kind otherwise, whose source is the reason.
impl From<Lost> for io::Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Closed => Self::new(io::ErrorKind::NotConnected, lost),
            Lost::Failed(error) => {
                Arc::try_unwrap(error).unwrap_or_else(|error| Self::new(error.kind(), Lost::Failed(error)))
            }
            Lost::Aborted(aborted) => aborted.into(),
        }
    }
}
