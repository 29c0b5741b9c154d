//! The reactor of the running task, and whether the thread runs a loop.

use std::{cell::Cell, error::Error, fmt, io, marker::PhantomData, mem::ManuallyDrop};

use super::Reactor;
use crate::{Aborted, deferred::Surroundings, unhandled};

thread_local! {
    // Without a destructor, so that access costs no check for one. It is empty at a thread's end, unless
    // somebody has forgotten a guard.
    static CURRENT: Cell<ManuallyDrop<Option<Reactor>>> = const { Cell::new(ManuallyDrop::new(None)) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static PLACE: Cell<Place> = const { Cell::new(Place::Thread) };
}

/// What the code that runs is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing of a loop's, as far as is known here.
    Thread,
    /// A blocking job.
    Job,
    /// A loop: a task, a callback that it runs, or what an adapter's `block_on` runs.
    Loop,
    /// A loop whose blocking jobs, too, are run by the thread that it runs on.
    LoopWithJobs,
}

/// Whether this thread would keep a loop from running if it waited.
pub(super) fn runs_loop() -> bool {
    matches!(PLACE.get(), Place::Loop | Place::LoopWithJobs)
}

/// Says of this thread that it runs a loop, while `f` runs. `runs_jobs` if it runs the loop's blocking jobs as well.
pub(crate) fn as_loop<T>(runs_jobs: bool, f: impl FnOnce() -> T) -> T {
    struct Restore(Place);

    impl Drop for Restore {
        fn drop(&mut self) {
            PLACE.set(self.0);
        }
    }

    let place = if runs_jobs { Place::LoopWithJobs } else { Place::Loop };
    let _restore = Restore(PLACE.replace(place));
    f()
}

/// Exchanges the current reactor. What was there is dropped by the caller, outside of the access.
fn replace(reactor: Option<Reactor>) -> Option<Reactor> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(reactor)))
}

pub(super) fn current() -> Result<Reactor, NoReactor> {
    let reactor = replace(None);
    let current = reactor.clone();
    replace(reactor);
    current.ok_or(NoReactor(()))
}

/// No reactor is current here. See [`Reactor::current`].
#[derive(Clone, Debug)]
pub struct NoReactor(());

impl fmt::Display for NoReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Aborted::no_reactor().fmt(f)
    }
}

impl Error for NoReactor {}

impl From<NoReactor> for io::Error {
    fn from(error: NoReactor) -> Self {
        io::Error::other(error)
    }
}

impl From<NoReactor> for Aborted {
    fn from(_: NoReactor) -> Self {
        Aborted::no_reactor()
    }
}

/// Keeps a reactor current on this thread. See [`Reactor::enter`].
#[derive(Debug)]
#[must_use = "the reactor is current only as long as this guard lives"]
pub struct Entered<'a> {
    previous: Option<Reactor>,
    depth: usize,
    is_watched: bool,
    /// A guard belongs to its thread, and to the reactor it was made of.
    not_send: PhantomData<(*const (), &'a Reactor)>,
}

impl Entered<'_> {
    pub(super) fn new(reactor: &Reactor) -> Self {
        let previous = replace(Some(reactor.clone()));
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        let watch = reactor.watch();
        if let Some(watch) = watch {
            watch.collector().enter();
        }
        Self {
            previous,
            depth,
            is_watched: watch.is_some(),
            not_send: PhantomData,
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let depth = DEPTH.get();
        // Restoring out of order would leave the wrong reactor current for the rest of the thread.
        if depth != self.depth && !std::thread::panicking() {
            panic!("guards of `Reactor::enter` must be dropped in the reverse order of their making");
        }
        DEPTH.set(depth - 1);
        if self.is_watched {
            unhandled::leave();
        }
        drop(replace(self.previous.take()));
    }
}

/// The reactor of a task, which is current while code of the task runs. It is lent to the thread, so
/// that a poll costs no reference counting; meanwhile the thread's own is here.
pub(super) struct Current {
    reactor: Option<Reactor>,
    /// The task's, or the thread's, as with the reactor.
    place: Place,
    is_job: bool,
    is_watched: bool,
}

impl Current {
    pub(super) fn task(reactor: Reactor) -> Self {
        Self::new(reactor, Place::Loop)
    }

    pub(super) fn job(reactor: Reactor) -> Self {
        Self::new(reactor, Place::Job)
    }

    fn new(reactor: Reactor, place: Place) -> Self {
        let watch = reactor.watch();
        if let Some(watch) = watch {
            watch.task_begins();
        }
        Self {
            place,
            is_job: place == Place::Job,
            is_watched: watch.is_some(),
            reactor: Some(reactor),
        }
    }

    fn exchange(&mut self) {
        self.reactor = replace(self.reactor.take());
        self.place = PLACE.replace(self.place);
    }
}

impl Surroundings for Current {
    fn enter(&mut self) {
        if self.is_watched {
            if let Some(watch) = self.reactor.as_ref().and_then(Reactor::watch) {
                watch.collector().enter();
            }
        }
        self.exchange();
        if self.is_job && self.place == Place::LoopWithJobs {
            PLACE.set(Place::LoopWithJobs);
        }
    }

    fn leave(&mut self) {
        self.exchange();
        if self.is_watched {
            unhandled::leave();
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        if self.is_watched {
            if let Some(watch) = self.reactor.as_ref().and_then(Reactor::watch) {
                watch.task_ends();
            }
        }
    }
}
