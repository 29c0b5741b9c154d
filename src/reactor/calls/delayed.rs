//! The delayed calls of a reactor: a table of them, beside what knows which are due.

use std::{
    task::Waker,
    time::{Duration, Instant},
};

use super::{ticks::Ticks, timers::Timers, wheel::Entry};
use crate::{EventLoop, time::after};

/// Delayed calls by the key that their handles have.
pub(super) struct Delayed<C: ?Sized> {
    base: Instant,
    slots: Vec<Slot<C>>,
    /// The first free slot, or `NONE`.
    free: u32,
    live: usize,
    /// What a slot that is made has as its generation: none of those that were here had it.
    fresh: u32,
    order: Order,
    // Empty. Its memory is for `collect`.
    due: Vec<Due>,
}

/// What knows which calls are due.
enum Order {
    /// In real time.
    Ticks(Ticks),
    /// In virtual time.
    Timers(Timers),
}

struct Slot<C: ?Sized> {
    /// In nanoseconds since the base. In a free slot, the next free one.
    deadline: u64,
    /// `None` in a free slot.
    call: Option<Box<C>>,
    /// Which of the calls that were here in turn this is.
    generation: u32,
    /// Which of the times that something here was scheduled is the one that counts.
    stamp: u32,
}

const NONE: u32 = u32::MAX;

/// Below this, what is stale or unused is no burden.
const FEW: usize = 1024;

/// What a handle finds its call by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// The key in one word, which is less than the two greatest.
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.index) << 32 | u64::from(self.generation)
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self {
            index: (bits >> 32) as u32,
            generation: bits as u32,
        }
    }
}

/// A call that is due: it is to be called, unless it is cancelled or put off until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    deadline: u64,
    /// Among those of the same deadline.
    order: u32,
    entry: Entry,
}

/// What the loop waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The end of a tick.
    Tick(u64),
    /// Timers that wake it by themselves.
    Woken,
}

impl<C: ?Sized> Delayed<C> {
    pub(super) fn new(event_loop: &dyn EventLoop) -> Self {
        Self {
            base: event_loop.now(),
            slots: Vec::new(),
            free: NONE,
            live: 0,
            fresh: 0,
            order: if event_loop.is_virtual() {
                Order::Timers(Timers::default())
            } else {
                Order::Ticks(Ticks::default())
            },
            due: Vec::new(),
        }
    }

    /// How many calls are pending.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Adds a call. One that `is_due` does not wait for the end of a tick.
    pub(super) fn add(
        &mut self,
        deadline: Instant,
        is_due: bool,
        call: Box<C>,
        event_loop: &dyn EventLoop,
    ) -> (Key, Next) {
        let nanos = self.nanos(deadline);
        let index = self.free;
        let index = if index == NONE {
            // As many calls as that do not fit into memory.
            let index = self.slots.len() as u32;
            self.slots.push(Slot {
                deadline: nanos,
                call: Some(call),
                generation: self.fresh,
                stamp: 0,
            });
            index
        } else {
            let slot = &mut self.slots[index as usize];
            self.free = slot.deadline as u32;
            slot.deadline = nanos;
            slot.call = Some(call);
            index
        };
        self.live += 1;
        let Slot { generation, stamp, .. } = self.slots[index as usize];
        let entry = Entry { index, stamp };
        let next = match &mut self.order {
            Order::Ticks(ticks) => Next::Tick(ticks.add(entry, nanos, is_due)),
            Order::Timers(timers) => {
                timers.add(entry, nanos, deadline, event_loop);
                Next::Woken
            }
        };
        (Key { index, generation }, next)
    }

    /// When a call is due, if it is pending.
    pub(super) fn deadline(&self, key: Key) -> Option<Instant> {
        self.find(key)
            .map(|slot| self.base + Duration::from_nanos(slot.deadline))
    }

    /// Takes a call out.
    pub(super) fn remove(&mut self, key: Key) -> Option<Box<C>> {
        let slot = self.find(key)?;
        let (stamp, deadline) = (slot.stamp, slot.deadline);
        let index = key.index;
        if let Order::Ticks(ticks) = &mut self.order {
            ticks.remove(Entry { index, stamp }, deadline);
        }
        let call = self.free(index);
        self.sweep();
        call
    }

    /// Changes when a call is due. `None` if it is not pending.
    pub(super) fn reset(&mut self, key: Key, deadline: Instant, event_loop: &dyn EventLoop) -> Option<Next> {
        let before = self.find(key)?.deadline;
        let nanos = self.nanos(deadline);
        let index = key.index;
        let slot = &mut self.slots[index as usize];
        slot.deadline = nanos;
        // Put off, it stays where it is in the wheel, which costs nothing, and moves on when that comes to it.
        if let (Order::Ticks(_), true) = (&self.order, nanos >= before) {
            return Some(Next::Tick(u64::MAX));
        }
        slot.stamp = slot.stamp.wrapping_add(1);
        let stamp = slot.stamp;
        let entry = Entry { index, stamp };
        let next = match &mut self.order {
            Order::Ticks(ticks) => Next::Tick(ticks.add(entry, nanos, false)),
            Order::Timers(timers) => {
                timers.set(entry, before, deadline, event_loop);
                Next::Woken
            }
        };
        self.sweep();
        Some(next)
    }

