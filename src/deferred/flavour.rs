//! What the deferreds that go from thread to thread and those that stay on theirs have in common: all but their bounds.
//!
//! Both stand on the same cell. This writes their surfaces from one text, so that neither can do what the other
//! cannot.

/// Writes `Deferred`, `Completer` and what goes with them into the module that calls it. `$module` is where a user finds
/// them, below the crate; `$send` is `Send +` or nothing, `$Marker` a type with the auto traits of the flavour, and
/// `$is_awaited` says whether the coroutine that is being polled may cancel what it awaits.
macro_rules! flavour {
    (
        module: $module:literal,
        bounds: [$($send:tt)*],
        marker: $Marker:ty,
        awaited_when: $is_awaited:ident,
        deferred: { $(#[$deferred_doc:meta])* },
        completer: { $(#[$completer_doc:meta])* },
    ) => {
        use std::{
            fmt,
            future::Future,
            marker::PhantomData,
            panic::{AssertUnwindSafe, Location, catch_unwind},
            pin::Pin,
            sync::Arc,
            task::{Context, Poll},
        };

        use futures_core::future::FusedFuture;

        use $crate::{
            Aborted,
            deferred::{
                State,
                cell::{
                    self,
                    control::Control,
                    half::{self, Consumer, Producer},
                },
                coroutine,
            },
        };

        $(#[$deferred_doc])*
        #[must_use = "a dropped deferred is detached, and its failure is reported as unhandled"]
        pub struct Deferred<T: 'static, E: From<Aborted> + 'static = Aborted> {
            half: Consumer<T, E>,
            marker: PhantomData<$Marker>,
        }

        $(#[$completer_doc])*
        #[must_use = "dropping a completer fails its deferred with `Aborted::dropped`"]
        pub struct Completer<T: 'static, E: From<Aborted> + 'static = Aborted> {
            half: Producer<T, E>,
            marker: PhantomData<$Marker>,
        }

        /// Making deferreds.
        impl<T: 'static, E: From<Aborted> + 'static> Deferred<T, E> {
            pub(in crate::deferred) fn from_half(half: Consumer<T, E>) -> Self {
                Self {
                    half,
                    marker: PhantomData,
                }
            }

            pub(in crate::deferred) fn into_half(self) -> Consumer<T, E> {
                self.half
            }

            /// Makes a deferred and the completer that fires it.
            #[track_caller]
            pub fn pair() -> (Completer<T, E>, Self) {
                let (producer, consumer) = half::pair(Location::caller());
                (Completer::from_half(producer), Self::from_half(consumer))
            }

            /// Like [`pair`](Self::pair), with a function that is called when the deferred is cancelled before it has fired.
            ///
            /// It may end what is under way, and decides what becomes of the deferred, see [`Cancellation`]. The
            /// completer still works while it runs: if that fires, the cancellation comes to nothing; if it is dropped, the deferred
            /// is cancelled. It is called at most once,
            /// unless it [refuses](Cancellation::refuse), and dropped when the deferred fires. One that panics fails the
            /// deferred with [`Aborted::panicked`]. One more allocation.
            ///
            /// A canceller that owns what owns the completer keeps both alive until the deferred fires: give it a `Weak`.
            ///
            /// A deferred that waits for another one has fired: cancelling it asks the canceller of that one (Twisted's rule).
            ///
            #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
            /// let (completer, deferred) = Deferred::<u8, Aborted>::with_canceller(|cancellation| cancellation.complete(7));
            /// deferred.cancel();
            /// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
            /// completer.complete(8); // too late, and dropped
            /// ```
            #[track_caller]
            pub fn with_canceller(
                mut canceller: impl FnMut(Cancellation<'_, T, E>) + $($send)* 'static,
            ) -> (Completer<T, E>, Self) {
                let (producer, consumer) = cell::with_canceller(
                    move |cancelling| {
                        let mut goes_on = true;
                        canceller(Cancellation {
                            cancelling,
                            goes_on: &mut goes_on,
                        });
                        goes_on
                    },
                    Location::caller(),
                );
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

            /// Calls a function, and gives what it came to: its result, or its very deferred (Twisted's `maybeDeferred`).
            /// A panic becomes [`Aborted::panicked`].
            ///
            #[doc = concat!("```\nuse interloop::", $module, "Deferred;\n")]
            /// let deferred = Deferred::<u16, Box<dyn std::error::Error + Send + Sync>>::maybe(|| Ok("80".parse()?));
            /// assert_eq!(deferred.try_take().unwrap().unwrap(), 80);
            /// ```
            #[track_caller]
            pub fn maybe<R: IntoOutcome<Ok = T, Err = E>>(f: impl FnOnce() -> R) -> Self {
                // What the function captured is gone after a panic.
                match catch_unwind(AssertUnwindSafe(f)) {
                    Ok(outcome) => outcome.into_outcome().into(),
                    Err(panic) => Self::failed(E::from(Aborted::panicked(panic))),
                }
            }
        }

        /// Looking at a deferred, cancelling and pausing it.
        impl<T: 'static, E: From<Aborted> + 'static> Deferred<T, E> {
            /// Whether the result is there to be taken.
            pub fn is_settled(&self) -> bool {
                self.half.is_settled() && !self.half.is_empty()
            }

            /// How far the chain has come.
            pub fn state(&self) -> State {
                self.half.state()
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
            /// inside `cancel` with the failure, and may turn it into a value. A pair that has a
            /// [canceller](Self::with_canceller) asks that first.
            ///
            /// A result that arrives later is dropped, silently. Cancelling a deferred that has its result does
            /// nothing, nor does cancelling one that has fired but is paused. While a callback of the chain runs on another
            /// thread, a cancellation is kept, and takes effect on what the chain waits for next; from the callback itself it
            /// does nothing (Twisted's rules).
            pub fn cancel(&self) {
                self.half.cancel();
            }

            /// Makes a handle that cancels the chain, also when the deferred has been moved into another chain or awaited. The
            /// first handle of a deferred costs two allocations, further ones none.
            ///
            #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
            /// let (_completer, mut deferred) = Deferred::<u8, Aborted>::pair();
            /// let handle = deferred.cancel_handle();
            /// let chain = deferred.map_ok(|n| n + 1).or_else(|error| Ok::<_, Aborted>(u8::from(error.is_cancelled())));
            /// handle.cancel();
            /// assert_eq!(chain.try_take().unwrap().unwrap(), 1);
            /// ```
            pub fn cancel_handle(&mut self) -> CancelHandle {
                CancelHandle {
                    control: self.half.control(),
                    marker: PhantomData,
                }
            }

            /// Holds the chain back until the guard is dropped: none of its callbacks starts to run, also none that is attached
            /// later, and the deferred gives no result out. Several guards count, and the last one lets it go on, inside its drop.
            ///
            /// What runs already is not interrupted: a pause takes effect when the chain fires, goes on after waiting, or gets
            /// another callback (Twisted's rule).
            ///
            #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
            /// let (completer, mut deferred) = Deferred::<u8, Aborted>::pair();
            /// let pause = deferred.pause();
            /// completer.complete(7);
            /// assert!(!deferred.is_settled());
            /// pause.resume();
            /// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
            /// ```
            pub fn pause(&mut self) -> Pause {
                let control = self.half.control();
                if let Some(control) = &control {
                    control.pause();
                }
                Pause {
                    control,
                    marker: PhantomData,
                }
            }

            /// Lets the chain go on by itself. The same as dropping it, said aloud.
            pub fn detach(self) {}

            /// A future of the result that cancels the chain when it is dropped before it is there.
            pub fn cancel_on_drop(self) -> CancelOnDrop<T, E> {
                CancelOnDrop { deferred: Some(self) }
            }
        }

        /// Callbacks. Each takes the deferred, and gives the one for what the callback returns.
        impl<T, E> Deferred<T, E>
        where
            T: $($send)* 'static,
            E: From<Aborted> + $($send)* 'static,
        {
            #[track_caller]
            fn link<U, X, F>(self, callback: F) -> Deferred<U, X>
            where
                U: 'static,
                X: From<Aborted> + 'static,
                F: FnOnce(Result<T, E>) -> Outcome<U, X> + $($send)* 'static,
            {
                let callback = move |result| match callback(result) {
                    Outcome::Settled(result) => cell::Outcome::Settled(result),
                    Outcome::Waiting(deferred) => cell::Outcome::Waiting(deferred.into_half()),
                };
                Deferred::from_half(self.half.then(callback, Location::caller()))
            }

            /// Changes the value.
            #[track_caller]
            pub fn map_ok<U: $($send)* 'static>(self, f: impl FnOnce(T) -> U + $($send)* 'static) -> Deferred<U, E> {
                self.link(move |result| Outcome::Settled(result.map(f)))
            }

            /// Changes the failure.
            #[track_caller]
            pub fn map_err<X>(self, f: impl FnOnce(E) -> X + $($send)* 'static) -> Deferred<T, X>
            where
                X: From<Aborted> + $($send)* 'static,
            {
                self.link(move |result| Outcome::Settled(result.map_err(f)))
            }

            /// Goes on from a value with a `Result` or another deferred, which the chain then waits for
            /// (Twisted's `addCallback`).
            ///
            #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
            /// let (answer, inner) = Deferred::<String, Aborted>::pair();
            /// let chain = Deferred::ready(7).and_then(move |_| inner).map_ok(|text| text.len());
            /// answer.complete("seven".to_owned());
            /// assert_eq!(chain.try_take().unwrap().unwrap(), 5);
            /// ```
            #[track_caller]
            pub fn and_then<R>(self, f: impl FnOnce(T) -> R + $($send)* 'static) -> Deferred<R::Ok, E>
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
            pub fn or_else<R>(self, f: impl FnOnce(E) -> R + $($send)* 'static) -> Deferred<T, R::Err>
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
            pub fn then<R: IntoOutcome>(
                self,
                f: impl FnOnce(Result<T, E>) -> R + $($send)* 'static,
            ) -> Deferred<R::Ok, R::Err> {
                self.link(move |result| f(result).into_outcome())
            }

            /// Goes on from a value with one callback, and from a failure with the other; never with both: `on_err` does not see
            /// what `on_ok` fails with (Twisted's `addCallbacks`).
            ///
            #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
            /// let deferred = Deferred::<u8, Aborted>::ready(7)
            ///     .then_either(|_| Err("too many".to_owned()), |_| Ok(0));
            /// assert_eq!(deferred.try_take().unwrap(), Err("too many".to_owned()));
            /// ```
            #[track_caller]
            pub fn then_either<R, X>(
                self,
                on_ok: impl FnOnce(T) -> R + $($send)* 'static,
                on_err: impl FnOnce(E) -> X + $($send)* 'static,
            ) -> Deferred<R::Ok, R::Err>
            where
                R: IntoOutcome,
                X: IntoOutcome<Ok = R::Ok, Err = R::Err>,
            {
                self.link(move |result| match result {
                    Ok(value) => on_ok(value).into_outcome(),
                    Err(error) => on_err(error).into_outcome(),
                })
            }

            /// Looks at the value as it passes.
            #[track_caller]
            pub fn inspect_ok(self, f: impl FnOnce(&T) + $($send)* 'static) -> Self {
                self.link(move |result| Outcome::Settled(result.inspect(f)))
            }

            /// Looks at the failure as it passes, and does not count as handling it.
            #[track_caller]
            pub fn inspect_err(self, f: impl FnOnce(&E) + $($send)* 'static) -> Self {
                self.link(move |result| Outcome::Settled(result.inspect_err(f)))
            }

            /// Fires `to` with the outcome; what is left goes on with `()` (Twisted's `chainDeferred`). Cancelling the
            /// other deferred does not touch this one.
            ///
            #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
            /// let (completer, other) = Deferred::<u8, Aborted>::pair();
            /// Deferred::ready(7).chain(completer).detach();
            /// assert_eq!(other.try_take().unwrap().unwrap(), 7);
            /// ```
            #[track_caller]
            pub fn chain(self, to: Completer<T, E>) -> Deferred<(), E> {
                self.link(move |result| {
                    to.settle(result);
                    Outcome::Settled(Ok(()))
                })
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> Future for Deferred<T, E> {
            type Output = Result<T, E>;

            #[inline]
            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let mut polled = self.half.poll(cx);
                if matches!(polled, Some(Poll::Pending)) && coroutine::$is_awaited() {
                    // A coroutine that is cancelled cancels what it awaits.
                    self.half.control().map(coroutine::awaits);
                    polled = coroutine::in_firing(cx, |cx| self.half.poll(cx));
                }
                polled.expect("a `Deferred` was polled after it gave its result")
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
                let mut tuple = f.debug_tuple("Deferred");
                if self.half.is_empty() {
                    tuple.field(&"taken").finish()
                } else {
                    tuple.field(&self.state()).finish()
                }
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> Completer<T, E> {
            pub(in crate::deferred) fn from_half(half: Producer<T, E>) -> Self {
                Self {
                    half,
                    marker: PhantomData,
                }
            }

            #[allow(dead_code, reason = "only one that goes from thread to thread goes through C")]
            pub(in crate::deferred) fn into_half(self) -> Producer<T, E> {
                self.half
            }

            /// Fires with a value.
            ///
            #[doc = concat!("```\nuse interloop::", $module, "Deferred;\n")]
            /// let (completer, deferred) = Deferred::<_, String>::pair();
            /// completer.complete(7);
            /// assert_eq!(deferred.try_take().unwrap(), Ok(7));
            /// ```
            #[inline]
            #[track_caller]
            pub fn complete(self, value: T) {
                self.half.fire(Ok(value));
            }

            /// Fires with a failure.
            ///
            #[doc = concat!("```\nuse interloop::", $module, "Deferred;\n")]
            /// let (completer, deferred) = Deferred::<u8, String>::pair();
            /// completer.fail("no such host".to_owned());
            /// assert_eq!(deferred.try_take().unwrap(), Err("no such host".to_owned()));
            /// ```
            #[inline]
            #[track_caller]
            pub fn fail(self, error: E) {
                self.half.fire(Err(error));
            }

            /// Fires with a result.
            #[inline]
            #[track_caller]
            pub fn settle(self, result: Result<T, E>) {
                self.half.fire(result);
            }

            /// Fires with a result, for values that must not get lost.
            ///
            /// # Errors
            /// Gives the result back if nobody would have seen it: the deferred was cancelled, or dropped
            /// with nothing attached to it.
            ///
            #[doc = concat!("```\nuse interloop::", $module, "Deferred;\n")]
            /// let (completer, deferred) = Deferred::<_, String>::pair();
            /// drop(deferred);
            /// assert_eq!(completer.try_settle(Ok(7)), Err(Ok(7)));
            /// ```
            #[track_caller]
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

        /// What a callback came to: a result, or a deferred that the chain is to wait for.
        ///
        /// [`and_then`](Deferred::and_then), [`or_else`](Deferred::or_else) and [`then`](Deferred::then)
        /// take callbacks that return anything that [becomes an outcome](IntoOutcome): a `Result`, a
        /// `Deferred`, or an `Outcome` where one callback sometimes has the one and sometimes the other.
        ///
        #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred, ", $module, "Outcome};\n")]
        /// fn lookup(name: &str) -> Deferred<u32, Aborted> {
        ///     Deferred::ready(name.len() as u32)
        /// }
        ///
        /// let deferred = Deferred::<_, Aborted>::ready("cached").and_then(|name| match name {
        ///     "cached" => Outcome::Settled(Ok(7)),
        ///     other => Outcome::Waiting(lookup(other)),
        /// });
        /// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
        /// ```
        #[derive(Debug)]
        pub enum Outcome<T: 'static, E: From<Aborted> + 'static> {
            /// The result is there.
            Settled(Result<T, E>),
            /// The result is that of another deferred, when it fires.
            Waiting(Deferred<T, E>),
        }

        /// What a callback may return (Twisted's `maybeDeferred`, as a trait).
        pub trait IntoOutcome {
            /// The value on success.
            type Ok: 'static;
            /// The failure.
            type Err: From<Aborted> + 'static;

            /// Converts a callback's return value.
            fn into_outcome(self) -> Outcome<Self::Ok, Self::Err>;
        }

        impl<T: 'static, E: From<Aborted> + 'static> IntoOutcome for Result<T, E> {
            type Ok = T;
            type Err = E;

            fn into_outcome(self) -> Outcome<T, E> {
                Outcome::Settled(self)
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> IntoOutcome for Deferred<T, E> {
            type Ok = T;
            type Err = E;

            fn into_outcome(self) -> Outcome<T, E> {
                Outcome::Waiting(self)
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> IntoOutcome for Outcome<T, E> {
            type Ok = T;
            type Err = E;

            fn into_outcome(self) -> Outcome<T, E> {
                self
            }
        }

        /// What a [canceller](Deferred::with_canceller) decides about. Dropped, the deferred fails with
        /// [`Aborted::cancelled`] when the canceller has returned, unless its completer has fired meanwhile.
        pub struct Cancellation<'a, T: 'static, E: From<Aborted> + 'static> {
            cancelling: cell::Cancelling<'a, T, E>,
            goes_on: &'a mut bool,
        }

        impl<T: 'static, E: From<Aborted> + 'static> Cancellation<'_, T, E> {
            /// Fires the deferred with a value, here and now.
            pub fn complete(self, value: T) {
                self.settle(Ok(value));
            }

            /// Fires the deferred with a failure of the canceller's choice, here and now.
            pub fn fail(self, error: E) {
                self.settle(Err(error));
            }

            /// Fires the deferred with a result, here and now. If its completer was faster, the result is dropped.
            pub fn settle(self, result: Result<T, E>) {
                *self.goes_on = false;
                // Dropped here, where it is the canceller's code that drops it.
                drop(self.cancelling.fire(result));
            }

            /// Does not cancel: the deferred goes on to wait for its completer, and a later cancellation asks again.
            pub fn refuse(self) {
                *self.goes_on = false;
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for Cancellation<'_, T, E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Cancellation").finish_non_exhaustive()
            }
        }

        /// Cancels a chain from elsewhere. Made by [`Deferred::cancel_handle`].
        ///
        /// It keeps nothing from ending: when the chain has come to its end, it does nothing any more.
        #[derive(Clone)]
        pub struct CancelHandle {
            control: Option<Arc<Control>>,
            marker: PhantomData<$Marker>,
        }

        impl CancelHandle {
            /// Does what [`Deferred::cancel`] does.
            pub fn cancel(&self) {
                if let Some(control) = &self.control {
                    control.cancel();
                }
            }
        }

        impl fmt::Debug for CancelHandle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("CancelHandle").finish_non_exhaustive()
            }
        }

        /// Holds a chain back. Made by [`Deferred::pause`].
        #[must_use = "the chain is held back only as long as this guard lives"]
        pub struct Pause {
            control: Option<Arc<Control>>,
            marker: PhantomData<$Marker>,
        }

        impl Pause {
            /// Lets the chain go on, if nobody else holds it back. The same as dropping it, said aloud.
            pub fn resume(self) {}
        }

        impl Drop for Pause {
            fn drop(&mut self) {
                if let Some(control) = &self.control {
                    control.resume();
                }
            }
        }

        impl fmt::Debug for Pause {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Pause").finish_non_exhaustive()
            }
        }

        /// A future of a deferred's result. Dropped before that is there, it cancels the chain; [`detach`](Self::detach)
        /// does not. Made by [`Deferred::cancel_on_drop`].
        #[must_use = "dropping it cancels the deferred"]
        pub struct CancelOnDrop<T: 'static, E: From<Aborted> + 'static = Aborted> {
            // Empty only while it is dropped.
            deferred: Option<Deferred<T, E>>,
        }

        impl<T: 'static, E: From<Aborted> + 'static> CancelOnDrop<T, E> {
            /// Gives the deferred back, which goes on. `None` if its result was taken.
            pub fn detach(mut self) -> Option<Deferred<T, E>> {
                self.deferred.take().filter(|deferred| !deferred.is_terminated())
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> Future for CancelOnDrop<T, E> {
            type Output = Result<T, E>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let deferred = self.deferred.as_mut().expect("it is empty only while it is dropped");
                Pin::new(deferred).poll(cx)
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> Drop for CancelOnDrop<T, E> {
            fn drop(&mut self) {
                let Some(deferred) = self.deferred.take() else {
                    return;
                };
                if !deferred.is_terminated() && deferred.state() != State::Fired {
                    deferred.cancel();
                    // Whoever drops the future has no use for the outcome.
                    drop(deferred.into_half().then(
                        |_| cell::Outcome::Settled(Ok::<(), ()>(())),
                        Location::caller(),
                    ));
                }
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for CancelOnDrop<T, E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple("CancelOnDrop").field(&self.deferred).finish()
            }
        }
    };
}

pub(super) use flavour;
