//! Tasks that wait for the same thing.

use std::{mem, task::Waker};

/// Whether others may poll as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nobody: whoever polls has what it polls to itself, so those that have polled before wait no more.
    Sole,
    /// Others may, and wait for their own.
    Shared,
}

/// The wakers of tasks that wait. They are woken, and dropped, by whoever has taken them out of the lock.
#[derive(Default)]
pub(super) struct Parked {
    last: Option<Waker>,
    /// Those that came before; mostly there are none.
    others: Vec<Waker>,
}

impl Parked {
    /// Whether adding a waker would change nothing.
    pub(super) fn has(&self, waker: &Waker, access: Access) -> bool {
        let is_last = self.last.as_ref().is_some_and(|last| last.will_wake(waker));
        match access {
            Access::Sole => is_last && self.others.is_empty(),
            Access::Shared => is_last || self.others.iter().any(|other| other.will_wake(waker)),
        }
    }

    /// Adds a waker, and gives those that it replaces, to drop.
    #[must_use = "wakers are dropped outside of the lock"]
    pub(super) fn add(&mut self, waker: Waker, access: Access) -> Self {
        let replaced = match access {
            Access::Sole => mem::take(self),
            Access::Shared => Self::default(),
        };
        self.others.extend(self.last.replace(waker));
        replaced
    }

    /// Takes all out, to wake them.
    #[must_use = "they are to be woken"]
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// Wakes all, in the order in which they came.
    pub(super) fn wake(self) {
        self.others.into_iter().chain(self.last).for_each(Waker::wake);
    }
}
