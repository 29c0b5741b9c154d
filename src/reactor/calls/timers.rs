//! Which delayed calls are due in virtual time: each has a timer of the loop's, and so a place among all others.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Wake, Waker},
    time::Instant,
};

use super::wheel::Entry;
use crate::{EventLoop, Timer};

/// The timers of the calls.
#[derive(Default)]
pub(super) struct Timers {
    /// By deadline, the calls that were never moved.
    in_order: BTreeMap<u64, Group>,
    /// By their place in the table, the timers of calls that were moved.
    moved: BTreeMap<u32, Pin<Box<dyn Timer>>>,
    next_id: u64,
    fired: Arc<Fired>,
}

/// The calls of one deadline in the order of their making, and as many timers. Calls keep that order, in whichever one the loop
/// lets timers of one deadline fire.
#[derive(Default)]
struct Group {
    calls: VecDeque<Entry>,
    timers: VecDeque<(u64, Pin<Box<dyn Timer>>)>,
}

/// A timer that has fired.
#[derive(Clone, Copy)]
enum Rung {
    /// One of the timers of a deadline.
    InOrder(u64, u64),
    /// That of a call that was moved.
    Moved(Entry),
}

/// What has fired, in that order, and the task that makes the calls.
#[derive(Default)]
struct Fired(Mutex<(Vec<Rung>, Option<Waker>)>);

impl Fired {
    fn lock(&self) -> MutexGuard<'_, (Vec<Rung>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of a timer.
struct Ring {
    fired: Arc<Fired>,
    rung: Rung,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let waker = {
            let mut fired = self.fired.lock();
            fired.0.push(self.rung);
            fired.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Timers {
    /// Makes the timer of a call. `nanos` is the deadline as its table has it.
    ///
    /// It is made, moved and polled under the lock of the calls: in virtual time that runs no foreign code.
    pub(super) fn add(&mut self, entry: Entry, nanos: u64, deadline: Instant, event_loop: &dyn EventLoop) {
        let id = self.next_id;
        self.next_id += 1;
        let mut timer = event_loop.timer(deadline);
        wait(timer.as_mut(), &self.fired, Rung::InOrder(nanos, id));
        let group = self.in_order.entry(nanos).or_default();
        group.calls.push_back(entry);
        group.timers.push_back((id, timer));
    }

    /// Moves the timer of a call, whose deadline was `before`.
    pub(super) fn set(&mut self, entry: Entry, before: u64, deadline: Instant, event_loop: &dyn EventLoop) {
        let mut timer = match self.remove(entry.index, before) {
            Some(mut timer) => {
                timer.as_mut().reset(deadline);
                timer
            }
            // It has fired, and its call has not had its turn yet.
            None => event_loop.timer(deadline),
        };
        wait(timer.as_mut(), &self.fired, Rung::Moved(entry));
        self.moved.insert(entry.index, timer);
    }

    /// Takes the timer of a call out, whose deadline was `before`. None if it has fired.
    pub(super) fn remove(&mut self, index: u32, before: u64) -> Option<Pin<Box<dyn Timer>>> {
        if let Some(timer) = self.moved.remove(&index) {
            return Some(timer);
        }
        let group = self.in_order.get_mut(&before)?;
        let place = group.calls.iter().position(|call| call.index == index)?;
        group.calls.remove(place);
        let timer = group.timers.remove(place);
        if group.calls.is_empty() {
            self.in_order.remove(&before);
        }
        timer.map(|(_, timer)| timer)
    }

    /// What has fired, in the order of the calls. The next one wakes the task that asks.
    pub(super) fn fired(&mut self, waker: &Waker) -> Vec<Entry> {
        let rung = {
            let mut fired = self.fired.lock();
            fired.1 = Some(waker.clone());
            mem::take(&mut fired.0)
        };
        rung.into_iter().filter_map(|rung| self.call_of(rung)).collect()
    }

    /// The call whose turn it is. None if that was cancelled or moved.
    fn call_of(&mut self, rung: Rung) -> Option<Entry> {
        match rung {
            Rung::Moved(entry) => Some(entry),
            Rung::InOrder(deadline, id) => {
                let group = self.in_order.get_mut(&deadline)?;
                let place = group.timers.iter().position(|timer| timer.0 == id)?;
                group.timers.remove(place);
                let call = group.calls.pop_front();
                if group.calls.is_empty() {
                    self.in_order.remove(&deadline);
                }
                call
            }
        }
    }
}

/// Polls a timer, so that it tells when it fires.
fn wait(timer: Pin<&mut dyn Timer>, fired: &Arc<Fired>, rung: Rung) {
    let fired = fired.clone();
    let waker = Waker::from(Arc::new(Ring { fired, rung }));
    if timer.poll(&mut Context::from_waker(&waker)).is_ready() {
        waker.wake();
    }
}
