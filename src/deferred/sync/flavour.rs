//! Locks, semaphores and queues, which deferreds of both flavours have in common.

/// Writes them into the module that calls it, for the deferreds of a flavour. `$module` is where a user finds them, below the
/// crate; `$send` is `Send +` or nothing, and `$Pointer` what shares things.
macro_rules! sync {
    (
        module: $module:literal,
        bounds: [$($send:tt)*],
        deferreds: [$($deferreds:tt)*],
        pointer: $Pointer:path,
    ) => {
        use std::{collections::VecDeque, fmt, num::NonZeroUsize, sync::Mutex};

        use $Pointer as Pointer;
        use $($deferreds)*::{Completer, Deferred, IntoOutcome};
        use $crate::{
            Aborted,
            deferred::sync::{QueueOverflow, QueueUnderflow, lock},
        };

        /// Those who wait, in order.
        struct Waiting<T: 'static>(VecDeque<Completer<T, Aborted>>);

        impl<T> Waiting<T> {
            fn new() -> Self {
                Self(VecDeque::new())
            }

            /// How many wait, without those that have left.
            fn count(&mut self) -> usize {
                self.0.retain(|completer| !completer.is_closed());
                self.0.len()
            }

            #[track_caller]
            fn add(&mut self) -> Deferred<T, Aborted> {
                // Those that have left are cleared away before the queue grows, so that it cannot grow by them alone.
                if self.0.len() == self.0.capacity() {
                    self.count();
                }
                let (completer, deferred) = Deferred::pair();
                self.0.push_back(completer);
                deferred
            }
        }

        /// Lets one run at a time. A handle: clones are the same lock.
        ///
        #[doc = concat!("```\nuse interloop::", $module, "sync::Lock;\n")]
        ///
        /// let lock = Lock::new();
        /// let first = lock.acquire().try_take().unwrap().unwrap();
        /// let second = lock.acquire();
        /// assert!(!second.is_settled());
        /// drop(first); // hands the lock over
        /// assert!(second.is_settled());
        /// ```
        #[derive(Clone, Debug)]
        pub struct Lock(Semaphore);

        impl Lock {
            /// A lock that nobody holds.
            #[expect(clippy::new_without_default, reason = "a lock is made on purpose")]
            pub fn new() -> Self {
                Self(Semaphore::new(NonZeroUsize::MIN))
            }

            /// Waits for the lock. Dropping what the deferred gives releases it.
            #[track_caller]
            pub fn acquire(&self) -> Deferred<Permit, Aborted> {
                self.0.acquire()
            }

            /// Runs a function once the lock is there, and releases that when the outcome of the function is there. Cancelling
            /// it cancels the waiting, or the deferred that the function returned; the lock is released either way.
            #[track_caller]
            pub fn run<R>(&self, f: impl FnOnce() -> R + $($send)* 'static) -> Deferred<R::Ok, R::Err>
            where
                R: IntoOutcome<Ok: $($send)* 'static, Err: $($send)* 'static>,
            {
                self.0.run(f)
            }
        }

        /// Lets a number run at a time. A handle: clones are the same semaphore.
        #[derive(Clone)]
        pub struct Semaphore {
            state: Pointer<Mutex<SemaphoreState>>,
        }

        struct SemaphoreState {
            free: usize,
            waiting: Waiting<Permit>,
        }

        impl Semaphore {
            /// A semaphore with a number of permits, all free.
            pub fn new(permits: NonZeroUsize) -> Self {
                let state = SemaphoreState {
                    free: permits.get(),
                    waiting: Waiting::new(),
                };
                Self {
                    state: Pointer::new(Mutex::new(state)),
                }
            }

            /// Waits for a permit. Dropping what the deferred gives releases it.
            #[track_caller]
            pub fn acquire(&self) -> Deferred<Permit, Aborted> {
                let mut state = lock(&self.state);
                if state.free > 0 {
                    state.free -= 1;
                    drop(state);
                    Deferred::ready(Permit::of(self))
                } else {
                    state.waiting.add()
                }
            }

            /// Runs a function once a permit is there, and releases that when the outcome of the function is there. Cancelling
            /// it cancels the waiting, or the deferred that the function returned; the permit is released either way.
            #[track_caller]
            pub fn run<R>(&self, f: impl FnOnce() -> R + $($send)* 'static) -> Deferred<R::Ok, R::Err>
            where
                R: IntoOutcome<Ok: $($send)* 'static, Err: $($send)* 'static>,
            {
                self.acquire().map_err(R::Err::from).and_then(move |permit| {
                    Deferred::maybe(f).then(move |result| {
                        drop(permit);
                        result
                    })
                })
            }

            fn release(&self) {
                loop {
                    let next = {
                        let mut state = lock(&self.state);
                        let next = state.waiting.0.pop_front();
                        if next.is_none() {
                            state.free += 1;
                        }
                        next
                    };
                    // The callbacks run outside of the lock.
                    match next.map(|next| next.try_settle(Ok(Permit::of(self)))) {
                        // That one has left: on to the next, with the same permit.
                        Some(Err(Ok(permit))) => permit.forget(),
                        _ => return,
                    }
                }
            }
        }

        impl fmt::Debug for Semaphore {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Semaphore")
                    .field("free", &lock(&self.state).free)
                    .finish_non_exhaustive()
            }
        }

        /// The right to run, until it is dropped: then it goes to whoever has waited longest.
        #[derive(Debug)]
        #[must_use = "dropping a permit releases it"]
        pub struct Permit {
            // Empty once the permit has gone to somebody else.
            semaphore: Option<Semaphore>,
        }

        impl Permit {
            fn of(semaphore: &Semaphore) -> Self {
                Self {
                    semaphore: Some(semaphore.clone()),
                }
            }

            fn forget(mut self) {
                self.semaphore = None;
            }
        }

        impl Drop for Permit {
            fn drop(&mut self) {
                if let Some(semaphore) = self.semaphore.take() {
                    semaphore.release();
                }
            }
        }

        /// Hands values from those who put to those who get, in order. A handle: clones are the same queue.
        ///
        #[doc = concat!("```\nuse interloop::", $module, "sync::Queue;\n")]
        ///
        /// let jobs = Queue::new(Some(1), None);
        /// let waiting = jobs.get().unwrap();
        /// jobs.put("first").unwrap(); // to the one who waits
        /// jobs.put("second").unwrap(); // stored
        /// assert_eq!(jobs.put("third").unwrap_err().0, "third");
        /// assert_eq!(waiting.try_take().unwrap().unwrap(), "first");
        /// ```
        pub struct Queue<T: 'static> {
            inner: Pointer<QueueInner<T>>,
        }

        struct QueueInner<T: 'static> {
            size: usize,
            backlog: usize,
            state: Mutex<QueueState<T>>,
        }

        struct QueueState<T: 'static> {
            values: VecDeque<T>,
            waiting: Waiting<T>,
        }

        impl<T: $($send)* 'static> Queue<T> {
            /// A queue that stores up to `size` values, and lets up to `backlog` wait for one; `None` sets no limit.
            pub fn new(size: Option<usize>, backlog: Option<usize>) -> Self {
                let state = QueueState {
                    values: VecDeque::new(),
                    waiting: Waiting::new(),
                };
                Self {
                    inner: Pointer::new(QueueInner {
                        size: size.unwrap_or(usize::MAX),
                        backlog: backlog.unwrap_or(usize::MAX),
                        state: Mutex::new(state),
                    }),
                }
            }

            /// Gives a value to whoever has waited longest, or stores it.
            ///
            /// # Errors
            /// Gives the value back if nobody waits and the queue is full.
            pub fn put(&self, value: T) -> Result<(), QueueOverflow<T>> {
                let mut value = value;
                loop {
                    let next = {
                        let mut state = lock(&self.inner.state);
                        match state.waiting.0.pop_front() {
                            Some(next) => next,
                            None if state.values.len() < self.inner.size => {
                                state.values.push_back(value);
                                return Ok(());
                            }
                            None => return Err(QueueOverflow(value)),
                        }
                    };
                    // The callbacks run outside of the lock.
                    match next.try_settle(Ok(value)) {
                        // That one has left: on to the next, with the same value.
                        Err(Ok(unseen)) => value = unseen,
                        _ => return Ok(()),
                    }
                }
            }

            /// Takes the oldest value, or waits for one. A getter that is cancelled takes nothing.
            ///
            /// # Errors
            /// If no value is there, and as many wait already as may.
            #[track_caller]
            pub fn get(&self) -> Result<Deferred<T, Aborted>, QueueUnderflow> {
                let mut state = lock(&self.inner.state);
                if let Some(value) = state.values.pop_front() {
                    drop(state);
                    Ok(Deferred::ready(value))
                } else if self.inner.backlog < usize::MAX && state.waiting.count() >= self.inner.backlog {
                    Err(QueueUnderflow(()))
                } else {
                    Ok(state.waiting.add())
                }
            }
        }

        impl<T> Clone for Queue<T> {
            fn clone(&self) -> Self {
                Self {
                    inner: self.inner.clone(),
                }
            }
        }

        impl<T> fmt::Debug for Queue<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let state = lock(&self.inner.state);
                f.debug_struct("Queue")
                    .field("stored", &state.values.len())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use sync;
