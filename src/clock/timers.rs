//! The pending timers of a clock, in the order of the list that Twisted's `task.Clock` keeps.

use std::{
    collections::BTreeSet,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::{random::Random, shared::Shared};
use crate::{Aborted, Timer};

/// Timers that have not fired, sorted by when they are due; those due at the same time are in the order
/// in which they were made, or in a random one if there is a generator.
///
/// Moving a timer's deadline leaves it in its place until the list is sorted again, so the order of a
/// moved timer among those that it is now due with is the one of the places, and not of the calls.
#[derive(Default)]
pub(super) struct Timers {
    list: BTreeSet<Place>,
    pending: Vec<Option<Pending>>,
    /// The indices of `pending` that are free.
    free: Vec<usize>,
    /// The places of those that were moved since the list was sorted. They may have been dropped meanwhile.
    moved: Vec<Place>,
    next_number: u64,
    /// The lowest rank that was given, and the highest.
    ranks: (i64, i64),
    random: Option<Random>,
}

/// By what a timer is found until it fires. Numbers are not used again, indices are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    number: u64,
    index: usize,
}

struct Pending {
    /// Where it is in the list.
    place: Place,
    /// When it is due, which its place does not tell if it was moved.
    due: Instant,
    moved: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    due: Instant,
    /// The order among those that are due at the same time.
    rank: i64,
    id: Id,
}

impl Timers {
    pub(super) fn new(random: Option<Random>) -> Self {
        Self {
            random,
            ..Self::default()
        }
    }

    /// Takes the first timer out, if it is due: it has fired. Gives its deadline, and its waker if anyone waits.
    pub(super) fn fire_first(&mut self, now: Instant) -> Option<(Instant, Option<Waker>)> {
        if !self.is_due(now) {
            return None;
        }
        let place = self.list.pop_first()?;
        let timer = self.take(place.id)?;
        Some((place.due, timer.waker))
    }

    /// Whether there is one to fire. Timers may have been moved since the last time, so this sorts the list.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.sort();
        self.list.first().is_some_and(|place| place.due <= now)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        // Not simply the first one, as timers may have been moved.
        let mut in_place = self.list.iter().filter_map(|place| self.get(place.id));
        let in_place = in_place.find(|timer| !timer.moved);
        let moved = self.moved.iter().filter_map(|place| self.get(place.id));
        moved.chain(in_place).map(|timer| timer.due).min()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Empties the list, and gives whom to wake.
    pub(super) fn clear(&mut self) -> Vec<Waker> {
        mem::take(&mut self.list)
            .into_iter()
            .filter_map(|place| self.take(place.id)?.waker)
            .collect()
    }

    fn add(&mut self, due: Instant) -> Id {
        self.sort();
        let id = Id {
            number: self.next_number,
            index: self.free.pop().unwrap_or(self.pending.len()),
        };
        self.next_number += 1;
        let place = Place {
            due,
            rank: self.rank_behind(),
            id,
        };
        self.list.insert(place);
        let timer = Some(Pending {
            place,
            due,
            moved: false,
            waker: None,
        });
        match self.pending.get_mut(id.index) {
            Some(free) => *free = timer,
            None => self.pending.push(timer),
        }
        id
    }

    /// A timer, unless it has fired.
    fn get(&self, id: Id) -> Option<&Pending> {
        let timer = self.pending.get(id.index)?.as_ref();
        timer.filter(|timer| timer.place.id == id)
    }

    fn get_mut(&mut self, id: Id) -> Option<&mut Pending> {
        let timer = self.pending.get_mut(id.index)?.as_mut();
        timer.filter(|timer| timer.place.id == id)
    }

    /// Takes a timer out of `pending`, not out of the list.
    fn take(&mut self, id: Id) -> Option<Pending> {
        self.get(id)?;
        self.free.push(id.index);
        self.pending[id.index].take()
    }

    /// Changes when a timer is due, and leaves it in its place. False if it has fired.
    fn move_to(&mut self, id: Id, due: Instant) -> bool {
        let Some(timer) = self.get_mut(id) else {
            return false;
        };
        timer.due = due;
        if !mem::replace(&mut timer.moved, true) {
            let place = timer.place;
            self.moved.push(place);
        }
        true
    }

    fn remove(&mut self, id: Id) -> Option<Waker> {
        let timer = self.take(id)?;
        self.list.remove(&timer.place);
        timer.waker
    }

    /// Brings the moved timers to where a stable sort of the list by deadlines would.
    ///
    /// That is, among those that are due at the same time: one that stood before all of them, being due earlier, is now the
    /// first of them, and one that stood behind them the last. Those that were moved keep their order.
    fn sort(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        let mut moved = mem::take(&mut self.moved);
        // Whatever is left was dropped.
        moved.retain(|place| self.list.remove(place));
        moved.sort_unstable();
        // The last one first, as each goes before those that have gone before.
        for place in moved.iter().rev() {
            self.settle(place, |due| due > place.due, Self::rank_before);
        }
        for place in &moved {
            self.settle(place, |due| due <= place.due, Self::rank_behind);
        }
        // For the next ones, so that moving does not allocate every time.
        moved.clear();
        self.moved = moved;
    }

    /// Gives a moved timer its new place, if its new deadline is one of those that are asked for.
    fn settle(&mut self, old: &Place, asked: impl FnOnce(Instant) -> bool, rank: impl FnOnce(&mut Self) -> i64) {
        let Some(due) = self.get(old.id).map(|timer| timer.due).filter(|&due| asked(due)) else {
            return;
        };
        // One that was moved to and fro has never left.
        let rank = if due == old.due { old.rank } else { rank(self) };
        let place = Place { due, rank, ..*old };
        self.list.insert(place);
        if let Some(timer) = self.get_mut(old.id) {
            timer.place = place;
            timer.moved = false;
        }
    }

    fn rank_before(&mut self) -> i64 {
        self.random_rank().unwrap_or_else(|| {
            self.ranks.0 -= 1;
            self.ranks.0
        })
    }

    fn rank_behind(&mut self) -> i64 {
        self.random_rank().unwrap_or_else(|| {
            self.ranks.1 += 1;
            self.ranks.1
        })
    }

    fn random_rank(&mut self) -> Option<i64> {
        self.random.as_mut().map(|random| random.next() as i64)
    }
}

/// A timer of a clock: pending while it is in the list, and fired when it is not.
pub(super) struct ListedTimer {
    shared: Arc<Shared>,
    id: Id,
}

impl ListedTimer {
    pub(super) fn new(shared: Arc<Shared>, due: Instant) -> Self {
        let id = shared.lock().timers.add(due);
        Self { shared, id }
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
            let Some(timer) = state.timers.get_mut(self.id) else {
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
        if !state.timers.move_to(this.id, deadline) {
            this.id = state.timers.add(deadline);
        }
    }
}

impl Drop for ListedTimer {
    fn drop(&mut self) {
        let _waker = self.shared.lock().timers.remove(self.id);
    }
}
