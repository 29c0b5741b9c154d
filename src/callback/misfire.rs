//! Callbacks that come when nobody waits for them.

use std::{error::Error, fmt};

use super::Token;

/// Why a callback came to nothing: what had become of what it was for.
///
/// In a trampoline, where there is nobody to give an error to, those that are the library's fault are reported to the
/// [hook for unhandled failures](crate::unhandled::set_hook), as a `Box<dyn Error + Send + Sync>` of this; those that [come
/// late](Self::is_late) are dropped silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfire {
    /// It has been called before.
    Fired,
    /// It was cancelled in the table, with [`Tokens::cancel`](super::Tokens::cancel) or by a canceller of the table.
    Cancelled,
    /// Its completer was taken out of the table.
    Taken,
    /// Its deferred had been cancelled, or dropped with nothing attached to it.
    Unwanted,
    /// It came to its end some time ago, and another token has had its place in the table since.
    Ended,
    /// The table has never given this token out.
    Unknown,
}

impl Misfire {
    /// Whether this is no fault of the library's: it was on its way when it was no longer wanted.
    pub fn is_late(&self) -> bool {
        matches!(self, Misfire::Cancelled | Misfire::Taken | Misfire::Unwanted)
    }
}

impl fmt::Display for Misfire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misfire::Fired => "a callback was called again: its deferred has fired already, so this result is dropped",
            Misfire::Cancelled => "a callback was called after it was cancelled, so its result is dropped",
            Misfire::Taken => "a callback was called after its completer was taken out of the table",
            Misfire::Unwanted => "a callback was called when nobody wanted its result any more",
            Misfire::Ended => "a callback was called with a token whose place in the table was given to another since",
            Misfire::Unknown => {
                "a callback was called with a token that this table never gave out: \
                 check which argument carries it, and of which table it is"
            }
        })
    }
}

impl Error for Misfire {}

/// A [`SharedCompleter`](super::SharedCompleter) was fired that had fired before. Gives the result back.
pub struct FiredAgain<T, E> {
    result: Result<T, E>,
}

impl<T, E> FiredAgain<T, E> {
    pub(super) fn new(result: Result<T, E>) -> Self {
        Self { result }
    }

    /// The result that came to nothing.
    pub fn into_result(self) -> Result<T, E> {
        self.result
    }
}

impl<T, E> fmt::Debug for FiredAgain<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FiredAgain").finish_non_exhaustive()
    }
}

impl<T, E> fmt::Display for FiredAgain<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Misfire::Fired.fmt(f)
    }
}

impl<T, E> Error for FiredAgain<T, E> {}

/// Nobody waits for this token any more, or nobody ever did. Gives the result back.
pub struct StaleToken<T, E> {
    token: Token,
    why: Misfire,
    result: Result<T, E>,
}

impl<T, E> StaleToken<T, E> {
    pub(super) fn new(token: Token, why: Misfire, result: Result<T, E>) -> Self {
        Self { token, why, result }
    }

    /// The token that was fired.
    pub fn token(&self) -> Token {
        self.token
    }

    /// What had become of it.
    pub fn why(&self) -> Misfire {
        self.why
    }

    /// The result that came to nothing.
    pub fn into_result(self) -> Result<T, E> {
        self.result
    }
}

impl<T, E> fmt::Debug for StaleToken<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaleToken")
            .field("token", &self.token)
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl<T, E> fmt::Display for StaleToken<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (token {:#x})", self.why, u64::from(self.token))
    }
}

impl<T, E> Error for StaleToken<T, E> {}
