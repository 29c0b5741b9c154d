//! Callbacks on a reactor: soon, later, and at a point of time.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    EventLoop, NotActive, Reactor, Shared,
    calls::{Call, Calls, Handle, Host, Posted, Rounds},
    current::Inside,
    slow,
};
use crate::Task;

impl Host for Reactor {
    type Call = dyn Call + Send;
    type Weak = Weak<Shared<dyn EventLoop>>;
    type Inside = Inside;

    fn downgrade(&self) -> Self::Weak {
        Arc::downgrade(&self.shared)
    }

    fn upgrade(weak: &Self::Weak) -> Option<Self> {
        weak.upgrade().map(|shared| Self { shared })
    }

    fn calls(&self) -> &Calls<Self> {
        &self.shared.calls
    }

    fn reactor(&self) -> &Reactor {
        self
    }

    fn inside(&self) -> Inside {
        Inside::new(self.clone())
    }

    fn start(&self, rounds: Rounds<Self>) {
        let (task, _) = Task::new(rounds);
        self.event_loop().spawn(task);
    }
}

/// # Callbacks
///
/// What is given to these runs on the loop, on whichever of its threads: **one at a time**, also on a loop of many threads, and
/// never inside of the call that gives it. That is what callback code was written for.
///
/// - Those of [`call_soon`](Self::call_soon) run in the order in which they were given; what a callback gives runs in
///   the next round, after what was there when this one began (asyncio's rule). A delayed call that is due joins the round.
/// - Delayed calls run in the order of their deadlines, those with the same deadline in the order in which they were made.
///   They are never early, and as late as a millisecond, in which all that are due share one wake-up; on a
///   [`Clock`](crate::Clock) they are exact.
/// - A callback that panics is reported to [`unhandled`](crate::unhandled), and the next one runs.
/// - After 128 callbacks, or a millisecond, the loop's other tasks have their turn.
/// - This reactor is the [current](Self::current) one in each.
///
/// They can be called from any thread. Callbacks that wait keep the reactor alive, and are dropped, without having been called, when
/// the loop shuts down. Callbacks that are not `Send` belong on a [`local::Reactor`](crate::local::Reactor).
impl Reactor {
    /// Has something called on the loop as soon as it is its turn (asyncio's `call_soon` and `call_soon_threadsafe`, Twisted's
    /// `callFromThread`, Tornado's `add_callback`). See [above](#callbacks).
    ///
    /// One allocation. To be able to cancel it, use [`call_later`](Self::call_later) without any delay.
    ///
    /// ```
    /// # futures_executor::block_on(async {
    /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
    /// use interloop::{Aborted, Deferred};
    ///
    /// let (completer, greeting) = Deferred::<&str, Aborted>::pair();
    /// reactor.call_soon(move || completer.complete("hello"));
    /// assert_eq!(greeting.await.unwrap(), "hello");
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_soon(&self, f: impl FnOnce() + Send + 'static) {
        Calls::post(self, Posted::new(f));
    }

