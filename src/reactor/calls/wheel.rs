//! Which delayed calls are due at which tick: a hierarchical timing wheel.

use std::mem;

/// A delayed call as the wheel knows it: its place in the table of calls, and which of the times that it was scheduled
/// there this is. One that was scheduled again since, or is over, is stale, and dropped when it is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) index: u32,
    pub(super) stamp: u32,
}

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// The slot of a tick within its level.
const MASK: u64 = SLOTS as u64 - 1;

/// Entries by tick, cheap to add and to take out in order. Where two have the same tick, the one that was added first is first.
///
/// An entry is in the level of the highest digit (of six bits) in which its tick differs from the present. When the present
/// comes to its slot, it moves down. So the entries of a lower level are due before all of a higher one.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    /// The present: what is due then is in `due`, or was taken.
    elapsed: u64,
    due: Vec<Entry>,
    /// Made when they are needed.
    levels: Vec<Level>,
    /// How many entries there are.
    len: usize,
    /// Empty: the memory of the slot that was emptied last.
    spare: Vec<Entry>,
}

#[derive(Debug)]
struct Level {
    /// A bit for each slot that has entries.
    occupied: u64,
    slots: [Vec<Entry>; SLOTS],
}

impl Level {
    fn new() -> Self {
        Self {
            occupied: 0,
            slots: [const { Vec::new() }; SLOTS],
        }
    }

    /// Empties a slot.
    fn slot(&mut self, slot: usize) -> &mut Vec<Entry> {
        self.occupied &= !(1 << slot);
        &mut self.slots[slot]
    }
}

