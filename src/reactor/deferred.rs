//! What a deferred can do with a reactor, in both flavours: be limited in time, and go on there.

macro_rules! deferred {
    (
        bounds: [$($send:tt)*],
        deferreds: [$($deferreds:tt)*],
        pointer: $Pointer:path,
        timeout: { $(#[$timeout_example:meta])* },
        timeout_with: { $(#[$timeout_with_example:meta])* },
    ) => {
        use std::{
            sync::atomic::{AtomicBool, Ordering},
            time::Duration,
        };

        use $Pointer as Pointer;
        use $($deferreds)*::{Completer, Deferred, DelayedCall, IntoOutcome, Outcome, Reactor};
        use $crate::{Aborted, AsAborted};

        impl<T, E> Deferred<T, E>
        where
            T: $($send)* 'static,
            E: From<Aborted> + $($send)* 'static,
        {
            /// Cancels the deferred when it has not come through the chain up to here after a time, and tells that cancellation
            /// apart from any other: a failure with [`Aborted::cancelled`] that arrives here after the time was up becomes
            /// [`Aborted::timed_out`]. What the chain, or the canceller, made of the cancellation is left as it is (Twisted's
            /// `addTimeout`).
            ///
            /// It covers the callbacks attached before it, and what they wait for; not those attached after it. The timer is made
            /// now and dropped when the deferred comes here. A loop that has shut down has no time, and no limit any more.
            ///
            /// For failures that cannot tell whether they are an [`Aborted`], there is [`timeout_with`](Self::timeout_with).
            ///
            $(#[$timeout_example])*
            #[track_caller]
            pub fn timeout(self, reactor: &Reactor, limit: Duration) -> Self
            where
                E: AsAborted,
            {
                self.timeout_with(reactor, limit, |result, _| match result {
                    Err(error) if error.as_aborted().is_some_and(Aborted::is_cancelled) => Err(E::from(Aborted::timed_out())),
                    other => other,
                })
            }

            /// Like [`timeout`](Self::timeout), where `f` makes the outcome of whatever arrives here after the time was up, be it
            /// a value, the cancellation or another failure. It is given the limit, too.
            ///
            $(#[$timeout_with_example])*
            #[track_caller]
            pub fn timeout_with<R>(
                mut self,
                reactor: &Reactor,
                limit: Duration,
                f: impl FnOnce(Result<T, E>, Duration) -> R + $($send)* 'static,
            ) -> Self
            where
                R: IntoOutcome<Ok = T, Err = E>,
            {
                if self.is_settled() {
                    return self;
                }
                let is_up = Pointer::new(AtomicBool::new(false));
                let handle = self.cancel_handle();
                let call = CallOff(reactor.call_later(limit, {
                    let is_up = is_up.clone();
                    move || {
                        // ORDERING: whoever sees the cancellation comes after it by other means.
                        is_up.store(true, Ordering::Relaxed);
                        handle.cancel();
                    }
                }));
                self.then(move |result| {
                    // ORDERING: as above.
                    if is_up.load(Ordering::Relaxed) {
                        f(result, limit).into_outcome()
                    } else {
                        Outcome::Settled(result)
                    }
                })
                .then(move |result| {
                    drop(call);
                    result
                })
            }

            /// Goes on from here on a reactor: callbacks that are attached to what this returns run on its loop. Results that fire
            /// one after the other go on in that order (asyncio's rule).
            ///
            /// One that has fired goes on there, too, and not at once. If the loop has shut down, it fails with
            /// [`Aborted::shut_down`]. Three allocations.
            #[track_caller]
            pub fn via(self, reactor: &Reactor) -> Self {
                let reactor = reactor.clone();
                self.then(move |result| {
                    let (completer, there) = Self::pair();
                    let settle = Settle::new(completer, result);
                    reactor.call_soon(move || settle.settle());
                    there
                })
            }
        }

        /// Calls a delayed call off when it is dropped: with the callback that owns it, should the chain never run.
        struct CallOff(DelayedCall);

        impl Drop for CallOff {
            fn drop(&mut self) {
                // Otherwise it was what ended the wait.
                let _ = self.0.cancel();
            }
        }

        /// Fires a deferred on the loop.
        struct Settle<T: 'static, E: From<Aborted> + 'static> {
            /// Empty once it was called.
            settling: Option<(Completer<T, E>, Result<T, E>)>,
        }

        impl<T, E: From<Aborted>> Settle<T, E> {
            fn new(completer: Completer<T, E>, result: Result<T, E>) -> Self {
                Self {
                    settling: Some((completer, result)),
                }
            }

            fn settle(mut self) {
                if let Some((completer, result)) = self.settling.take() {
                    completer.settle(result);
                }
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> Drop for Settle<T, E> {
            fn drop(&mut self) {
                if let Some((completer, _)) = self.settling.take() {
                    completer.fail(E::from(Aborted::shut_down()));
                }
            }
        }
    };
}

mod sendable {
    deferred! {
        bounds: [Send +],
        deferreds: [crate],
        pointer: std::sync::Arc,
        timeout: {
            /// ```
            /// # futures_executor::block_on(async {
            /// use std::time::Duration;
            /// use interloop::{Aborted, Deferred};
            ///
            /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
            /// let (_completer, never) = Deferred::<u8, Aborted>::pair();
            /// let limited = never.timeout(&reactor, Duration::from_millis(1));
            /// assert!(limited.await.unwrap_err().is_timed_out());
            /// # });
            /// ```
        },
        timeout_with: {
            /// ```
            /// # futures_executor::block_on(async {
            /// use std::time::Duration;
            /// use interloop::Deferred;
            ///
            /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
            /// let (_completer, never) = Deferred::<u8, String>::pair();
            /// let limited = never.timeout_with(&reactor, Duration::from_millis(1), |_, limit| Err(format!("no answer in {limit:?}")));
            /// assert_eq!(limited.await.unwrap_err(), "no answer in 1ms");
            /// # });
            /// ```
        },
    }
}

mod local {
    deferred! {
        bounds: [],
        deferreds: [crate::local],
        pointer: std::rc::Rc,
        timeout: {
            /// ```
            /// use std::{rc::Rc, time::Duration};
            /// use interloop::local;
            ///
            /// let executor = Rc::new(smol::LocalExecutor::new());
            /// let reactor = interloop_smol::from_local_executor(&executor);
            /// let (_completer, never) = local::Deferred::<Rc<str>>::pair();
            /// let limited = never.timeout(&reactor, Duration::from_millis(1));
            /// assert!(smol::block_on(executor.run(limited)).unwrap_err().is_timed_out());
            /// ```
        },
        timeout_with: {
            /// ```
            /// use std::{rc::Rc, time::Duration};
            /// use interloop::local;
            ///
            /// let executor = Rc::new(smol::LocalExecutor::new());
            /// let reactor = interloop_smol::from_local_executor(&executor);
            /// let (_completer, never) = local::Deferred::<Rc<str>, String>::pair();
            /// let limited = never.timeout_with(&reactor, Duration::from_millis(1), |_, limit| Err(format!("no answer in {limit:?}")));
            /// assert_eq!(smol::block_on(executor.run(limited)).unwrap_err(), "no answer in 1ms");
            /// ```
        },
    }
}