    /// Has something called after a time. The handle may be dropped. See [above](#callbacks).
    ///
    /// ```
    /// use std::{sync::{Arc, Mutex}, time::Duration};
    /// use interloop::Clock;
    ///
    /// let clock = Clock::new();
    /// let reactor = clock.reactor();
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// for seconds in [3, 1, 2] {
    ///     let log = log.clone();
    ///     reactor.call_later(Duration::from_secs(seconds), move || log.lock().unwrap().push(seconds));
    /// }
    /// clock.advance(Duration::from_secs(2));
    /// assert_eq!(*log.lock().unwrap(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn call_later(&self, delay: Duration, f: impl FnOnce() + Send + 'static) -> DelayedCall {
        DelayedCall {
            handle: Handle::after(self, delay, Posted::new(f)),
        }
    }

    /// Has something called at a point of time, as [`now`](Self::now) counts it. See [above](#callbacks).
    #[track_caller]
    pub fn call_at(&self, deadline: Instant, f: impl FnOnce() + Send + 'static) -> DelayedCall {
        DelayedCall {
            handle: Handle::at(self, deadline, Posted::new(f)),
        }
    }

    /// Reports callbacks and polls that hold the loop for 100 ms and longer, or stops that (asyncio's `set_debug`). It is
    /// off at first, and costs nothing then; on, it reads the time twice for each. See [`slow`](crate::slow) for where it
    /// reports to.
    ///
    /// ```
    /// use std::{sync::{Arc, Mutex}, thread, time::Duration};
    /// use interloop::{Clock, slow};
    ///
    /// let reports = Arc::new(Mutex::new(Vec::new()));
    /// slow::set_hook(Some(Arc::new({
    ///     let reports = reports.clone();
    ///     move |slow| reports.lock().unwrap().push(slow.to_string())
    /// })));
    /// let clock = Clock::new();
    /// clock.reactor().set_debug(true);
    /// clock.reactor().call_soon(|| thread::sleep(Duration::from_millis(100)));
    /// clock.run_until_stalled();
    /// assert!(reports.lock().unwrap()[0].contains("held the event loop"));
    /// ```
    pub fn set_debug(&self, on: bool) {
        self.set_slow_limit(on.then_some(slow::LIMIT));
    }

    /// As [`set_debug`](Self::set_debug), with another limit (asyncio's `slow_callback_duration`); `None` stops it.
    pub fn set_slow_limit(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(u64::MAX, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        // ORDERING: nothing else is told by it.
        self.shared.slow_limit.store(nanos, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn slow_limit(&self) -> Option<Duration> {
        // ORDERING: as above.
        let nanos = self.shared.slow_limit.load(Ordering::Relaxed);
        (nanos != u64::MAX).then(|| Duration::from_nanos(nanos))
    }

    /// How the callbacks of this reactor stand.
    pub fn metrics(&self) -> Metrics {
        self.shared.calls.metrics()
    }
}

/// How the callbacks of a reactor stand. See [`Reactor::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How many callbacks wait for the next round. What is left of the present one is not counted.
    pub waiting: usize,
    /// How many delayed calls are pending.
    pub delayed: usize,
    /// How many callbacks were called.
    pub called: u64,
    /// How many rounds there were.
    pub rounds: u64,
    /// By how much the first of the last delayed calls that were due was late: how far the loop is behind.
    pub lag: Duration,
}

/// The handle on a delayed call (Twisted's `IDelayedCall`, asyncio's `TimerHandle`). Made by [`Reactor::call_later`].
///
/// Dropping it changes nothing.
#[derive(Debug)]
pub struct DelayedCall {
    handle: Handle<Reactor>,
}

/// What the handles of both reactors can do.
macro_rules! delayed_call {
    () => {
        /// Calls it off, and drops the callback.
        ///
        /// # Errors
        /// If it was called or cancelled already, or the loop has shut down.
        pub fn cancel(&self) -> Result<(), NotActive> {
            self.handle.cancel()
        }

        /// Begins again: it will be called a time from now, whatever its deadline was.
        ///
        /// # Errors
        /// If it was called or cancelled already, or the loop has shut down.
        pub fn reset(&self, delay: Duration) -> Result<(), NotActive> {
            self.handle.reset(delay)
        }

        /// Puts it off: it will be called a time after its present deadline.
        ///
        /// # Errors
        /// If it was called or cancelled already, or the loop has shut down.
        pub fn delay(&self, by: Duration) -> Result<(), NotActive> {
            self.handle.delay(by)
        }

        /// Whether it is still to be called.
        pub fn active(&self) -> bool {
            self.handle.deadline().is_some()
        }

        /// When it is to be called; `None` if it is not active.
        pub fn deadline(&self) -> Option<Instant> {
            self.handle.deadline()
        }
    };
}
pub(super) use delayed_call;

impl DelayedCall {
    delayed_call!();
}
