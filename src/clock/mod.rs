//! An event loop in virtual time, for tests: [`Clock`]; and [`check_random`], which runs a test in many orders.

mod check;
mod queue;
mod random;
mod shared;
mod timers;

use std::{
    error::Error,
    fmt,
    future::Future,
    ops::ControlFlow,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

pub use self::check::check_random;
use self::shared::{Awaited, Shared, VirtualLoop};
use crate::{BlockOnError, Reactor};

/// An event loop whose time moves only when a test says so (Twisted's `task.Clock`).
///
/// Everything runs inside of the calls to the clock, on the thread that makes them, in an order that
/// is the same every time:
///
/// ```
/// use std::time::Duration;
/// use interloop::{Aborted, Clock};
///
/// let clock = Clock::new();
/// let reactor = clock.reactor();
/// let answer = reactor.spawn({
///     let reactor = reactor.clone();
///     async move {
///         reactor.sleep(Duration::from_secs(3600)).await?;
///         Ok::<_, Aborted>(42)
///     }
/// });
/// clock.advance(Duration::from_secs(3599));
/// assert!(!answer.is_settled());
/// clock.advance(Duration::from_secs(1)); // an hour has passed, in no time
/// assert_eq!(answer.try_take().unwrap().unwrap(), 42);
/// ```
///
/// # Order
///
/// - Tasks run in the order in which they were woken; a new one counts as woken when it is spawned.
///   Blocking jobs take turns with them, in the same queue.
/// - Timers fire in the order of their deadlines, those with the same deadline in the order in which
///   they were made, which is when [`Reactor::sleep`] was called. Between two of them, everything runs that can.
/// - A timer is ready only once the clock has [advanced](Self::advance) to its deadline: one that was due
///   when it was made waits for the next advance, or for its turn in the one that is going on.
/// - Moving the deadline of a [`Sleep`](crate::time::Sleep) does not change its place at once: among timers with the
///   same new deadline it goes by the place that it had before. (Twisted's rule.)
///
/// That is the order of a clock made with [`new`](Self::new). One made with [`with_seed`](Self::with_seed) has another,
/// which looks random and follows from the seed, for tests that search for races:
///
/// - Of the tasks and jobs that can run, any may be the next.
/// - Timers fire in the order of their deadlines still, those with the same deadline in any order, in which moved
///   ones have no place of their own. What they wake may run before the others of that deadline fire, or after; all of it
///   runs before a later deadline's.
/// - The rest is as above: no timer fires before its time. [Callbacks](Reactor#callbacks) keep their order among each
///   other, which they have on every loop.
///
/// The same seed gives the same order every time, as long as the program does nothing else that differs; with
/// another version of the program, or of this crate, it may be another order. [`check_random`] goes through seeds,
/// and says which one a test failed with.
///
/// # Calls from inside
///
/// A task or callback may itself advance the clock. Other tasks run meanwhile; the one that makes the
/// call goes on when the call returns, and is polled again after that if it was woken.
///
/// # Threads
///
/// A clock has none. Tasks may be woken from other threads, but run in the next call to the clock, and no
/// call waits for another thread.
///
/// # The end
///
/// Clones are handles on the same clock. When the last one is dropped, so are all tasks, and their deferreds fail with
/// [`Aborted::shut_down`](crate::Aborted::shut_down). A reactor does not keep the clock; a task that owns a
/// `Clock` does, and never ends if nothing else ends it.
#[derive(Clone)]
pub struct Clock {
    owner: Arc<Owner>,
}

/// Ends the clock when it is dropped. Tasks own reactors, so reactors must not own this.
struct Owner {
    shared: Arc<Shared>,
    reactor: Reactor,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.shut_down();
    }
}

impl Clock {
    /// Makes a clock on which no time has passed.
    pub fn new() -> Self {
        Self::of(None)
    }

    /// Makes a clock on which no time has passed, and whose tasks and timers run in an order that looks random and follows
    /// from the seed. See [Order](Self#order).
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use interloop::{Aborted, Clock};
    ///
    /// let order_of = |seed| {
    ///     let clock = Clock::with_seed(seed);
    ///     let order = Arc::new(Mutex::new(Vec::new()));
    ///     for n in 0..5 {
    ///         let order = order.clone();
    ///         clock.reactor().spawn_infallible(async move { order.lock().unwrap().push(n) }).detach();
    ///     }
    ///     clock.run_until_stalled();
    ///     std::mem::take(&mut *order.lock().unwrap())
    /// };
    /// assert_eq!(order_of(7), order_of(7));
    /// assert_ne!(order_of(7), order_of(8));
    /// ```
    pub fn with_seed(seed: u64) -> Self {
        Self::of(Some(seed))
    }

    fn of(seed: Option<u64>) -> Self {
        let shared = Arc::new(Shared::new(seed));
        let reactor = Reactor::new(VirtualLoop(shared.clone()));
        Self {
            owner: Arc::new(Owner { shared, reactor }),
        }
    }

