use std::{fmt, sync::Arc, time::Duration};

use super::{
    task::{CooperativeTask, Step},
    turns::Turns,
};
use crate::{Aborted, Reactor};

/// Lets long iterations share the loop (Twisted's `Cooperator`): they take turns, one step each, and leave
/// time to everything else.
///
/// ```
/// use std::time::Duration;
/// use interloop::{Aborted, Clock, periodic::{Budget, Cooperator, Step}};
///
/// let clock = Clock::new();
/// let cooperator = Cooperator::with_schedule(&clock.reactor(), Duration::from_secs(1), Budget::Units(2));
/// let count = |name: &'static str| {
///     (1..=2).map(move |n| {
///         println!("{name} {n}");
///         Step::<Aborted>::Continue
///     })
/// };
/// let (a, b) = (cooperator.cooperate(count("a")), cooperator.cooperate(count("b")));
/// clock.advance(Duration::from_secs(1)); // a 1, b 1
/// clock.advance(Duration::from_secs(1)); // a 2, b 2
/// clock.advance(Duration::from_secs(1)); // both find that they have ended
/// assert!(a.when_done().try_take().unwrap().is_ok() && b.when_done().is_settled());
/// ```
///
/// # Turns
///
/// While there are tasks that can run, a turn is scheduled on the loop. It does the work of its [`Budget`], going
/// round the tasks from where the last turn ended; when it is over the next one is scheduled.
///
/// Clones are handles on the same cooperator. When all are dropped it goes on, unless it was never
/// [started](Self::unstarted): then it stops.
#[derive(Clone)]
pub struct Cooperator {
    handle: Arc<Handle>,
}

/// How much is done in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// As much as can be begun in this time, and one step at least.
    ///
    /// It is measured on the loop's own clock. The time of a [`Clock`](crate::Clock) stands still in a turn,
    /// which there lasts until no task can run any more: for work without end, give it [`Units`](Self::Units).
    Time(Duration),
    /// This number of steps; one if it is zero.
    Units(usize),
}

/// Stops a cooperator that nobody can start any more.
struct Handle {
    turns: Arc<Turns>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.turns.is_started() {
            self.turns.stop();
        }
    }
}

impl Cooperator {
    /// Makes a cooperator that takes turns of ten milliseconds, and leaves the loop to others for one round
    /// between them.
    pub fn new(reactor: &Reactor) -> Self {
        Self::with_schedule(reactor, Duration::ZERO, Budget::Time(Duration::from_millis(10)))
    }

    /// Makes a cooperator that waits for `delay` before each turn, and does as much in it as `budget` says.
    pub fn with_schedule(reactor: &Reactor, delay: Duration, budget: Budget) -> Self {
        let turns = Arc::new(Turns::new(reactor, delay, budget));
        Self {
            handle: Arc::new(Handle { turns }),
        }
    }

    /// Lets tasks that are added wait until the cooperator is [started](Self::start). For one that has no tasks
    /// yet.
    #[must_use]
    pub fn unstarted(self) -> Self {
        self.turns().hold();
        self
    }

    /// Adds a task: an iteration whose every item is a [`Step`].
    ///
    /// `next` is called once in each of the task's turns. The task is done when the iteration ends, and fails if a step
    /// does, or panics. If the cooperator was [stopped](Self::stop) the task ends at once.
    ///
    /// ```
    /// # fn example(cooperator: &interloop::periodic::Cooperator, numbers: Vec<u64>) {
    /// use interloop::{Aborted, periodic::Step};
    ///
    /// let mut sum = 0;
    /// let task = cooperator.cooperate(numbers.into_iter().map(move |number| {
    ///     sum += number;
    ///     Step::<Aborted>::Continue
    /// }));
    /// # }
    /// ```
    pub fn cooperate<E, I>(&self, work: I) -> CooperativeTask<E>
    where
        E: From<Aborted> + Send + Sync + 'static,
        I: IntoIterator<Item = Step<E>>,
        I::IntoIter: Send + 'static,
    {
        CooperativeTask::new(self.turns().clone(), Box::new(work.into_iter()))
    }

    /// Starts a cooperator that was made [unstarted](Self::unstarted), or was stopped. The tasks that
    /// it was stopped with do not come back.
    pub fn start(&self) {
        self.turns().start();
    }

    /// Stops it: all tasks that can run end with
    /// [`TaskFailure::SchedulerStopped`](super::TaskFailure::SchedulerStopped). So do those that are added, at
    /// once, and those that are paused or wait, when they go on.
    ///
    /// It also stops when its loop shuts down.
    pub fn stop(&self) {
        self.turns().stop();
    }

    /// Whether it is started, and not stopped.
    pub fn is_running(&self) -> bool {
        self.turns().is_running()
    }

    fn turns(&self) -> &Arc<Turns> {
        &self.handle.turns
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cooperator")
            .field("running", &self.is_running())
            .field("delay", &self.turns().delay)
            .field("budget", &self.turns().budget)
            .finish_non_exhaustive()
    }
}
