//! The reactor of the running task.

use std::{cell::Cell, error::Error, fmt, io, marker::PhantomData, mem::ManuallyDrop};

use super::Reactor;
use crate::deferred::Surroundings;

thread_local! {
    // Without a destructor, so that access costs no check for one. It is empty at a thread's end, unless
    // somebody has forgotten a guard.
    static CURRENT: Cell<ManuallyDrop<Option<Reactor>>> = const { Cell::new(ManuallyDrop::new(None)) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
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

pub(super) fn none() -> NoReactor {
    NoReactor(())
}

/// No reactor is current here. See [`Reactor::current`].
#[derive(Clone, Debug)]
pub struct NoReactor(());

impl fmt::Display for NoReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no reactor is current on this thread: spawn this code through a `Reactor`, \
             hold the guard of `Reactor::enter`, or pass the `Reactor` in",
        )
    }
}

impl Error for NoReactor {}

impl From<NoReactor> for io::Error {
    fn from(error: NoReactor) -> Self {
        io::Error::other(error)
    }
}

/// Keeps a reactor current on this thread. See [`Reactor::enter`].
#[derive(Debug)]
#[must_use = "the reactor is current only as long as this guard lives"]
pub struct Entered<'a> {
    previous: Option<Reactor>,
    depth: usize,
    /// A guard belongs to its thread, and to the reactor it was made of.
    not_send: PhantomData<(*const (), &'a Reactor)>,
}

impl Entered<'_> {
    pub(super) fn new(reactor: &Reactor) -> Self {
        let previous = replace(Some(reactor.clone()));
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        Self {
            previous,
            depth,
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
        drop(replace(self.previous.take()));
    }
}

/// The reactor of a task, which is current while code of the task runs. It is lent to the thread, so
/// that a poll costs no reference counting; meanwhile the thread's own is here.
pub(super) struct Current(Option<Reactor>);

impl Current {
    pub(super) fn new(reactor: Reactor) -> Self {
        Self(Some(reactor))
    }
}

impl Surroundings for Current {
    fn exchange(&mut self) {
        self.0 = replace(self.0.take());
    }
}
