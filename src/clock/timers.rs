//! The pending timers of a clock, as the list that Twisted's `task.Clock` keeps.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::shared::Shared;
use crate::{Aborted, Timer};

/// Timers that have not fired, sorted by when they are due; those due at the same time are in the order
/// in which they were made.
///
/// Moving a timer's deadline leaves it in its place until the list is sorted again, so the order of a
/// moved timer among those that it is now due with is the one of the places, and not of the calls.
#[derive(Default)]
pub(super) struct Timers {
    pending: Vec<Pending>,
    /// Whether a timer was moved since the list was sorted.
    moved: bool,
    next_number: u64,
}

struct Pending {
    number: u64,
    due: Instant,
    waker: Option<Waker>,
}

impl Timers {
    /// Adds a timer, and gives the number by which it is found until it fires.
    pub(super) fn add(&mut self, due: Instant) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.sort();
        // Where appending it and sorting again would bring it.
        let place = self.pending.partition_point(|timer| timer.due <= due);
        let timer = Pending {
            number,
            due,
            waker: None,
        };
        self.pending.insert(place, timer);
        number
    }

    /// Sorts the list again. Must be stable.
    pub(super) fn sort(&mut self) {
        if mem::take(&mut self.moved) {
            self.pending.sort_by_key(|timer| timer.due);
        }
    }

    /// Changes when a timer is due, and leaves it in its place. False if it has fired.
    fn move_to(&mut self, number: u64, due: Instant) -> bool {
        let Some(timer) = self.find(number) else {
            return false;
        };
        timer.due = due;
        self.moved = true;
        true
    }

    /// Takes the first timer out, if it is due: it has fired. Gives its waker, if anyone waits.
    pub(super) fn fire_first(&mut self, now: Instant) -> Option<Option<Waker>> {
        let due = self.pending.first()?.due <= now;
        due.then(|| self.pending.remove(0).waker)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        // Not simply the first one, as timers may have been moved.
        self.pending.iter().map(|timer| timer.due).min()
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Empties the list, and gives whom to wake.
    pub(super) fn clear(&mut self) -> Vec<Waker> {
        let pending = mem::take(&mut self.pending);
        pending.into_iter().filter_map(|timer| timer.waker).collect()
    }

    fn find(&mut self, number: u64) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|timer| timer.number == number)
    }

    fn remove(&mut self, number: u64) -> Option<Waker> {
        let place = self.pending.iter().position(|timer| timer.number == number)?;
        self.pending.remove(place).waker
    }
}

/// A timer of a clock: pending while it is in the list, and fired when it is not.
pub(super) struct ListedTimer {
    shared: Arc<Shared>,
    number: u64,
}

impl ListedTimer {
    pub(super) fn new(shared: Arc<Shared>, due: Instant) -> Self {
        let number = shared.lock().timers.add(due);
        Self { shared, number }
    }
}

impl Future for ListedTimer {
    type Output = Result<(), Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned before the lock is taken, and the one that it replaces is dropped after it.
        let waker = cx.waker().clone();
        let _replaced = {
            let mut state = self.shared.lock();
            if state.closed {
                return Poll::Ready(Err(Aborted::shut_down()));
            }
            let Some(timer) = state.timers.find(self.number) else {
                return Poll::Ready(Ok(()));
            };
            timer.waker.replace(waker)
        };
        Poll::Pending
    }
}

impl Timer for ListedTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        let this = &mut *self;
        let mut state = this.shared.lock();
        if !state.timers.move_to(this.number, deadline) {
            this.number = state.timers.add(deadline);
        }
    }
}

impl Drop for ListedTimer {
    fn drop(&mut self) {
        let _waker = self.shared.lock().timers.remove(self.number);
    }
}
