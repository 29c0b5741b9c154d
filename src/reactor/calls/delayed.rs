//! The delayed calls of a reactor: a table of them, and the wheel that knows which are due.

use std::time::{Duration, Instant};

use super::wheel::{Entry, Wheel};

/// Delayed calls by the key that their handles have.
pub(super) struct Delayed<C: ?Sized> {
    /// Tick zero.
    base: Instant,
    resolution: Resolution,
    slots: Vec<Slot<C>>,
    /// The first free slot, or `NONE`.
    free: u32,
    live: usize,
    /// What a slot that is made has as its generation: none of those that were here had it.
    fresh: u32,
    wheel: Wheel,
    first: First,
    // Empty. Their memory is for `collect`.
    entries: Vec<Entry>,
    calls: Vec<Due>,
}

/// The tick of the first call. Not looked for each time that somebody asks.
#[derive(Clone, Copy)]
enum First {
    Unknown,
    /// That, or earlier than that.
    Known(Option<u64>),
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

/// How fine ticks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// A nanosecond: nothing is late.
    Exact,
    /// A millisecond: calls that are due in the same one share a wake-up of the loop.
    Coalesced,
}

impl Resolution {
    fn nanos(self) -> u64 {
        match self {
            Self::Exact => 1,
            Self::Coalesced => 1_000_000,
        }
    }

    /// The tick at which a deadline is due. Never before it.
    fn tick(self, deadline: u64) -> u64 {
        match self {
            Self::Exact => deadline,
            Self::Coalesced => deadline.div_ceil(1_000_000),
        }
    }

    /// The last tick that is over at a point of time.
    fn tick_over(self, nanos: u64) -> u64 {
        match self {
            Self::Exact => nanos,
            Self::Coalesced => nanos / 1_000_000,
        }
    }
}

/// What a handle finds its call by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

/// A call that is due: it is to be called, unless it is cancelled or put off until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    deadline: u64,
    /// Among those of the same deadline.
    order: u32,
    entry: Entry,
}

