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

mod rule;
mod tuple;

use std::{
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use self::rule::{All, Arrival, First, Gather, Rule, Successes};
pub use self::tuple::{Tuple, join};
use super::cell::row::{Origin, Row, Sink};
use crate::{Aborted, Cancellation, Completer, Deferred};

/// The deferreds that are to become one. See the [module](self).
///
/// ```
/// use interloop::{Aborted, Deferred, fan_in::FanIn};
///
/// let mirrors = [Deferred::<&str, String>::failed("no route".to_owned()), Deferred::ready("second")];
/// let fastest = FanIn::new(mirrors).first_success();
/// assert_eq!(fastest.try_take().unwrap().unwrap(), (1, "second"));
/// ```
#[must_use = "nothing is attached to the deferreds before one of the methods says what to wait for"]
pub struct FanIn<T: 'static, E: From<Aborted> + 'static> {
    children: Vec<Deferred<T, E>>,
    /// What is left to a child of its failure.
    copy: Option<Copy<E>>,
}

struct Collection<R: Rule> {
    /// Empty once the rule has decided.
    completer: Mutex<Option<Completer<R::Output, R::Failure>>>,
    /// Whether it has: looked at before a result is kept that nobody waits for.
    is_decided: AtomicBool,
    /// What is left to a deferred of its failure.
    copy: Option<Copy<R::Error>>,
}

/// Copies a failure.
type Copy<E> = fn(&E) -> E;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Rule> Collection<R> {
    fn decide(row: &Row<Self>, result: Result<R::Output, R::Failure>) {
        let collection = row.sink();
        let completer = lock(&collection.completer).take();
        if let Some(completer) = completer {
            // ORDERING: whoever misses it keeps what is dropped later.
            collection.is_decided.store(true, Relaxed);
            if R::LOSERS_ARE_CANCELLED {
                row.cancel_all();
            }
            completer.settle(result);
        }
    }
}

impl<R: Rule> Sink for Collection<R> {
    type Item = R::Item;
    type Error = R::Error;
    type Kept = R::Kept;

    const CANCELS_EARLY: bool = R::LOSERS_ARE_CANCELLED;

    fn arrived(row: &Row<Self>, index: usize, result: Result<R::Item, R::Error>, origin: Origin) -> Option<R::Kept> {
        let collection = row.sink();
        if let (Some(copy), Err(error)) = (collection.copy, &result) {
            // It is the user's code that copies.
            if let Ok(copy) = catch_unwind(AssertUnwindSafe(|| copy(error))) {
                origin.report(copy);
            }
        }
        // ORDERING: as in `decide`.
        if collection.is_decided.load(Relaxed) {
            return None;
        }
        match R::arrived(index, result) {
            Arrival::Keep(kept) => Some(kept),
            Arrival::Decide(result) => {
                Self::decide(row, result);
                None
            }
        }
    }

    fn is_full(row: &Row<Self>, kept: Vec<R::Kept>) {
        Self::decide(row, R::all(kept));
    }
}

impl<T, E> FanIn<T, E>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    /// Takes the deferreds.
    pub fn new(deferreds: impl IntoIterator<Item = Deferred<T, E>>) -> Self {
        Self {
            children: deferreds.into_iter().collect(),
            copy: None,
        }
    }

    /// Leaves their failures to the deferreds that failed, so that each is reported as unhandled, beside its place in the
    /// result (Twisted's `DeferredList` without `consumeErrors`).
    pub fn leave_failures(mut self) -> Self
    where
        E: Clone,
    {
        self.copy = Some(E::clone);
        self
    }

    /// Waits for all, and gives their results in the order in which they went in. It never fails by itself.
    ///
    /// ```
    /// use interloop::{Deferred, fan_in::FanIn};
    ///
    /// let all = FanIn::new([Deferred::ready(1), Deferred::<_, String>::failed("no".to_owned())]).all();
    /// assert_eq!(all.try_take().unwrap().unwrap(), [Ok(1), Err("no".to_owned())]);
    /// ```
    #[track_caller]
    pub fn all(self) -> Deferred<Vec<Result<T, E>>, Aborted> {
        self.start::<All<T, E>>()
    }

    /// Waits for the values of all, and gives them in the order in which they went in; or fails as soon as one fails. The
    /// others go on.
    #[track_caller]
    pub fn gather(self) -> Deferred<Vec<T>, FirstError<E>> {
        self.start::<Gather<T, E>>()
    }

    /// Waits for whichever is the first, be it a value or a failure. The others go on. Of none, it fails with
    /// [`Aborted::dropped`], since nobody is there to fire it.
    #[track_caller]
    pub fn first(self) -> Deferred<(usize, T), FirstError<E>> {
        self.start::<First<T, E>>()
    }

    /// Waits for the first value; or fails when all have failed, as none do at once. The others go on.
    #[track_caller]
    pub fn first_success(self) -> Deferred<(usize, T), FailureGroup<E>> {
        self.start::<Successes<T, E, false>>()
    }

    /// Waits for the first value, and then cancels the others, in order, before it fires; or fails when all have failed, as
    /// none do at once.
    ///
    /// ```
    /// use interloop::{Deferred, race};
    ///
    /// let (_loser, slow) = Deferred::<&str, String>::pair();
    /// let winner = race([slow, Deferred::ready("fast")]);
    /// assert_eq!(winner.try_take().unwrap().unwrap(), (1, "fast"));
    /// ```
    #[track_caller]
    pub fn race(self) -> Deferred<(usize, T), FailureGroup<E>> {
        self.start::<Successes<T, E, true>>()
    }

    #[track_caller]
    fn start<R>(self) -> Deferred<R::Output, R::Failure>
    where
        R: Rule<Item = T, Error = E>,
    {
        if self.children.is_empty() {
            return Deferred::settled(R::all(Vec::new()));
        }
        let collection = Collection::<R> {
            completer: Mutex::new(None),
            is_decided: AtomicBool::new(false),
            copy: self.copy,
        };
        let row = Row::new(self.children.len(), collection, Location::caller());
        let (completer, deferred) = Deferred::with_canceller({
            let row = row.clone();
            move |cancellation: Cancellation<'_, _, _>| {
                // What becomes of the deferreds makes the result. A race does not wait for that.
                if !R::LOSERS_ARE_CANCELLED {
                    cancellation.refuse();
                }
                row.cancel_all();
            }
        });
        *lock(&row.sink().completer) = Some(completer);
        row.attach(self.children.into_iter().map(Deferred::into_half));
        deferred
    }
}

impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for FanIn<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanIn").field("children", &self.children).finish()
    }
}

/// Waits for all results. Short for [`FanIn::all`].
#[track_caller]
pub fn all<T, E>(deferreds: impl IntoIterator<Item = Deferred<T, E>>) -> Deferred<Vec<Result<T, E>>, Aborted>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    FanIn::new(deferreds).all()
}

/// Waits for all values, or the first failure. Short for [`FanIn::gather`].
///
/// ```
/// use interloop::{Aborted, Deferred, gather};
///
/// let sum = gather((1..=3).map(Deferred::<u32, Aborted>::ready)).map_ok(|values| values.iter().sum::<u32>());
/// assert_eq!(sum.try_take().unwrap().unwrap(), 6);
/// ```
#[track_caller]
pub fn gather<T, E>(deferreds: impl IntoIterator<Item = Deferred<T, E>>) -> Deferred<Vec<T>, FirstError<E>>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    FanIn::new(deferreds).gather()
}

/// Waits for the first value, and cancels the others. Short for [`FanIn::race`].
#[track_caller]
pub fn race<T, E>(deferreds: impl IntoIterator<Item = Deferred<T, E>>) -> Deferred<(usize, T), FailureGroup<E>>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    FanIn::new(deferreds).race()
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
