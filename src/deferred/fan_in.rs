//! Many deferreds into one: all of them, the first of them, all unless one fails.
//!
//! | here | Twisted |
//! |---|---|
//! | [`FanIn::all`] | `DeferredList` |
//! | [`FanIn::gather`] | `gatherResults`, `DeferredList(fireOnOneErrback)` |
//! | [`FanIn::first`] | `DeferredList(fireOnOneCallback, fireOnOneErrback)` |
//! | [`FanIn::first_success`] | `DeferredList(fireOnOneCallback)` |
//! | [`FanIn::race`] | `race` |
//!
//! For deferreds of different types there is [`join`].
//!
//! Cancelling any of them cancels every deferred that went in, in order; what then becomes of those makes the result. A race fails
//! with [`Aborted::cancelled`] if that is not known at once. Deferreds that are not needed any more go on, except in a race.

mod flavour;
pub(crate) mod local;
mod rule;
mod sendable;
mod tuple;

use std::{
    error::Error,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use self::sendable::{FanIn, Tuple, all, gather, join, race};
use crate::Aborted;

/// Copies a failure.
type Copy<E> = fn(&E) -> E;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first failure among several deferreds (Twisted's `FirstError`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstError<E> {
    index: Option<usize>,
    error: E,
}

impl<E> FirstError<E> {
    fn new(index: usize, error: E) -> Self {
        Self {
            index: Some(index),
            error,
        }
    }

    /// Which deferred it was that failed; `None` if it was the gathering itself that was aborted.
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// What it failed with.
    pub fn error(&self) -> &E {
        &self.error
    }

    /// What it failed with.
    pub fn into_error(self) -> E {
        self.error
    }
}

impl<E: From<Aborted>> From<Aborted> for FirstError<E> {
    fn from(aborted: Aborted) -> Self {
        Self {
            index: None,
            error: E::from(aborted),
        }
    }
}

impl<E: fmt::Display> fmt::Display for FirstError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "deferred {index} failed: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for FirstError<E> {}

/// The failures of deferreds of which none succeeded, in the order in which those went in (Twisted's `FailureGroup`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup<E> {
    errors: Vec<E>,
    is_aborted: bool,
}

impl<E> FailureGroup<E> {
    /// The failures.
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// Whether it was the group itself that was aborted: then there is one failure, which is none of a deferred.
    pub fn is_aborted(&self) -> bool {
        self.is_aborted
    }

    /// The failures.
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }
}

impl<E: From<Aborted>> From<Aborted> for FailureGroup<E> {
    fn from(aborted: Aborted) -> Self {
        Self {
            errors: vec![E::from(aborted)],
            is_aborted: true,
        }
    }
}

impl<E: fmt::Display> fmt::Display for FailureGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all failed")?;
        for (index, error) in self.errors.iter().enumerate() {
            write!(f, "{} {error}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> Error for FailureGroup<E> {}
