//! What a cooperator does.

use std::{
    mem, ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Budget,
    alarm::{self, Alarm, cancel},
    steps::Entry,
};
use crate::{Aborted, DelayedCall, Reactor, time::after};

/// The turns of a cooperator, which is what its tasks know of it.
pub(super) struct Turns {
    reactor: Reactor,
    /// Before each turn.
    pub(super) delay: Duration,
    pub(super) budget: Budget,
    state: Mutex<State>,
}

/// Locked before the state of a task, where both are.
pub(super) struct State {
    /// Those that can run.
    tasks: Vec<Arc<dyn Entry>>,
    /// The place of the next one in the list. Removing one leaves it as it is.
    cursor: usize,
    started: bool,
    stopped: bool,
    /// A turn is under way, possibly further down on this thread's stack.
    in_turn: bool,
    /// Set for the next turn.
    alarm: Alarm,
}

impl Turns {
    pub(super) fn new(reactor: &Reactor, delay: Duration, budget: Budget) -> Self {
        let state = State {
            tasks: Vec::new(),
            cursor: 0,
            started: true,
            stopped: false,
            in_turn: false,
            alarm: Alarm::default(),
        };
        Self {
            reactor: reactor.clone(),
            delay,
            budget,
            state: Mutex::new(state),
        }
    }

    /// Lets tasks wait until the start.
    pub(super) fn hold(&self) {
        self.lock().started = false;
    }

    pub(super) fn start(self: &Arc<Self>) {
        let turn = {
            let mut state = self.lock();
            state.stopped = false;
            // Once started, whoever adds a task schedules a turn, and a turn the next one.
            if mem::replace(&mut state.started, true) {
                None
            } else {
                state.next_turn()
            }
        };
        self.schedule(turn);
    }

    pub(super) fn is_started(&self) -> bool {
        self.lock().started
    }

    pub(super) fn is_running(&self) -> bool {
        let state = self.lock();
        state.started && !state.stopped
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Schedules a turn on the loop, for the alarm that was set. Not under the lock.
    pub(super) fn schedule(self: &Arc<Self>, turn: Option<u64>) {
        let Some(number) = turn else { return };
        let this = self.clone();
        let turn = move |waited| this.rung(number, waited);
        let at = (!self.delay.is_zero()).then(|| after(self.reactor.now(), self.delay));
        let call = alarm::call(&self.reactor, at, turn);
        let unwanted = self.lock().alarm.keep(number, call);
        cancel(unwanted);
    }

    fn rung(self: &Arc<Self>, number: u64, waited: Result<(), Aborted>) {
        {
            let mut state = self.lock();
            if !state.alarm.ring(number) {
                return;
            }
            // That turn schedules another when it ends.
            if state.in_turn {
                return;
            }
            state.in_turn = waited.is_ok();
        }
        if waited.is_err() {
            return self.stop();
        }
        let _turn = TurnEnd(self);
        let mut left = match self.budget {
            Budget::Units(units) => Left::Units(units),
            Budget::Time(time) => Left::Until(self.reactor.now().checked_add(time)),
        };
        while let Some(task) = self.next_task() {
            task.run_unit();
            if left.is_spent(&self.reactor) {
                break;
            }
        }
    }

    fn next_task(&self) -> Option<Arc<dyn Entry>> {
        let mut state = self.lock();
        if state.cursor >= state.tasks.len() {
            state.cursor = 0;
        }
        let task = state.tasks.get(state.cursor)?.clone();
        state.cursor += 1;
        Some(task)
    }

    pub(super) fn stop(&self) {
        let (tasks, turn) = {
            let mut state = self.lock();
            state.stopped = true;
            state.cursor = 0;
            let tasks = mem::take(&mut state.tasks);
            for task in &tasks {
                task.end_with_scheduler();
            }
            (tasks, state.alarm.unset())
        };
        cancel(turn);
        for task in tasks {
            task.notify();
        }
    }
}

impl State {
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Adds a task that can run. Gives the turn to schedule, if one is wanted.
    pub(super) fn add(&mut self, task: Arc<dyn Entry>) -> Option<u64> {
        self.tasks.push(task);
        self.next_turn()
    }

    /// Removes a task that cannot run any more, and is kept by the caller. Gives the turn to cancel, if it is
    /// not wanted any more.
    pub(super) fn remove(&mut self, task: *const ()) -> Option<DelayedCall> {
        let place = self
            .tasks
            .iter()
            .position(|entry| ptr::addr_eq(Arc::as_ptr(entry), task))?;
        self.tasks.remove(place);
        if self.tasks.is_empty() {
            self.alarm.unset()
        } else {
            None
        }
    }

    fn next_turn(&mut self) -> Option<u64> {
        let wanted = self.started && !self.tasks.is_empty() && !self.alarm.is_set();
        wanted.then(|| self.alarm.set())
    }
}

/// What is left of a turn's budget.
enum Left {
    Units(usize),
    Until(Option<Instant>),
}

impl Left {
    /// Whether nothing is left after one more unit.
    fn is_spent(&mut self, reactor: &Reactor) -> bool {
        match self {
            Self::Units(units) => {
                *units = units.saturating_sub(1);
                *units == 0
            }
            Self::Until(end) => end.is_some_and(|end| reactor.now() >= end),
        }
    }
}

/// Ends a turn, also when a destructor panics in it.
struct TurnEnd<'a>(&'a Arc<Turns>);

impl Drop for TurnEnd<'_> {
    fn drop(&mut self) {
        let turn = {
            let mut state = self.0.lock();
            state.in_turn = false;
            state.next_turn()
        };
        self.0.schedule(turn);
    }
}
