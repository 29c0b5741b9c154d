use std::{
    any::Any,
    error::Error,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

/// Why a result never came.
///
/// Every way in which a [`Deferred`](crate::Deferred) can end without its producer's word for it
/// is one of these, and reaches the deferred's own error type by `From<Aborted>`. The core has that
/// for [`io::Error`], `Box<dyn Error + Send + Sync>`, `String`, `()` and `Aborted` itself; for an
/// error type of your own, write it:
///
/// ```
/// use interloop::Aborted;
///
/// #[derive(Debug)]
/// enum MyError {
///     NotFound,
///     Aborted(Aborted),
/// }
///
/// impl From<Aborted> for MyError {
///     fn from(aborted: Aborted) -> Self {
///         MyError::Aborted(aborted)
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Aborted {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Cancelled,
    TimedOut,
    Dropped,
    ShutDown,
    Deadlock,
    NoReactor,
    Overflowed(u64),
    // Behind one pointer, so that an `Aborted` is two words.
    Panicked(Arc<Panic>),
}

struct Panic {
    message: Option<String>,
    // The payload need not be `Sync`, and can be taken out once.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Aborted {
    /// Somebody called `cancel`.
    pub fn cancelled() -> Self {
        Self { kind: Kind::Cancelled }
    }

    /// The time limit passed.
    pub fn timed_out() -> Self {
        Self { kind: Kind::TimedOut }
    }

    /// The [`Completer`](crate::Completer) was dropped without firing.
    pub fn dropped() -> Self {
        Self { kind: Kind::Dropped }
    }

    /// The event loop has shut down.
    pub fn shut_down() -> Self {
        Self { kind: Kind::ShutDown }
    }

    /// Waiting for the result would have been a deadlock. See [`Deferred::wait`](crate::Deferred::wait).
    pub fn deadlock() -> Self {
        Self { kind: Kind::Deadlock }
    }

    /// Something was to be done on the current reactor, and there was none. See
    /// [`Reactor::current`](crate::Reactor::current).
    pub fn no_reactor() -> Self {
        Self { kind: Kind::NoReactor }
    }

    /// A stream of callbacks was full, after it had taken so many items. See
    /// [`Overflow::Fail`](crate::callback::stream::Overflow::Fail).
    pub fn overflowed(taken: u64) -> Self {
        Self {
            kind: Kind::Overflowed(taken),
        }
    }

    /// The callback, task or blocking job that was to give the result panicked; `payload` is what
    /// [`std::panic::catch_unwind`] caught.
    pub fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .map(|message| (*message).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        let payload = Mutex::new(Some(payload));
        Self {
            kind: Kind::Panicked(Arc::new(Panic { message, payload })),
        }
    }

    /// Whether somebody called `cancel`.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.kind, Kind::Cancelled)
    }

    /// Whether the time limit passed.
    pub fn is_timed_out(&self) -> bool {
        matches!(self.kind, Kind::TimedOut)
    }

    /// Whether the completer was dropped.
    pub fn is_dropped(&self) -> bool {
        matches!(self.kind, Kind::Dropped)
    }

    /// Whether the event loop has shut down.
    pub fn is_shut_down(&self) -> bool {
        matches!(self.kind, Kind::ShutDown)
    }

    /// Whether waiting for the result would have been a deadlock.
    pub fn is_deadlock(&self) -> bool {
        matches!(self.kind, Kind::Deadlock)
    }

    /// Whether there was no current reactor.
    pub fn is_no_reactor(&self) -> bool {
        matches!(self.kind, Kind::NoReactor)
    }

    /// Whether a stream of callbacks was full.
    pub fn is_overflowed(&self) -> bool {
        matches!(self.kind, Kind::Overflowed(_))
    }

    /// How many items a stream of callbacks had taken before it was full.
    pub fn taken(&self) -> Option<u64> {
        match self.kind {
            Kind::Overflowed(taken) => Some(taken),
            _ => None,
        }
    }

    /// Whether a callback, task or blocking job panicked.
    pub fn is_panicked(&self) -> bool {
        matches!(self.kind, Kind::Panicked(_))
    }

    /// The message of the panic, if it was one and had one.
    pub fn panic_message(&self) -> Option<&str> {
        match &self.kind {
            Kind::Panicked(panic) => panic.message.as_deref(),
            _ => None,
        }
    }

    /// The payload of the panic, for [`std::panic::resume_unwind`]; `None` if it was none, or if a
    /// clone has given it away already.
    pub fn into_panic(self) -> Option<Box<dyn Any + Send>> {
        match self.kind {
            Kind::Panicked(panic) => panic.payload.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        }
    }

    /// Finds the `Aborted` from which an [`io::Error`] was made.
    ///
    /// ```
    /// use interloop::Aborted;
    ///
    /// let error = std::io::Error::from(Aborted::cancelled());
    /// assert!(Aborted::in_io_error(&error).unwrap().is_cancelled());
    /// ```
    pub fn in_io_error(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// Failures that can tell whether they are an [`Aborted`].
///
/// The other direction is `From<Aborted>`. [`Deferred::timeout`](crate::Deferred::timeout) needs both, to turn the cancellation
/// that it made into [`Aborted::timed_out`].
///
/// ```
/// use interloop::{Aborted, AsAborted};
///
/// enum MyError {
///     NotFound,
///     Aborted(Aborted),
/// }
///
/// impl AsAborted for MyError {
///     fn as_aborted(&self) -> Option<&Aborted> {
///         match self {
///             MyError::Aborted(aborted) => Some(aborted),
///             MyError::NotFound => None,
///         }
///     }
/// }
/// ```
pub trait AsAborted {
    /// The `Aborted` that this was made from, if it was made from one.
    fn as_aborted(&self) -> Option<&Aborted>;
}

impl AsAborted for Aborted {
    fn as_aborted(&self) -> Option<&Aborted> {
        Some(self)
    }
}

impl AsAborted for io::Error {
    fn as_aborted(&self) -> Option<&Aborted> {
        Aborted::in_io_error(self)
    }
}

impl AsAborted for Box<dyn Error + Send + Sync> {
    fn as_aborted(&self) -> Option<&Aborted> {
        self.downcast_ref()
            .or_else(|| Aborted::in_io_error(self.downcast_ref::<io::Error>()?))
    }
}

impl fmt::Debug for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Cancelled => f.write_str("Cancelled"),
            Kind::TimedOut => f.write_str("TimedOut"),
            Kind::Dropped => f.write_str("Dropped"),
            Kind::ShutDown => f.write_str("ShutDown"),
            Kind::Deadlock => f.write_str("Deadlock"),
            Kind::NoReactor => f.write_str("NoReactor"),
            Kind::Overflowed(taken) => f.debug_tuple("Overflowed").field(taken).finish(),
            Kind::Panicked(panic) => f.debug_tuple("Panicked").field(&panic.message).finish(),
        }
    }
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Cancelled => f.write_str("cancelled"),
            Kind::TimedOut => f.write_str("timed out"),
            Kind::Dropped => f.write_str("the completer was dropped without firing"),
            Kind::ShutDown => f.write_str("the event loop has shut down"),
            Kind::Deadlock => f.write_str(
                "would deadlock: this thread runs a loop; await the deferred instead, \
                 or wait on a thread of your own, e.g. in `spawn_blocking`",
            ),
            Kind::NoReactor => f.write_str(
                "no reactor is current on this thread: spawn this code through a `Reactor`, \
                 hold the guard of `Reactor::enter`, or pass the `Reactor` in",
            ),
            Kind::Overflowed(taken) => write!(
                f,
                "the stream was full after {taken} items: make its capacity larger, or choose another policy"
            ),
            Kind::Panicked(panic) => match &panic.message {
                Some(message) => write!(f, "panicked: {message}"),
                None => f.write_str("panicked"),
            },
        }
    }
}

impl Error for Aborted {}

/// The kind is [`io::ErrorKind::TimedOut`] for a time limit and `Other` for the rest;
/// [`Aborted::in_io_error`] finds the way back.
impl From<Aborted> for io::Error {
    fn from(aborted: Aborted) -> Self {
        let kind = match aborted.kind {
            Kind::TimedOut => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, aborted)
    }
}

impl From<Aborted> for String {
    fn from(aborted: Aborted) -> Self {
        aborted.to_string()
    }
}

impl From<Aborted> for () {
    fn from(_: Aborted) -> Self {}
}