impl<C: ?Sized> Delayed<C> {
    pub(super) fn new(base: Instant, resolution: Resolution) -> Self {
        Self {
            base,
            resolution,
            slots: Vec::new(),
            free: NONE,
            live: 0,
            fresh: 0,
            wheel: Wheel::default(),
            first: First::Known(None),
            entries: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// How many calls are pending.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Adds a call. Gives its tick beside its key.
    pub(super) fn add(&mut self, deadline: Instant, call: Box<C>) -> (Key, u64) {
        let deadline = self.nanos(deadline);
        let index = self.free;
        let index = if index == NONE {
            // As many calls as that do not fit into memory.
            let index = self.slots.len() as u32;
            self.slots.push(Slot {
                deadline,
                call: Some(call),
                generation: self.fresh,
                stamp: 0,
            });
            index
        } else {
            let slot = &mut self.slots[index as usize];
            self.free = slot.deadline as u32;
            slot.deadline = deadline;
            slot.call = Some(call);
            index
        };
        self.live += 1;
        let Slot { generation, stamp, .. } = self.slots[index as usize];
        let tick = self.resolution.tick(deadline);
        self.add_to_wheel(Entry { index, stamp }, tick);
        (Key { index, generation }, tick)
    }

    /// When a call is due, if it is pending.
    pub(super) fn deadline(&self, key: Key) -> Option<Instant> {
        self.find(key)
            .map(|slot| self.base + Duration::from_nanos(slot.deadline))
    }

    /// Takes a call out.
    pub(super) fn remove(&mut self, key: Key) -> Option<Box<C>> {
        let slot = self.find(key)?;
        let (stamp, tick) = (slot.stamp, self.resolution.tick(slot.deadline));
        let index = key.index;
        self.wheel.remove_last(Entry { index, stamp }, tick);
        let call = self.free(index);
        self.first_may_be_later();
        self.sweep();
        call
    }

    /// Changes when a call is due. Gives its new tick, or `None` if it is not pending.
    pub(super) fn reset(&mut self, key: Key, deadline: Instant) -> Option<u64> {
        self.find(key)?;
        let deadline = self.nanos(deadline);
        let tick = self.resolution.tick(deadline);
        let slot = &mut self.slots[key.index as usize];
        let is_put_off = deadline >= slot.deadline;
        slot.deadline = deadline;
        // Put off, it stays where it is in the wheel, which costs nothing, and moves on when that comes to it.
        if !is_put_off {
            slot.stamp = slot.stamp.wrapping_add(1);
            let entry = Entry {
                index: key.index,
                stamp: slot.stamp,
            };
            self.add_to_wheel(entry, tick);
            self.sweep();
        }
        self.first_may_be_later();
        Some(tick)
    }

    /// The tick at which the first call is due; or an earlier one, if that call is not the first any more.
    pub(super) fn next(&mut self) -> Option<u64> {
        if self.live == 0 {
            return None;
        }
        if let First::Known(tick) = self.first {
            return tick;
        }
        let tick = self.wheel.next(tick_of(&self.slots, self.resolution));
        self.first = First::Known(tick);
        tick
    }

    fn add_to_wheel(&mut self, entry: Entry, tick: u64) {
        self.wheel.add(entry, tick);
        if let First::Known(first) = &mut self.first {
            *first = Some(first.map_or(tick, |first| first.min(tick)));
        }
    }

    /// A call is over, or was put off. The loop may wake once in vain for it, but not in virtual time, where that would be
    /// seen.
    fn first_may_be_later(&mut self) {
        if self.resolution == Resolution::Exact || self.live == 0 {
            self.first = First::Unknown;
        }
    }

    /// When a tick is over. Never before a deadline that it is of.
    pub(super) fn time_of(&self, tick: u64) -> Instant {
        let since = Duration::from_nanos(tick.saturating_mul(self.resolution.nanos()));
        super::super::time::after(self.base, since)
    }

    /// The last tick that is over.
    pub(super) fn tick_over(&self, now: Instant) -> u64 {
        self.resolution.tick_over(self.nanos(now))
    }

    /// Adds what is due at a tick to a list, in the order of the deadlines, and of those that are equal, in the order in
    /// which they were made. Gives the first deadline.
    pub(super) fn collect(&mut self, tick: u64, due: &mut impl Extend<Due>) -> Option<Instant> {
        if matches!(self.first, First::Known(first) if first.is_none_or(|first| first > tick)) {
            return None;
        }
        self.first = First::Unknown;
        let Self { entries, calls, .. } = self;
        self.wheel.advance(tick, entries, tick_of(&self.slots, self.resolution));
        for entry in entries.drain(..) {
            let slot = &self.slots[entry.index as usize];
            if !is_live(slot, entry) {
                continue;
            }
            let deadline = slot.deadline;
            let due_at = self.resolution.tick(deadline);
            if due_at > tick {
                self.wheel.add(entry, due_at);
            } else {
                let order = calls.len() as u32;
                calls.push(Due { deadline, order, entry });
            }
        }
        // Stable by its key, and without memory for that.
        calls.sort_unstable_by_key(|call| (call.deadline, call.order));
        let first = calls
            .first()
            .map(|call| self.base + Duration::from_nanos(call.deadline));
        due.extend(calls.drain(..));
        first
    }

    /// Takes out a call whose turn it is. `None` if it was cancelled, or is due later now.
    pub(super) fn take(&mut self, due: Due) -> Option<Box<C>> {
        let Due { deadline, entry, .. } = due;
        let slot = self.slots.get(entry.index as usize)?;
        if !is_live(slot, entry) {
            return None;
        }
        if slot.deadline > deadline {
            let tick = self.resolution.tick(slot.deadline);
            self.add_to_wheel(entry, tick);
            return None;
        }
        self.free(entry.index)
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
        if self.wheel.len() > 2 * self.live + FEW {
            let slots = &self.slots;
            self.wheel.sweep(|entry| is_live(&slots[entry.index as usize], entry));
        }
    }

    /// Gives back the memory of a burst that is over. No call may be due and not taken.
    pub(super) fn shrink(&mut self) {
        if self.live == 0 && self.slots.capacity() > FEW {
            // Handles on calls that are over must not take others for theirs.
            let used = self.slots.iter().map(|slot| slot.generation).max();
            self.fresh = used.map_or(self.fresh, |used| used.wrapping_add(1));
            self.slots = Vec::new();
            self.entries = Vec::new();
            self.calls = Vec::new();
            self.free = NONE;
            self.wheel.sweep(|_| false);
            self.first = First::Unknown;
        }
    }
}

fn is_live<C: ?Sized>(slot: &Slot<C>, entry: Entry) -> bool {
    slot.stamp == entry.stamp && slot.call.is_some()
}

fn tick_of<C: ?Sized>(slots: &[Slot<C>], resolution: Resolution) -> impl Fn(Entry) -> Option<u64> {
    move |entry| {
        let slot = &slots[entry.index as usize];
        is_live(slot, entry).then(|| resolution.tick(slot.deadline))
    }
}