    /// What the loop is to wait for; `None` if no call is pending. In virtual time its waker is kept.
    pub(super) fn next(&mut self) -> Option<Next> {
        if self.live == 0 {
            return None;
        }
        match &mut self.order {
            Order::Ticks(ticks) => ticks.next(deadline_of(&self.slots)).map(Next::Tick),
            Order::Timers(_) => Some(Next::Woken),
        }
    }

    /// When a tick is over. Never before a deadline that it is of.
    pub(super) fn end_of(&self, tick: u64) -> Instant {
        after(self.base, Ticks::end_of(tick))
    }

    /// Adds what is due to a list: in the order of the deadlines, and of those that are equal, in the order in which they were
    /// made; or as their timers have fired, which wake the task from now on. Gives the first deadline.
    pub(super) fn collect(&mut self, now: Instant, waker: &Waker, list: &mut impl Extend<Due>) -> Option<Instant> {
        let now = self.nanos(now);
        let Self { due, slots, .. } = self;
        match &mut self.order {
            Order::Ticks(ticks) => {
                ticks.collect(now, deadline_of(slots), |entry, deadline| {
                    let order = due.len() as u32;
                    due.push(Due { deadline, order, entry });
                });
                // Stable by its key, and without memory for that.
                due.sort_unstable_by_key(|due| (due.deadline, due.order));
            }
            Order::Timers(timers) => {
                for entry in timers.fired(waker) {
                    if let Some(deadline) = deadline_of(slots)(entry) {
                        due.push(Due {
                            deadline,
                            order: 0,
                            entry,
                        });
                    }
                }
            }
        }
        let first = due.first().map(|due| self.base + Duration::from_nanos(due.deadline));
        list.extend(due.drain(..));
        first
    }

    /// Takes out a call whose turn it is. `None` if it was cancelled, or is due later now.
    pub(super) fn take(&mut self, due: Due) -> Option<Box<C>> {
        let deadline = deadline_of(&self.slots)(due.entry)?;
        match &mut self.order {
            Order::Ticks(ticks) if deadline > due.deadline => {
                ticks.add(due.entry, deadline, false);
                None
            }
            _ => self.free(due.entry.index),
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.base);
        // Five hundred years.
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn find(&self, key: Key) -> Option<&Slot<C>> {
        let slot = self.slots.get(key.index as usize)?;
        (slot.generation == key.generation && slot.call.is_some()).then_some(slot)
    }

    fn free(&mut self, index: u32) -> Option<Box<C>> {
        let slot = &mut self.slots[index as usize];
        if let Order::Timers(timers) = &mut self.order {
            timers.remove(index, slot.deadline);
        }
        let call = slot.call.take();
        slot.generation = slot.generation.wrapping_add(1);
        slot.stamp = slot.stamp.wrapping_add(1);
        slot.deadline = u64::from(self.free);
        self.free = index;
        self.live -= 1;
        call
    }

    /// Drops what is stale, once it is more than what is not.
    fn sweep(&mut self) {
        if let Order::Ticks(ticks) = &mut self.order {
            if ticks.len() > 2 * self.live + FEW {
                let deadline_of = deadline_of(&self.slots);
                ticks.sweep(|entry| deadline_of(entry).is_some());
            }
        }
    }

    /// Gives back the memory of a burst that is over. No call may be due and not taken.
    pub(super) fn shrink(&mut self) {
        if self.live == 0 && self.slots.capacity() > FEW {
            // Handles on calls that are over must not take others for theirs.
            let used = self.slots.iter().map(|slot| slot.generation).max();
            self.fresh = used.map_or(self.fresh, |used| used.wrapping_add(1));
            self.slots = Vec::new();
            self.free = NONE;
            self.due = Vec::new();
            self.order = match self.order {
                Order::Ticks(_) => Order::Ticks(Ticks::default()),
                Order::Timers(_) => Order::Timers(Timers::default()),
            };
        }
    }
}

/// The deadline of what an entry stands for, unless it is stale.
fn deadline_of<C: ?Sized>(slots: &[Slot<C>]) -> impl Fn(Entry) -> Option<u64> {
    move |entry| {
        let slot = slots.get(entry.index as usize)?;
        (slot.stamp == entry.stamp && slot.call.is_some()).then_some(slot.deadline)
    }
}
