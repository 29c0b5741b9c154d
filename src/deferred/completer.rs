use std::fmt;

use super::cell::half::Producer;
use crate::Aborted;

/// The half that fires its [`Deferred`](crate::Deferred): once, from any thread.
///
/// Firing consumes it, so firing twice does not compile. The callbacks attached to the deferred run
/// inside of `complete`, `fail` or `settle`, on the thread that called it (Twisted's rule). A result
/// that comes after a cancellation is dropped, silently; [`try_settle`](Self::try_settle) gives it back.
///
/// Dropped without firing, it fails the deferred with [`Aborted::dropped`]: nobody waits for ever.
///
/// One word in size.
#[must_use = "dropping a completer fails its deferred with `Aborted::dropped`"]
pub struct Completer<T: 'static, E: From<Aborted> + 'static = Aborted> {
    half: Producer<T, E>,
}

impl<T: 'static, E: From<Aborted> + 'static> Completer<T, E> {
    pub(super) fn from_half(half: Producer<T, E>) -> Self {
        Self { half }
    }

    /// Fires with a value.
    ///
    /// ```
    /// let (completer, deferred) = interloop::Deferred::<_, String>::pair();
    /// completer.complete(7);
    /// assert_eq!(deferred.try_take().unwrap(), Ok(7));
    /// ```
    #[inline]
    pub fn complete(self, value: T) {
        self.half.fire(Ok(value));
    }

    /// Fires with a failure.
    ///
    /// ```
    /// let (completer, deferred) = interloop::Deferred::<u8, String>::pair();
    /// completer.fail("no such host".to_owned());
    /// assert_eq!(deferred.try_take().unwrap(), Err("no such host".to_owned()));
    /// ```
    #[inline]
    pub fn fail(self, error: E) {
        self.half.fire(Err(error));
    }

    /// Fires with a result.
    #[inline]
    pub fn settle(self, result: Result<T, E>) {
        self.half.fire(result);
    }

    /// Fires with a result, for values that must not get lost.
    ///
    /// # Errors
    /// Gives the result back if nobody would have seen it: the deferred was cancelled, or dropped
    /// with nothing attached to it. (If that happens on another thread during the call, the result
    /// is dropped there.)
    ///
    /// ```
    /// let (completer, deferred) = interloop::Deferred::<_, String>::pair();
    /// drop(deferred);
    /// assert_eq!(completer.try_settle(Ok(7)), Err(Ok(7)));
    /// ```
    pub fn try_settle(self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        self.half.try_fire(result)
    }

    /// Whether a result would go unseen, because the deferred was cancelled, or dropped with
    /// nothing attached to it. Tells a long computation that it can stop.
    pub fn is_closed(&self) -> bool {
        !self.half.is_wanted()
    }
}

impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for Completer<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completer").field("closed", &self.is_closed()).finish()
    }
}
