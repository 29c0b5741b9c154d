//! Deferreds that go from thread to thread.

use super::flavour;

flavour::flavour! {
    module: "",
    bounds: [Send +],
    marker: (),
    awaited_when: is_running,
    deferred: {
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
        /// nobody took is reported, see [`unhandled`](crate::unhandled).
        ///
        /// # Cost
        ///
        /// One word. A pair is one allocation, every callback attached before the result arrives one more;
        /// attached later, a callback needs none if what it returns is of the size that it is given.
    },
    completer: {
        /// The half that fires its [`Deferred`](crate::Deferred): once, from any thread.
        ///
        /// Firing consumes it, so firing twice does not compile. The callbacks attached to the deferred run
        /// inside of `complete`, `fail` or `settle`, on the thread that called it (Twisted's rule). A result
        /// that comes after a cancellation is dropped, silently; [`try_settle`](Self::try_settle) gives it back.
        ///
        /// Dropped without firing, it fails the deferred with [`Aborted::dropped`]: nobody waits for ever.
        ///
        /// One word in size.
    },
}
