use std::{error::Error, ffi::c_int, fmt, io};

use signal_hook::low_level::signal_name;

/// Which signal.
///
/// ```
/// use interloop::signal::SignalKind;
///
/// assert_eq!(SignalKind::terminate(), SignalKind::from_raw(15));
/// assert_eq!(SignalKind::terminate().to_string(), "SIGTERM");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// The signal with a number of the system's. Whether there is such a one shows when it is used.
    pub const fn from_raw(number: c_int) -> Self {
        Self(number)
    }

    /// The system's number.
    pub const fn as_raw(self) -> c_int {
        self.0
    }

    /// SIGALRM: a timer of the process has run out.
    pub const fn alarm() -> Self {
        Self(libc::SIGALRM)
    }

    /// SIGCHLD: a child process has ended, stopped or gone on.
    pub const fn child() -> Self {
        Self(libc::SIGCHLD)
    }

    /// SIGHUP: the terminal is gone; daemons read their configuration again.
    pub const fn hangup() -> Self {
        Self(libc::SIGHUP)
    }

    /// SIGINT: the interrupt key, Ctrl-C.
    pub const fn interrupt() -> Self {
        Self(libc::SIGINT)
    }

    /// SIGKILL: the end, which no program can handle. Only for sending.
    pub const fn kill() -> Self {
        Self(libc::SIGKILL)
    }

    /// SIGPIPE: writing to where nobody reads.
    pub const fn pipe() -> Self {
        Self(libc::SIGPIPE)
    }

    /// SIGQUIT: the quit key, Ctrl-\\.
    pub const fn quit() -> Self {
        Self(libc::SIGQUIT)
    }

    /// SIGTERM: the program is asked to end.
    pub const fn terminate() -> Self {
        Self(libc::SIGTERM)
    }

    /// SIGUSR1: whatever the program says.
    pub const fn user_defined1() -> Self {
        Self(libc::SIGUSR1)
    }

    /// SIGUSR2: whatever the program says.
    pub const fn user_defined2() -> Self {
        Self(libc::SIGUSR2)
    }

    /// SIGWINCH: the terminal's window has changed its size.
    pub const fn window_change() -> Self {
        Self(libc::SIGWINCH)
    }
}

/// The name, or the number of one that has none.
impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A signal that no stream can wait for. Found in the [`io::Error`] of [`Signals::new`](super::Signals::new).
#[derive(Clone, Debug)]
pub struct ForbiddenSignal {
    kind: SignalKind,
}

impl ForbiddenSignal {
    pub(super) fn new(kind: SignalKind) -> Self {
        Self { kind }
    }

    /// The signal that was asked for.
    pub fn kind(&self) -> SignalKind {
        self.kind
    }
}

impl fmt::Display for ForbiddenSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        if matches!(kind.0, libc::SIGKILL | libc::SIGSTOP) {
            write!(
                f,
                "the system lets no program handle {kind}: wait for SIGTERM, SIGINT or SIGTSTP"
            )
        } else {
            write!(
                f,
                "{kind} tells of a fault that its handler would return to: leave it to a crash handler"
            )
        }
    }
}

impl Error for ForbiddenSignal {}

impl From<ForbiddenSignal> for io::Error {
    fn from(error: ForbiddenSignal) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
