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
//! Cancelling any of them cancels every deferred that went in, in order; what then becomes of those makes the result. Deferreds
//! that are not needed any more go on, except in a race.

mod rule;
mod tuple;

use std::{
    error::Error,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::rule::{All, Decision, First, Gather, Rule, Successes};
pub use self::tuple::{Tuple, join};
use crate::{Aborted, CancelHandle, Completer, Deferred};

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
    copy: Option<fn(&E) -> E>,
}

/// What becomes of a child once a function is attached to it that takes its result.
enum Tail {
    Kept(Deferred<(), Aborted>),
    /// Its failure was left to it, and nobody will handle that.
    Dropped(CancelHandle),
}

struct Collection<R: Rule> {
    state: Mutex<State<R>>,
    tails: Mutex<Vec<Tail>>,
}

struct State<R: Rule> {
    rule: R,
    /// Empty once the rule has decided.
    completer: Option<Completer<R::Output, R::Failure>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Rule> Collection<R> {
    fn arrived(&self, index: usize, result: Result<R::Item, R::Error>) {
        let (decision, completer) = {
            let mut state = lock(&self.state);
            if state.completer.is_none() {
                // Somebody else's turn is over; dropped outside of the lock.
                (Decision::Late(result), None)
            } else {
                let decision = state.rule.arrived(index, result);
                let completer = match decision {
                    Decision::Wait => None,
                    _ => state.completer.take(),
                };
                (decision, completer)
            }
        };
        if let (Decision::Fire(result), Some(completer)) = (decision, completer) {
            if R::LOSERS_ARE_CANCELLED {
                self.cancel_all();
            }
            completer.settle(result);
        }
    }

    fn cancel_all(&self) {
        // Outside of the lock, since callbacks run. Whoever comes meanwhile finds that it is being done.
        let tails = mem::take(&mut *lock(&self.tails));
        for tail in &tails {
            match tail {
                Tail::Kept(tail) => tail.cancel(),
                Tail::Dropped(handle) => handle.cancel(),
            }
        }
        let added = mem::replace(&mut *lock(&self.tails), tails);
        lock(&self.tails).extend(added);
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
        let rule = All::new(self.children.len());
        self.start(rule)
    }

    /// Waits for the values of all, and gives them in the order in which they went in; or fails as soon as one fails. The
    /// others go on.
    #[track_caller]
    pub fn gather(self) -> Deferred<Vec<T>, FirstError<E>> {
        let rule = Gather::new(self.children.len());
        self.start(rule)
    }

    /// Waits for whichever is the first, be it a value or a failure. The others go on. Of none, it never fires.
    #[track_caller]
    pub fn first(self) -> Deferred<(usize, T), FirstError<E>> {
        self.start(First::new())
    }

    /// Waits for the first value; or fails when all have failed. The others go on. Of none, it never fires.
    #[track_caller]
    pub fn first_success(self) -> Deferred<(usize, T), FailureGroup<E>> {
        let rule = Successes::<_, _, false>::new(self.children.len());
        self.start(rule)
    }

    /// Waits for the first value, and then cancels the others, in order, before it fires; or fails when all have failed. Of
    /// none, it never fires.
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
        let rule = Successes::<_, _, true>::new(self.children.len());
        self.start(rule)
    }

    #[track_caller]
    fn start<R>(self, mut rule: R) -> Deferred<R::Output, R::Failure>
    where
        R: Rule<Item = T, Error = E>,
    {
        if let (true, Some(output)) = (self.children.is_empty(), rule.of_none()) {
            return Deferred::ready(output);
        }
        let collection = Arc::new(Collection {
            state: Mutex::new(State { rule, completer: None }),
            tails: Mutex::new(Vec::with_capacity(self.children.len())),
        });
        let (completer, deferred) = Deferred::with_canceller({
            let collection = collection.clone();
            move |cancellation: crate::Cancellation<'_, _, _>| {
                // What becomes of the children makes the result.
                cancellation.refuse();
                collection.cancel_all();
            }
        });
        lock(&collection.state).completer = Some(completer);
        for (index, child) in self.children.into_iter().enumerate() {
            if R::LOSERS_ARE_CANCELLED && lock(&collection.state).completer.is_none() {
                // The race is over.
                child.cancel();
            }
            let each = collection.clone();
            let tail = match self.copy {
                None => Tail::Kept(child.then(move |result| {
                    each.arrived(index, result);
                    Ok(())
                })),
                Some(copy) => {
                    let mut tail = child.then(move |result| {
                        let left = result.as_ref().map(|_| ()).map_err(copy);
                        each.arrived(index, result);
                        left
                    });
                    Tail::Dropped(tail.cancel_handle())
                }
            };
            lock(&collection.tails).push(tail);
        }
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
}

impl<E> FailureGroup<E> {
    /// The failures.
    pub fn errors(&self) -> &[E] {
        &self.errors
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
