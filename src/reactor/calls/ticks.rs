//! Which delayed calls are due in real time: those that are due in the same millisecond share a wake-up of the loop.

use std::time::Duration;

use super::wheel::{Entry, Wheel};

/// In nanoseconds.
const TICK: u64 = 1_000_000;

/// A wheel of milliseconds. Deadlines are in nanoseconds since the start.
#[derive(Default)]
pub(super) struct Ticks {
    wheel: Wheel,
    first: First,
    // Empty. Its memory is for `collect`.
    entries: Vec<Entry>,
}

/// The tick of the first call. Not looked for each time that somebody asks.
#[derive(Clone, Copy)]
enum First {
    Unknown,
    /// That, or earlier than that.
    Known(Option<u64>),
}

impl Default for First {
    fn default() -> Self {
        Self::Known(None)
    }
}

/// The tick at the end of which a deadline is over.
fn tick(deadline: u64) -> u64 {
    deadline.div_ceil(TICK)
}

impl Ticks {
    /// How many entries there are, stale ones included.
    pub(super) fn len(&self) -> usize {
        self.wheel.len()
    }

    /// Adds a call, and gives its tick. One that is due does not wait for the end of the tick that goes on.
    pub(super) fn add(&mut self, entry: Entry, deadline: u64, is_due: bool) -> u64 {
        let tick = if is_due { 0 } else { tick(deadline) };
        self.wheel.add(entry, tick);
        if let First::Known(first) = &mut self.first {
            *first = Some(first.map_or(tick, |first| first.min(tick)));
        }
        tick
    }

    /// Takes a call out, if that is cheap. Otherwise it becomes stale.
    pub(super) fn remove(&mut self, entry: Entry, deadline: u64) {
        self.wheel.remove_last(entry, tick(deadline));
    }

    /// The tick at which the first call is due; or an earlier one, if that call is not the first any more.
    pub(super) fn next(&mut self, deadline_of: impl Fn(Entry) -> Option<u64>) -> Option<u64> {
        if let First::Known(tick) = self.first {
            return tick;
        }
        let next = self.wheel.next(|entry| deadline_of(entry).map(tick));
        self.first = First::Known(next);
        next
    }

    /// When a tick is over, since the start.
    pub(super) fn end_of(tick: u64) -> Duration {
        Duration::from_nanos(tick.saturating_mul(TICK))
    }

    /// Gives all that is due, in the order of the ticks, stale entries included.
    pub(super) fn collect(
        &mut self,
        now: u64,
        deadline_of: impl Fn(Entry) -> Option<u64>,
        mut due: impl FnMut(Entry, u64),
    ) {
        // What is left of the present tick is not over.
        let over = now / TICK;
        if matches!(self.first, First::Known(first) if first.is_none_or(|first| first > over)) {
            return;
        }
        self.first = First::Unknown;
        let Self { wheel, entries, .. } = self;
        wheel.advance(over, entries, |entry| deadline_of(entry).map(tick));
        for entry in entries.drain(..) {
            match deadline_of(entry) {
                // Put off since.
                Some(deadline) if deadline > now => wheel.add(entry, tick(deadline)),
                Some(deadline) => due(entry, deadline),
                None => {}
            }
        }
    }

    /// Drops the stale entries.
    pub(super) fn sweep(&mut self, is_live: impl Fn(Entry) -> bool) {
        self.wheel.sweep(is_live);
    }
}