impl Wheel {
    /// How many entries there are, stale ones included.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn add(&mut self, entry: Entry, tick: u64) {
        self.len += 1;
        let Some((level, slot)) = self.place(tick) else {
            self.due.push(entry);
            return;
        };
        while self.levels.len() <= level {
            self.levels.push(Level::new());
        }
        let level = &mut self.levels[level];
        level.occupied |= 1 << slot;
        level.slots[slot].push(entry);
    }

    /// Takes an entry out again, if it is the last one that was added to its slot. Otherwise it stays, and becomes stale.
    pub(super) fn remove_last(&mut self, entry: Entry, tick: u64) {
        let slot = match self.place(tick) {
            None => &mut self.due,
            Some((level, slot)) => match self.levels.get_mut(level) {
                Some(level) => {
                    let entries = &mut level.slots[slot];
                    if let [only] = entries[..] {
                        if only == entry {
                            level.occupied &= !(1 << slot);
                        }
                    }
                    entries
                }
                None => return,
            },
        };
        if slot.last() == Some(&entry) {
            slot.pop();
            self.len -= 1;
        }
    }

    /// The level and slot of a tick; `None` for one that is due.
    fn place(&self, tick: u64) -> Option<(usize, usize)> {
        if tick <= self.elapsed {
            return None;
        }
        let level = (tick ^ self.elapsed).ilog2() / BITS;
        Some((level as usize, (tick >> (level * BITS) & MASK) as usize))
    }

    /// The first slot that has entries, and the tick at which it begins.
    fn first(&self) -> Option<(usize, usize, u64)> {
        let (at, level) = self.levels.iter().enumerate().find(|(_, level)| level.occupied != 0)?;
        let slot = level.occupied.trailing_zeros();
        Some((at, slot as usize, self.begins(at, slot)))
    }

    /// The first tick of a slot.
    fn begins(&self, level: usize, slot: u32) -> u64 {
        let shift = level as u32 * BITS;
        let above = (self.elapsed >> shift) & !MASK;
        (above | u64::from(slot)) << shift
    }

    /// The tick of the first entry. `tick_of` is `None` for the stale; it may be later than the tick that an entry was
    /// added with.
    pub(super) fn next(&self, tick_of: impl Fn(Entry) -> Option<u64>) -> Option<u64> {
        if self.due.iter().any(|&entry| tick_of(entry).is_some()) {
            return Some(self.elapsed);
        }
        let mut next = None;
        for (at, level) in self.levels.iter().enumerate() {
            let mut occupied = level.occupied;
            while occupied != 0 {
                let slot = occupied.trailing_zeros();
                occupied &= occupied - 1;
                let begins = self.begins(at, slot);
                if next.is_some_and(|next| next <= begins) {
                    return next;
                }
                for tick in level.slots[slot as usize].iter().filter_map(|&entry| tick_of(entry)) {
                    next = Some(next.map_or(tick, |next: u64| next.min(tick)));
                    if tick <= begins {
                        return next;
                    }
                }
            }
        }
        next
    }

    /// Goes on to a tick, and adds what is due then to a list: in the order of the ticks, stale entries included. `tick_of` is
    /// `None` for those.
    pub(super) fn advance(&mut self, to: u64, due: &mut Vec<Entry>, tick_of: impl Fn(Entry) -> Option<u64>) {
        while let Some((level, slot, begins)) = self.first() {
            if begins > to {
                break;
            }
            self.elapsed = begins;
            let slot = self.levels[level].slot(slot);
            if level == 0 {
                // Keeps the slot's memory, as allocating it for each tick anew would be felt.
                self.due.append(slot);
                continue;
            }
            let mut entries = mem::replace(slot, mem::take(&mut self.spare));
            self.len -= entries.len();
            for entry in entries.drain(..) {
                if let Some(tick) = tick_of(entry) {
                    self.add(entry, tick);
                }
            }
            self.spare = entries;
        }
        self.elapsed = self.elapsed.max(to);
        self.len -= self.due.len();
        due.append(&mut self.due);
    }

    /// Drops the stale entries.
    pub(super) fn sweep(&mut self, is_live: impl Fn(Entry) -> bool) {
        self.due.retain(|&entry| is_live(entry));
        self.due.shrink_to(2 * self.due.len());
        self.len = self.due.len();
        self.spare = Vec::new();
        for level in &mut self.levels {
            for (at, slot) in level.slots.iter_mut().enumerate() {
                slot.retain(|&entry| is_live(entry));
                slot.shrink_to(2 * slot.len());
                self.len += slot.len();
                if slot.is_empty() {
                    level.occupied &= !(1 << at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Wheel {
        fn advanced(&mut self, to: u64, tick_of: impl Fn(Entry) -> Option<u64>) -> Vec<Entry> {
            let mut due = Vec::new();
            self.advance(to, &mut due, tick_of);
            due
        }
    }

    fn entry(index: u32) -> Entry {
        Entry { index, stamp: 0 }
    }

    /// The wheel with entries for these ticks, and what is due at each of its ticks.
    fn run(ticks: &[u64]) -> Vec<(u64, Vec<u32>)> {
        let mut wheel = Wheel::default();
        let tick_of = |entry: Entry| Some(ticks[entry.index as usize]);
        for (index, &tick) in ticks.iter().enumerate() {
            wheel.add(entry(index as u32), tick);
        }
        let mut ran = Vec::new();
        while let Some(next) = wheel.next(tick_of) {
            let due = wheel.advanced(next, tick_of);
            ran.push((next, due.iter().map(|entry| entry.index).collect()));
        }
        assert_eq!(wheel.len(), 0);
        ran
    }

    #[test]
    fn entries_come_in_the_order_of_their_ticks_and_then_as_they_were_added() {
        assert_eq!(
            run(&[70, 3, 0, 3, 4_100, 70, u64::MAX, 64, 63, 1 << 40]),
            [
                (0, vec![2]),
                (3, vec![1, 3]),
                (63, vec![8]),
                (64, vec![7]),
                (70, vec![0, 5]),
                (4_100, vec![4]),
                (1 << 40, vec![9]),
                (u64::MAX, vec![6])
            ]
        );
    }

    #[test]
    fn a_jump_takes_all_that_is_due_and_keeps_the_rest() {
        let ticks = [5_000, 10, 130, 129, 10, 200_000];
        let tick_of = |entry: Entry| Some(ticks[entry.index as usize]);
        let mut wheel = Wheel::default();
        for (index, &tick) in ticks.iter().enumerate() {
            wheel.add(entry(index as u32), tick);
        }
        let due = wheel.advanced(130, tick_of).iter().map(|e| e.index).collect::<Vec<_>>();
        assert_eq!(due, [1, 4, 3, 2]);
        assert_eq!(wheel.next(tick_of), Some(5_000));
        assert_eq!(wheel.advanced(4_999, tick_of), []);
        assert_eq!(wheel.advanced(5_000, tick_of), [entry(0)]);
        // What is due already comes with the next step.
        wheel.add(entry(1), 10);
        assert_eq!(wheel.next(tick_of), Some(5_000));
        assert_eq!(wheel.advanced(5_000, tick_of), [entry(1)]);
    }

    #[test]
    fn the_last_entry_is_taken_out_and_others_become_stale() {
        let mut wheel = Wheel::default();
        wheel.add(entry(0), 100);
        wheel.add(entry(1), 100);
        wheel.remove_last(entry(0), 100);
        assert_eq!(wheel.len(), 2);
        wheel.remove_last(entry(1), 100);
        wheel.remove_last(entry(0), 100);
        assert_eq!(wheel.len(), 0);
        assert_eq!(wheel.next(|_| Some(100)), None);
        wheel.add(entry(0), 100);
        wheel.add(entry(1), 7_000);
        wheel.sweep(|entry| entry.index == 1);
        assert_eq!((wheel.len(), wheel.next(|_| Some(7_000))), (1, Some(7_000)));
    }

    /// A generator of numbers that is good enough to choose ticks.
    fn random(seed: &mut u64) -> u64 {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }

    #[test]
    fn random_steps_agree_with_a_sorted_list() {
        let mut seed = 7;
        for round in 0..200 {
            let mut wheel = Wheel::default();
            let mut ticks: Vec<u64> = Vec::new();
            let mut list: Vec<(u64, u32)> = Vec::new();
            let mut now = 0;
            let span = 1 << (round % 40);
            for _ in 0..200 {
                if random(&mut seed) % 3 > 0 {
                    let tick = now + random(&mut seed) % span;
                    let index = ticks.len() as u32;
                    ticks.push(tick);
                    wheel.add(entry(index), tick);
                    let place = list.partition_point(|&(other, _)| other <= tick);
                    list.insert(place, (tick, index));
                } else {
                    let tick_of = |entry: Entry| Some(ticks[entry.index as usize]);
                    let next = wheel.next(tick_of);
                    assert_eq!(
                        next.map(|tick| tick.max(now)),
                        list.first().map(|&(tick, _)| tick.max(now))
                    );
                    now += random(&mut seed) % span;
                    let due = wheel.advanced(now, tick_of).iter().map(|e| e.index).collect::<Vec<_>>();
                    let left = list.split_off(list.partition_point(|&(tick, _)| tick <= now));
                    let mut due_in_list = list.iter().map(|&(_, index)| index).collect::<Vec<_>>();
                    list = left;
                    // What was due when it was added comes after the others.
                    let (mut due, past) = (due, &mut due_in_list);
                    due.sort_by_key(|&index| ticks[index as usize]);
                    past.sort_by_key(|&index| ticks[index as usize]);
                    assert_eq!(due, *past);
                }
            }
        }
    }
}
