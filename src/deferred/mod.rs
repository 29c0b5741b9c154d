//! Results that are not there yet.
//!
//! A [`Deferred`] is a chain of callbacks that run as soon as its result arrives, and a future of
//! that result; a [`Completer`] is its other half. Nothing here knows of event loops.

mod cell;
mod completer;
mod outcome;
mod task;
pub mod unhandled;

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::future::FusedFuture;

use self::cell::half::{self, Consumer};
pub(crate) use self::task::Surroundings;
pub use self::{
    completer::Completer,
    outcome::{IntoOutcome, Outcome},
    task::Task,
};
use crate::Aborted;

/// A result that is not there yet: a chain of callbacks, and a future.
///
/// ```
/// use interloop::{Aborted, Deferred};
///
/// let (completer, deferred) = Deferred::<u32, Aborted>::pair();
/// let doubled = deferred.map_ok(|n| n * 2);
/// completer.complete(21); // runs the callback, here and now
/// assert_eq!(doubled.try_take().unwrap().unwrap(), 42);
/// ```
///
/// # Callbacks
///
/// The combinators have the names and meanings of `futures::TryFutureExt`. The difference from a
/// future is when they run: as soon as the result arrives, on the thread that fired it, whether or
/// not anyone polls; at once, if it is there already (Twisted's rule). A callback that panics fails
/// the chain with [`Aborted::panicked`]. A callback may use any deferred, its own upstream included.
/// Chains of any length run and are freed without using stack for it.
///
/// # As a future
///
/// `.await` gives the result. Polling it after it gave its result panics, as with other futures.
///
/// Cancel safety: a `&mut Deferred` can be awaited again after its `await` was dropped; nothing is
/// lost.
///
/// # Cancelling and dropping
///
/// [`cancel`](Self::cancel) fails what the chain waits for with [`Aborted::cancelled`]. Dropping a
/// deferred only detaches it: what is under way goes on, and attached callbacks run. A failure that
/// nobody took is reported, see [`unhandled`].
///
/// # Cost
///
/// One word. A pair is one allocation, every callback attached before the result arrives one more;
/// attached later, a callback needs none if what it returns is of the size that it is given.
#[must_use = "a dropped deferred is detached, and its failure is reported as unhandled"]
pub struct Deferred<T: 'static, E: From<Aborted> + 'static = Aborted> {
    half: Consumer<T, E>,
}

impl<T: 'static, E: From<Aborted> + 'static> Deferred<T, E> {
    fn from_half(half: Consumer<T, E>) -> Self {
        Self { half }
    }

    fn into_half(self) -> Consumer<T, E> {
        self.half
    }

    /// Makes a deferred and the completer that fires it.
    #[track_caller]
    pub fn pair() -> (Completer<T, E>, Self) {
        let (producer, consumer) = half::pair(Location::caller());
        (Completer::from_half(producer), Self::from_half(consumer))
    }

    /// A deferred that has fired with a value (Twisted's `succeed`).
    #[track_caller]
    pub fn ready(value: T) -> Self {
        Self::settled(Ok(value))
    }

    /// A deferred that has fired with a failure (Twisted's `fail`).
    #[track_caller]
    pub fn failed(error: E) -> Self {
        Self::settled(Err(error))
    }

    /// A deferred that has fired with a result.
    #[track_caller]
    pub fn settled(result: Result<T, E>) -> Self {
        Self::from_half(Consumer::settled(result, Location::caller()))
    }

    /// Whether the deferred has its result, and neither waits nor was taken from.
    pub fn is_settled(&self) -> bool {
        self.half.is_settled() && !self.half.is_empty()
    }

    /// Takes the result, if it is there.
    ///
    /// # Errors
    /// Gives the deferred back if it has not fired.
    pub fn try_take(mut self) -> Result<Result<T, E>, Self> {
        self.half.take().ok_or(self)
    }

    /// Fails what the deferred waits for with [`Aborted::cancelled`], unless it has fired.
    ///
    /// That is the first pair of its chain, the deferred that a callback returned and the chain
    /// waits for, or the task that was spawned: its future is dropped at once, where it stands; if
    /// another thread is polling it, as soon as that poll returns. Callbacks attached to the chain run
    /// inside `cancel` with the failure, and may turn it into a value.
    ///
    /// A result that arrives later is dropped, silently. Cancelling a deferred that has its result does
    /// nothing. While a callback of the chain runs on another thread, a cancellation is kept, and takes
    /// effect on what the chain waits for next; from the callback itself it does nothing (Twisted's rule).
    pub fn cancel(&self) {
        self.half.cancel();
    }