    /// The reactor of this clock, to hand to the code under test.
    ///
    /// It cannot [register](Reactor::register) descriptors: what they wait for happens in real time.
    pub fn reactor(&self) -> Reactor {
        self.owner.reactor.clone()
    }

    /// The seed of this clock's order, if it was [made with one](Self::with_seed). A test that needs random numbers seeds
    /// their generator with it, so that they are replayed as well.
    pub fn seed(&self) -> Option<u64> {
        self.owner.shared.seed
    }

    /// The time on this clock, which is what [`Reactor::now`] says.
    pub fn now(&self) -> Instant {
        self.owner.shared.lock().now
    }

    /// How much time has passed on this clock since it was made.
    pub fn elapsed(&self) -> Duration {
        self.now() - self.owner.shared.base
    }

    /// How many timers are pending.
    pub fn pending_timers(&self) -> usize {
        self.owner.shared.lock().timers.len()
    }

    /// When the next timer is due, if any is pending. It may be due already.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.owner.shared.lock().timers.next_due()
    }

    /// Runs tasks until none can run. No time passes.
    pub fn run_until_stalled(&self) {
        // Goes on to its end, as nothing is awaited.
        let _ = self.owner.shared.run(&mut None);
    }

    /// Lets time pass, all of it at once, then fires the timers that are due, one after the other, and
    /// after each of them runs tasks until none can run.
    ///
    /// Timers that are made meanwhile take part if they are due, too. All that runs finds the same
    /// time, the one at the end. Tasks that can run without any time passing do so first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use interloop::Clock;
    ///
    /// let clock = Clock::new();
    /// let sleep = clock.reactor().sleep(Duration::ZERO);
    /// let slept = clock.reactor().spawn(sleep);
    /// clock.run_until_stalled();
    /// assert!(!slept.is_settled());
    /// clock.advance(Duration::ZERO);
    /// assert!(slept.is_settled());
    /// ```
    ///
    /// # Panics
    /// If the clock cannot count that far, which is some billions of years.
    pub fn advance(&self, duration: Duration) {
        let _ = self.owner.shared.elapse(duration, &mut None);
    }

    /// Runs a future to its end, and tasks meanwhile. Whenever nothing can run, time jumps to the next
    /// deadline.
    ///
    /// The future takes its turns with the tasks, and this clock's reactor is its [current](Reactor::current) one.
    /// Once it is ready nothing else runs: timers that are due as well, and tasks, wait for the next call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use interloop::Clock;
    ///
    /// let clock = Clock::new();
    /// let reactor = clock.reactor();
    /// clock.run_until(reactor.sleep(Duration::from_secs(86_400))).unwrap().unwrap();
    /// assert_eq!(clock.elapsed(), Duration::from_secs(86_400));
    /// ```
    ///
    /// # Errors
    /// If the future waits for something that cannot come: no task can run, and no timer is pending.
    pub fn run_until<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        let shared = &self.owner.shared;
        let _entered = self.owner.reactor.enter();
        let mut future = pin!(future);
        let mut output = None;
        let mut poll = |cx: &mut Context<'_>| match future.as_mut().poll(cx) {
            Poll::Ready(ready) => {
                output = Some(ready);
                ControlFlow::Break(())
            }
            Poll::Pending => ControlFlow::Continue(()),
        };
        let mut awaited = Some(Awaited::new(shared, &mut poll));
        let mut ended = shared.run(&mut awaited);
        while ended.is_continue() {
            let Some(due) = self.next_deadline() else {
                break;
            };
            ended = shared.elapse(due.saturating_duration_since(self.now()), &mut awaited);
        }
        drop(awaited);
        output.ok_or_else(|| Stalled {
            tasks: shared.lock().queue.len(),
        })
    }
}

/// Runs a function on a clock of its own, to its end, as the adapters' `block_on` do on their loops: time jumps to the
/// next deadline whenever nothing can run. See [`Clock::run_until`].
///
/// It waits for no other thread, and so may be called anywhere.
///
/// ```
/// use std::time::Duration;
/// use interloop::clock;
///
/// clock::block_on(async |reactor| reactor.sleep(Duration::from_secs(86_400)).await).unwrap().unwrap();
/// ```
///
/// # Errors
/// [`BlockOnError::is_stalled`] if the function waits for something that cannot come.
pub fn block_on<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    let clock = Clock::new();
    Ok(clock.run_until(main(clock.reactor()))?)
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.shared.fmt(f)
    }
}

/// A future cannot go on. See [`Clock::run_until`].
#[derive(Clone, Debug)]
pub struct Stalled {
    tasks: usize,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the future waits for something that never comes on this clock: \
             no timer is pending and no task can run",
        )?;
        match self.tasks {
            0 => f.write_str(" (there are none); is a completer kept and never fired, or left to another thread?"),
            1 => f.write_str(" (one waits, too); what does that wait for?"),
            tasks => write!(f, " ({tasks} wait, too); what do those wait for?"),
        }
    }
}

impl Error for Stalled {}

impl From<Stalled> for BlockOnError {
    fn from(error: Stalled) -> Self {
        BlockOnError::stalled(error)
    }
}
