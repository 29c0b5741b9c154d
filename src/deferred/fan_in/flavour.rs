//! The surface of a fan-in, which deferreds of both flavours have in common.

/// Writes `FanIn` and its short forms into the module that calls it, for the deferreds of a flavour. `$module` is where a user
/// finds them, below the crate; `$send` is `Send +` or nothing.
macro_rules! fan_in {
    (
        module: $module:literal,
        bounds: [$($send:tt)*],
        deferreds: [$($deferreds:tt)*],
    ) => {
        use std::{
            fmt,
            panic::{AssertUnwindSafe, Location, catch_unwind},
            sync::{
                Mutex,
                atomic::{AtomicBool, Ordering::Relaxed},
            },
        };

        use $crate::{
            Aborted,
            deferred::{
                cell::row::{Origin, Row, Sink},
                fan_in::{
                    Copy, FailureGroup, FirstError, lock,
                    rule::{All, Arrival, First, Gather, Rule, Successes},
                },
            },
        };
        use $($deferreds)*::{Cancellation, Completer, Deferred};

        /// The deferreds that are to become one. See the [module](crate::fan_in).
        ///
        #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred, ", $module, "fan_in::FanIn};\n")]
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
            T: $($send)* 'static,
            E: From<Aborted> + $($send)* 'static,
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
            #[doc = concat!("```\nuse interloop::{", $module, "Deferred, ", $module, "fan_in::FanIn};\n")]
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
            #[doc = concat!("```\nuse interloop::{", $module, "Deferred, ", $module, "race};\n")]
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
                R: Rule<
                            Item = T,
                            Error = E,
                            Kept: $($send)* 'static,
                            Output: $($send)* 'static,
                            Failure: $($send)* 'static,
                        >,
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
            T: $($send)* 'static,
            E: From<Aborted> + $($send)* 'static,
        {
            FanIn::new(deferreds).all()
        }

        /// Waits for all values, or the first failure. Short for [`FanIn::gather`].
        ///
        #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred, ", $module, "gather};\n")]
        ///
        /// let sum = gather((1..=3).map(Deferred::<u32, Aborted>::ready)).map_ok(|values| values.iter().sum::<u32>());
        /// assert_eq!(sum.try_take().unwrap().unwrap(), 6);
        /// ```
        #[track_caller]
        pub fn gather<T, E>(deferreds: impl IntoIterator<Item = Deferred<T, E>>) -> Deferred<Vec<T>, FirstError<E>>
        where
            T: $($send)* 'static,
            E: From<Aborted> + $($send)* 'static,
        {
            FanIn::new(deferreds).gather()
        }

        /// Waits for the first value, and cancels the others. Short for [`FanIn::race`].
        #[track_caller]
        pub fn race<T, E>(deferreds: impl IntoIterator<Item = Deferred<T, E>>) -> Deferred<(usize, T), FailureGroup<E>>
        where
            T: $($send)* 'static,
            E: From<Aborted> + $($send)* 'static,
        {
            FanIn::new(deferreds).race()
        }
    };
}

pub(super) use fan_in;
