//! Results for several consumers, in both flavours.

macro_rules! shared {
    (
        module: $module:literal,
        bounds: [$($send:tt)*],
        deferreds: [$($deferreds:tt)*],
        pointer: $Pointer:path,
    ) => {
        use std::{
            fmt,
            future::IntoFuture,
            sync::{Mutex, MutexGuard, PoisonError},
        };

        use $Pointer as Pointer;
        use $($deferreds)*::{CancelHandle, Completer, Deferred};
        use $crate::Aborted;

        /// A result for several consumers, each of which gets a clone of it. Made by [`Deferred::shared`].
        ///
        #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred};\n")]
        ///
        /// let (completer, deferred) = Deferred::<u8, Aborted>::pair();
        /// let address = deferred.shared();
        /// let (first, second) = (address.subscribe(), address.subscribe().map_ok(|n| n + 1));
        /// completer.complete(7);
        /// assert_eq!(first.try_take().unwrap().unwrap(), 7);
        /// assert_eq!(second.try_take().unwrap().unwrap(), 8);
        /// ```
        ///
        /// Awaiting it, or a reference to it, awaits a subscription. A failure counts as handled once somebody has subscribed; otherwise
        /// it is reported as unhandled when the last clone is dropped.
        #[derive(Clone)]
        #[must_use = "a result that is shared with nobody is lost"]
        pub struct Shared<T: 'static, E: From<Aborted> + 'static = Aborted> {
            inner: Pointer<Inner<T, E>>,
        }

        struct Inner<T: 'static, E: From<Aborted> + 'static> {
            source: CancelHandle,
            state: Mutex<State<T, E>>,
        }

        enum State<T: 'static, E: From<Aborted> + 'static> {
            Pending(Vec<Completer<T, E>>),
            /// The source, with its result, as long as nobody has subscribed.
            Unseen(Deferred<T, E>),
            Fired(Result<T, E>),
        }

        impl<T: 'static, E: From<Aborted> + 'static> Inner<T, E> {
            fn state(&self) -> MutexGuard<'_, State<T, E>> {
                // Only a `clone` that panics can poison it, and leaves it whole.
                self.state.lock().unwrap_or_else(PoisonError::into_inner)
            }
        }

        impl<T, E> Deferred<T, E>
        where
            T: Clone + $($send)* 'static,
            E: From<Aborted> + Clone + $($send)* 'static,
        {
            /// Shares the result among several consumers.
            #[track_caller]
            pub fn shared(mut self) -> Shared<T, E> {
                let inner = Pointer::new(Inner {
                    source: self.cancel_handle(),
                    state: Mutex::new(State::Pending(Vec::new())),
                });
                self.then({
                    let inner = inner.clone();
                    move |result| {
                        inner.fire(result);
                        Ok::<_, Aborted>(())
                    }
                })
                .detach();
                Shared { inner }
            }
        }

        impl<T, E> Inner<T, E>
        where
            T: Clone + $($send)* 'static,
            E: From<Aborted> + Clone + $($send)* 'static,
        {
            #[track_caller]
            fn fire(&self, result: Result<T, E>) {
                let mut state = self.state();
                let State::Pending(waiting) = &mut *state else {
                    unreachable!("a deferred fires once")
                };
                let waiting = std::mem::take(waiting);
                if waiting.is_empty() {
                    *state = State::Unseen(Deferred::settled(result));
                    return;
                }
                // Known first, so that whoever subscribes from a callback has it at once.
                *state = State::Fired(result.clone());
                drop(state);
                for completer in waiting {
                    completer.settle(result.clone());
                }
            }
        }

        impl<T, E> Shared<T, E>
        where
            T: Clone + $($send)* 'static,
            E: From<Aborted> + Clone + $($send)* 'static,
        {
            /// A deferred for the result. Subscribers get it in the order in which they came; cancelling one concerns nobody
            /// else.
            #[track_caller]
            pub fn subscribe(&self) -> Deferred<T, E> {
                let mut state = self.inner.state();
                match &mut *state {
                    State::Pending(waiting) => {
                        let (completer, deferred) = Deferred::pair();
                        waiting.push(completer);
                        deferred
                    }
                    State::Fired(result) => Deferred::settled(result.clone()),
                    State::Unseen(source) => {
                        let source = std::mem::replace(source, Deferred::failed(E::from(Aborted::dropped())));
                        let result = source.try_take().unwrap_or_else(|_| Err(E::from(Aborted::dropped())));
                        let placeholder = std::mem::replace(&mut *state, State::Fired(result.clone()));
                        drop(state);
                        // It holds a failure that nobody is to hear of.
                        if let State::Unseen(placeholder) = placeholder {
                            drop(placeholder.try_take());
                        }
                        Deferred::settled(result)
                    }
                }
            }

            /// Cancels what all subscribers wait for.
            pub fn cancel(&self) {
                self.inner.source.cancel();
            }
        }

        impl<T, E> IntoFuture for Shared<T, E>
        where
            T: Clone + $($send)* 'static,
            E: From<Aborted> + Clone + $($send)* 'static,
        {
            type Output = Result<T, E>;
            type IntoFuture = Deferred<T, E>;

            #[track_caller]
            fn into_future(self) -> Deferred<T, E> {
                self.subscribe()
            }
        }

        impl<T, E> IntoFuture for &Shared<T, E>
        where
            T: Clone + $($send)* 'static,
            E: From<Aborted> + Clone + $($send)* 'static,
        {
            type Output = Result<T, E>;
            type IntoFuture = Deferred<T, E>;

            #[track_caller]
            fn into_future(self) -> Deferred<T, E> {
                self.subscribe()
            }
        }

        impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for Shared<T, E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let state = match &*self.inner.state() {
                    State::Pending(_) => "pending",
                    _ => "fired",
                };
                f.debug_tuple("Shared").field(&state).finish()
            }
        }
    };
}

pub(super) mod sendable {
    shared! {
        module: "",
        bounds: [Send +],
        deferreds: [crate],
        pointer: std::sync::Arc,
    }
}

pub(crate) mod local {
    shared! {
        module: "local::",
        bounds: [],
        deferreds: [crate::local],
        pointer: std::rc::Rc,
    }
}
