//! What was left behind on a reactor.

use std::{
    fmt, io, mem,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{EventLoop, Job, Reactor, Source, Timer};
use crate::{
    Completer, Deferred, Task,
    unhandled::{Collector, Report},
};

/// Watches over code that is under test: how many of its tasks are alive, and which of its failures nobody handled.
///
/// It watches what is done on the reactors that [`on`](Self::on) makes, and on no others, so tests can run side by side
/// in one process.
///
/// ```
/// use interloop::{Aborted, Clock, Deferred, testing::Watch};
///
/// let clock = Clock::new();
/// let watch = Watch::new();
/// let reactor = watch.on(&clock.reactor());
/// let (completer, deferred) = Deferred::<(), Aborted>::pair();
/// reactor.spawn(deferred).detach();
/// clock.run_until_stalled();
/// assert_eq!(watch.tasks(), 1);
///
/// completer.fail(Aborted::cancelled());
/// clock.run_until_stalled();
/// assert_eq!(watch.tasks(), 0);
/// assert!(watch.take_unhandled()[0].to_string().ends_with("cancelled"));
/// ```
///
/// Clones are the same watch.
#[derive(Clone, Default)]
pub struct Watch {
    tasks: Arc<Mutex<Tasks>>,
    collector: Collector,
}

#[derive(Default)]
struct Tasks {
    alive: usize,
    /// Fired when the last one has ended.
    idle: Vec<Completer<()>>,
}

impl Watch {
    /// Makes one that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reactor on the same loop, of which this watches the tasks.
    ///
    /// It has callbacks of its own: what is posted to one of the two reactors knows no order with what is posted to the
    /// other.
    pub fn on(&self, reactor: &Reactor) -> Reactor {
        Reactor::with_watch(SameLoop(reactor.clone()), Some(self.clone()))
    }

    /// How many tasks and blocking jobs are alive: spawned, and neither at their end nor dropped.
    pub fn tasks(&self) -> usize {
        self.lock().alive
    }

    /// Fires as soon as no task is alive.
    #[track_caller]
    pub fn idle(&self) -> Deferred<()> {
        let (completer, idle) = Deferred::pair();
        let mut tasks = self.lock();
        if tasks.alive > 0 {
            tasks.idle.push(completer);
        } else {
            drop(tasks);
            completer.complete(());
        }
        idle
    }

    /// Calls a function, and watches it as if it were a task: for failures that code of its thread reports.
    pub fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        self.collector.within(f)
    }

    /// Takes the failures that nobody handled, in the order in which they were reported.
    ///
    /// These are the ones that are reported by tasks, by blocking jobs and by what they call, on whatever thread they run;
    /// where one of the reactors is [entered](Reactor::enter); and [within](Self::within) a call.
    pub fn take_unhandled(&self) -> Vec<Report> {
        self.collector.take()
    }

    pub(super) fn collector(&self) -> &Collector {
        &self.collector
    }

    pub(super) fn task_begins(&self) {
        self.lock().alive += 1;
    }

    pub(super) fn task_ends(&self) {
        let idle = {
            let mut tasks = self.lock();
            tasks.alive -= 1;
            if tasks.alive > 0 {
                return;
            }
            mem::take(&mut tasks.idle)
        };
        for completer in idle {
            completer.complete(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("tasks", &self.tasks())
            .finish_non_exhaustive()
    }
}

/// The loop of another reactor.
struct SameLoop(Reactor);

impl EventLoop for SameLoop {
    fn spawn(&self, task: Task) {
        self.0.event_loop().spawn(task);
    }

    fn spawn_blocking(&self, job: Job) {
        self.0.event_loop().spawn_blocking(job);
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.0.event_loop().timer(deadline)
    }

    fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        self.0.event_loop().register(fd)
    }

    fn now(&self) -> Instant {
        self.0.event_loop().now()
    }

    fn is_virtual(&self) -> bool {
        self.0.event_loop().is_virtual()
    }

    fn drop_cancelled(&self, drop: &mut dyn FnMut()) {
        self.0.event_loop().drop_cancelled(drop);
    }
}

impl fmt::Debug for SameLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.event_loop().fmt(f)
    }
}
