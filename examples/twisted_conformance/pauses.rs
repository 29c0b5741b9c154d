//! Pausing deferreds, and telling how far they have come.

use std::{
    collections::HashMap,
    mem::{self, ManuallyDrop},
};

use interloop::{Outcome as Answer, Pause, State};
use serde_json::json;

use crate::{
    program::Id,
    world::{D, Step, World},
};

/// What is known of deferreds that are, or may be, held back.
#[derive(Default)]
pub(crate) struct Pauses {
    held_back: HashMap<Id, HeldBack>,
    targets: HashMap<Id, Target>,
    /// The deferreds that got another number.
    names: HashMap<Id, Id>,
}

/// A deferred that was paused.
#[derive(Default)]
struct HeldBack {
    guards: Vec<Pause>,
    /// Whether it had fired before the first guard was made, and has not waited since.
    has_run: bool,
    /// Whether it will give up what it has come to.
    gives_up: bool,
}

/// A target of `chain`, which Twisted takes for waiting until it runs.
#[derive(Clone, Copy)]
struct Target {
    had_fired: bool,
}

impl Pauses {
    pub(crate) fn is_paused(&self, id: Id) -> bool {
        self.held_back.get(&id).is_some_and(|held| !held.guards.is_empty())
    }

    fn push(&mut self, id: Id, guard: Pause, state: State) {
        if !self.waits_as_target(id, state) {
            // It has run, which the state does not tell any more once it is paused.
            self.targets.remove(&id);
        }
        let held = self.held_back.entry(id).or_default();
        if held.guards.is_empty() {
            held.has_run = state == State::Fired;
            held.gives_up = false;
        }
        held.guards.push(guard);
    }

    fn pop(&mut self, id: Id) -> Option<Pause> {
        self.held_back.get_mut(&id)?.guards.pop()
    }

    /// Notes that a deferred waits. If it is paused, it will not run when what it waits for is there.
    pub(crate) fn waits(&mut self, id: Id) {
        if let Some(held) = self.held_back.get_mut(&id) {
            held.has_run = false;
        }
    }

    /// Whether a deferred that is paused, or was so while it ran, is still to be made to give up what it has come to.
    fn take_rest(&mut self, id: Id) -> bool {
        self.held_back
            .get_mut(&id)
            .is_some_and(|held| held.has_run && !held.guards.is_empty() && !mem::replace(&mut held.gives_up, true))
    }

    /// Notes that a deferred was made the target of a `chain`.
    pub(crate) fn set_target(&mut self, mut id: Id, had_fired: bool) {
        while let Some(name) = self.names.get(&id) {
            id = *name;
        }
        self.targets.insert(id, Target { had_fired });
    }

    /// Notes that a deferred runs now, if it can.
    fn runs(&mut self, id: Id, state: State) {
        if state == State::Fired && !self.is_paused(id) {
            self.targets.remove(&id);
        }
    }

    fn waits_as_target(&self, id: Id, state: State) -> bool {
        self.targets.get(&id).is_some_and(|target| {
            // One that was paused when it fired has not run.
            target.had_fired || state != State::Fired || self.is_paused(id)
        })
    }

    /// Gives a deferred another number.
    pub(crate) fn rename(&mut self, from: Id, to: Id) {
        if let Some(held) = self.held_back.remove(&from) {
            self.held_back.insert(to, held);
        }
        if let Some(target) = self.targets.remove(&from) {
            self.targets.insert(to, target);
        }
        self.names.insert(from, to);
    }

    /// Ends all pauses. Drop what this gives when nothing is locked.
    pub(crate) fn end(&mut self) -> impl Sized + use<> {
        let held_back = mem::take(&mut self.held_back).into_values();
        let (run, not_run): (Vec<_>, Vec<_>) = held_back.partition(|held| held.has_run);
        // To drop a guard is to let the chain go on, which Twisted never does by itself. These give up what they have come
        // to before that.
        (run, ManuallyDrop::new(not_run))
    }
}

impl World {
    pub(crate) fn pause(&self, d: Id) -> Step {
        self.hold(d, |mut deferred| {
            let (state, is_at_rest) = (deferred.state(), deferred.is_settled());
            let guard = deferred.pause();
            self.pauses(|pauses| pauses.push(d, guard, state));
            // One that is running comes to its outcome later: it gives that up when it is moved or dropped.
            if is_at_rest {
                self.give_up_at_end(d, deferred)
            } else {
                deferred
            }
        })
    }

    /// Has a deferred that is paused give up what it has come to when everything is dropped: Twisted knows that then, and
    /// hands it to nobody.
    pub(crate) fn give_up_at_end(&self, d: Id, deferred: D) -> D {
        if !self.pauses(|pauses| pauses.take_rest(d)) {
            return deferred;
        }
        let world = self.clone();
        deferred.then(move |outcome| {
            if !world.is_closed() {
                return Answer::Settled(outcome);
            }
            drop(D::settled(outcome));
            let (completer, never) = D::pair();
            world.keep(completer);
            Answer::Waiting(never)
        })
    }

    pub(crate) fn unpause(&self, d: Id) -> Step {
        self.hold(d, |deferred| {
            let state = deferred.state();
            let guard = self.pauses(|pauses| {
                let guard = pauses.pop(d);
                pauses.runs(d, state);
                guard
            });
            // Whatever was held back runs in here.
            drop(guard);
            deferred
        })
    }

    /// Holds a deferred, to attach something to it.
    pub(crate) fn hold_to_add(&self, d: Id, add: impl FnOnce(D) -> D) -> Step {
        self.hold(d, |deferred| {
            let state = deferred.state();
            self.pauses(|pauses| pauses.runs(d, state));
            add(deferred)
        })
    }

    pub(crate) fn describe(&self, d: Id) -> Step {
        self.hold(d, |deferred| {
            let state = deferred.state();
            let text = match state {
                State::Waiting => "waiting",
                _ if self.pauses(|pauses| pauses.waits_as_target(d, state)) => "waiting",
                State::Pending => "unfired",
                State::Fired => "result",
            };
            self.log(json!({"state": [d, text]}));
            deferred
        })
    }
}