    /// Lets the chain go on by itself. The same as dropping it, said aloud.
    pub fn detach(self) {}
}

/// Callbacks. Each takes the deferred, and gives the one for what the callback returns.
impl<T, E> Deferred<T, E>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    #[track_caller]
    fn link<U, X, F>(self, callback: F) -> Deferred<U, X>
    where
        U: 'static,
        X: From<Aborted> + 'static,
        F: FnOnce(Result<T, E>) -> Outcome<U, X> + Send + 'static,
    {
        Deferred::from_half(self.half.then(callback, Location::caller()))
    }

    /// Changes the value.
    #[track_caller]
    pub fn map_ok<U: Send + 'static>(self, f: impl FnOnce(T) -> U + Send + 'static) -> Deferred<U, E> {
        self.link(move |result| Outcome::Settled(result.map(f)))
    }

    /// Changes the failure.
    #[track_caller]
    pub fn map_err<X>(self, f: impl FnOnce(E) -> X + Send + 'static) -> Deferred<T, X>
    where
        X: From<Aborted> + Send + 'static,
    {
        self.link(move |result| Outcome::Settled(result.map_err(f)))
    }

    /// Goes on from a value with a `Result` or another deferred, which the chain then waits for
    /// (Twisted's `addCallback`).
    ///
    /// ```
    /// use interloop::{Aborted, Deferred};
    ///
    /// let (answer, inner) = Deferred::<String, Aborted>::pair();
    /// let chain = Deferred::ready(7).and_then(move |_| inner).map_ok(|text| text.len());
    /// answer.complete("seven".to_owned());
    /// assert_eq!(chain.try_take().unwrap().unwrap(), 5);
    /// ```
    #[track_caller]
    pub fn and_then<R>(self, f: impl FnOnce(T) -> R + Send + 'static) -> Deferred<R::Ok, E>
    where
        R: IntoOutcome<Err = E>,
    {
        self.link(move |result| match result {
            Ok(value) => f(value).into_outcome(),
            Err(error) => Outcome::Settled(Err(error)),
        })
    }

    /// Goes on from a failure with a `Result` or another deferred, which the chain then waits for
    /// (Twisted's `addErrback`).
    #[track_caller]
    pub fn or_else<R>(self, f: impl FnOnce(E) -> R + Send + 'static) -> Deferred<T, R::Err>
    where
        R: IntoOutcome<Ok = T>,
    {
        self.link(move |result| match result {
            Ok(value) => Outcome::Settled(Ok(value)),
            Err(error) => f(error).into_outcome(),
        })
    }

    /// Goes on from either with a `Result` or another deferred, which the chain then waits for
    /// (Twisted's `addBoth`).
    #[track_caller]
    pub fn then<R: IntoOutcome>(self, f: impl FnOnce(Result<T, E>) -> R + Send + 'static) -> Deferred<R::Ok, R::Err> {
        self.link(move |result| f(result).into_outcome())
    }

    /// Looks at the value as it passes.
    #[track_caller]
    pub fn inspect_ok(self, f: impl FnOnce(&T) + Send + 'static) -> Self {
        self.link(move |result| Outcome::Settled(result.inspect(f)))
    }

    /// Looks at the failure as it passes, and does not count as handling it.
    #[track_caller]
    pub fn inspect_err(self, f: impl FnOnce(&E) + Send + 'static) -> Self {
        self.link(move |result| Outcome::Settled(result.inspect_err(f)))
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Future for Deferred<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.half
            .poll(cx)
            .expect("a `Deferred` was polled after it gave its result")
    }
}

impl<T: 'static, E: From<Aborted> + 'static> FusedFuture for Deferred<T, E> {
    fn is_terminated(&self) -> bool {
        self.half.is_empty()
    }
}

impl<T: 'static, E: From<Aborted> + 'static> From<Result<T, E>> for Deferred<T, E> {
    #[track_caller]
    fn from(result: Result<T, E>) -> Self {
        Self::settled(result)
    }
}

impl<T: 'static, E: From<Aborted> + 'static> From<Outcome<T, E>> for Deferred<T, E> {
    #[track_caller]
    fn from(outcome: Outcome<T, E>) -> Self {
        match outcome {
            Outcome::Settled(result) => Self::settled(result),
            Outcome::Waiting(deferred) => deferred,
        }
    }
}

impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for Deferred<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.half.is_empty() {
            "taken"
        } else if self.half.is_settled() {
            "settled"
        } else {
            "pending"
        };
        f.debug_tuple("Deferred").field(&state).finish()
    }
}
