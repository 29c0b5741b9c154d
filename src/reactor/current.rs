//! The reactor of the running task, and whether the thread runs a loop.

use std::{
    cell::Cell,
    error::Error,
    fmt, io,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::Location,
    time::{Duration, Instant},
};

use super::{Reactor, Watch, slow};
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
pub(crate) fn runs_loop() -> bool {
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
#[inline]
fn replace(reactor: Option<Reactor>) -> Option<Reactor> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(reactor)))
}

pub(super) fn current() -> Result<Reactor, NoReactor> {
    let reactor = replace(None);
    let current = reactor.clone();
    replace(reactor);
    current.ok_or(NoReactor(()))
}

pub(super) fn none() -> NoReactor {
    NoReactor(())
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

/// The reactor of a task or blocking job, which is current while code of that runs. It is lent to the thread, so
/// that a poll costs no reference counting; meanwhile the thread's own is here.
///
/// It lies in the allocation of every task, so nothing else does.
pub(super) struct Current<const IS_JOB: bool>(Option<Reactor>);

/// What the thread had before, and is to have again, beside its reactor.
pub(super) struct Before {
    place: Place,
    /// Of the task.
    is_watched: bool,
    /// For how long the loop may be held, and since when it is.
    held: Option<(Duration, Instant)>,
}

impl<const IS_JOB: bool> Current<IS_JOB> {
    pub(super) fn new(reactor: Reactor) -> Self {
        if let Some(watch) = reactor.watch() {
            watch.task_begins();
        }
        Self(Some(reactor))
    }

    fn watch(&self) -> Option<&Watch> {
        self.0.as_ref().and_then(Reactor::watch)
    }
}

impl<const IS_JOB: bool> Surroundings for Current<IS_JOB> {
    type Before = Before;

    #[inline]
    fn enter(&mut self) -> Before {
        let watch = self.watch();
        if let Some(watch) = watch {
            watch.collector().enter();
        }
        let is_watched = watch.is_some();
        // A job holds no loop.
        let limit = self.0.as_ref().and_then(Reactor::slow_limit).filter(|_| !IS_JOB);
        let held = limit.map(|limit| (limit, Instant::now()));
        self.0 = replace(self.0.take());
        let place = PLACE.get();
        PLACE.set(match place {
            Place::LoopWithJobs if IS_JOB => place,
            _ if IS_JOB => Place::Job,
            _ => Place::Loop,
        });
        Before {
            place,
            is_watched,
            held,
        }
    }

    #[inline]
    fn leave(&mut self, before: Before, made_at: impl FnOnce() -> &'static Location<'static>) {
        if let Some((limit, begun)) = before.held {
            slow::check(slow::What::Poll, made_at(), limit, begun.elapsed());
        }
        PLACE.set(before.place);
        self.0 = replace(self.0.take());
        if before.is_watched {
            unhandled::leave();
        }
    }

    fn drop_cancelled(drop: &mut dyn FnMut()) {
        match current() {
            Ok(reactor) => reactor.event_loop().drop_cancelled(drop),
            // Only a guard that was dropped out of order leaves none.
            Err(_) => drop(),
        }
    }
}

impl<const IS_JOB: bool> Drop for Current<IS_JOB> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch() {
            watch.task_ends();
        }
    }
}

/// A reactor that is current for its callbacks until this is dropped.
pub(super) struct Inside {
    reactor: Option<Reactor>,
    place: Place,
    is_watched: bool,
}

impl Inside {
    pub(super) fn new(reactor: Reactor) -> Self {
        let watch = reactor.watch();
        if let Some(watch) = watch {
            watch.collector().enter();
        }
        Self {
            is_watched: watch.is_some(),
            place: PLACE.replace(Place::Loop),
            reactor: replace(Some(reactor)),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        PLACE.set(self.place);
        drop(replace(self.reactor.take()));
        if self.is_watched {
            unhandled::leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_keeps_its_reactor_and_nothing_else() {
        // Eight bytes more, and the allocator takes sixteen for each task: measured to cost a tenth of spawning.
        assert_eq!(size_of::<Current<false>>(), size_of::<Reactor>());
        assert_eq!(size_of::<Current<true>>(), size_of::<Reactor>());
    }
}
