//! Cancellers that raise, and other things that they do in Python only.
//!
//! In Python an exception of a canceller travels up through every `cancel` on its way, to whoever called the
//! outermost one. Rust has no such thing: here a canceller that would raise refuses, which leaves its deferred
//! pending, as the exception would. What remains to be told is where the exception would have surfaced. That
//! follows from who has called, and from where the deferred had been moved to.

use std::{
    collections::{HashMap, HashSet},
    iter,
};

use serde_json::json;

use crate::{program::Id, values::Failure, world::World};

/// What is running, and catches what cancellers raise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Catcher {
    /// The operation that cancels this deferred.
    Cancel(Id),
    /// The coroutine with this deferred, which is being cancelled.
    Coroutine(Id),
    /// The operation that lets time pass, for the time limits.
    Advance,
    /// The event loop, where exceptions vanish.
    Loop,
}

/// Where a deferred has been moved to, and a cancellation comes from.
#[derive(Clone, Copy)]
pub(crate) enum Owner {
    /// A chain that waits for it.
    Chain(Id),
    /// A coroutine that awaits it.
    Coroutine(Id),
    /// A list, which logs what its children's cancellers raise.
    List(Id),
    /// A race, which such an exception ends half-way.
    Race(Id),
}

impl Owner {
    fn id(self) -> Id {
        match self {
            Owner::Chain(id) | Owner::Coroutine(id) | Owner::List(id) | Owner::Race(id) => id,
        }
    }
}

#[derive(Default)]
pub(crate) struct Raises {
    owners: HashMap<Id, Owner>,
    /// The time limits of a deferred, as points of time.
    limits: HashMap<Id, Vec<i64>>,
    running: Vec<(Catcher, Option<Failure>)>,
    /// The deferreds whose cancellers run.
    cancellers: Vec<Id>,
    /// The races that are just cancelling what went in, since they are cancelled.
    cancelled_races: Vec<Id>,
    /// Those of them that were cancelled again meanwhile: on Twisted that ends them, and the first cancellation goes on.
    ended_races: HashSet<Id>,
    /// Why the program cannot be written, once that is known.
    pub(crate) impossible: Option<Impossible>,
}

/// What happens on Twisted, and cannot here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Impossible {
    /// An exception leaves something half done that the library does wholly.
    HalfDone,
    /// A canceller is called while it runs.
    CalledAgain,
    /// A race, a coroutine or a cooperative task ends once more after it has ended.
    EndedTwice,
}

/// Where an exception surfaces.
enum Surface {
    Catcher,
    List,
    Race,
}

impl Raises {
    pub(crate) fn set_owner(&mut self, id: Id, owner: Owner) {
        self.owners.insert(id, owner);
    }

    pub(crate) fn is_owned_by(&self, id: Id, owner: Id) -> bool {
        self.owners.get(&id).is_some_and(|of| of.id() == owner)
    }

    pub(crate) fn add_limit(&mut self, id: Id, due: i64) {
        self.limits.entry(id).or_default().push(due);
    }

    pub(crate) fn canceller_begins(&mut self, id: Id) {
        self.cancellers.push(id);
    }

    pub(crate) fn canceller_ends(&mut self) {
        self.cancellers.pop();
    }

    pub(crate) fn race_begins(&mut self, id: Id) {
        self.cancelled_races.push(id);
    }

    pub(crate) fn race_ends(&mut self) {
        self.cancelled_races.pop();
    }

    /// Notes that a result has come to a race.
    pub(crate) fn arrives(&mut self, race: Id) {
        if self.ended_races.contains(&race) {
            self.impossible = Some(Impossible::EndedTwice);
        }
    }

    /// Notes that a deferred is going to be cancelled.
    pub(crate) fn cancels(&mut self, source: Id) {
        self.cancel_from(|_, id| id == source);
    }

    /// Notes that a race is won, and is going to cancel whatever else went in.
    pub(crate) fn wins(&mut self, race: Id, winner: Id) {
        self.cancel_from(|raises, id| id != winner && raises.is_owned_by(id, race));
    }

    /// Notes that time is going to pass.
    pub(crate) fn advances(&mut self, end: i64) {
        self.cancel_from(|raises, id| {
            raises
                .limits
                .get(&id)
                .is_some_and(|limits| limits.iter().any(|due| *due <= end))
        });
    }

    /// Notes that these deferreds are going to be cancelled, which may be what is being cancelled already.
    fn cancel_from(&mut self, is_source: impl Fn(&Self, Id) -> bool) {
        let is_reached = |id: &Id| self.waiting(*id).any(|waiting| is_source(self, waiting));
        let is_called_again = self.cancellers.iter().any(is_reached);
        let ended: Vec<_> = self.cancelled_races.iter().copied().filter(is_reached).collect();
        if is_called_again {
            self.impossible = Some(Impossible::CalledAgain);
        }
        self.ended_races.extend(ended);
    }

    /// A deferred, and those that wait for it in the end.
    fn waiting(&self, id: Id) -> impl Iterator<Item = Id> {
        iter::successors(Some(id), |id| self.owners.get(id).map(|owner| owner.id()))
    }

    /// Follows what the canceller of a deferred raises, from where that was moved to, to where it was cancelled.
    fn surface(&mut self, catcher: Catcher, now: i64, mut id: Id) -> Surface {
        loop {
            let is_source = match catcher {
                Catcher::Cancel(source) | Catcher::Coroutine(source) => source == id,
                Catcher::Advance => self.take_limit(id, now),
                Catcher::Loop => false,
            };
            if is_source {
                return Surface::Catcher;
            }
            match self.owners.get(&id) {
                Some(Owner::Chain(owner) | Owner::Coroutine(owner)) => id = *owner,
                Some(Owner::List(_)) => return Surface::List,
                Some(Owner::Race(_)) => return Surface::Race,
                None => return Surface::Catcher,
            }
        }
    }

    fn take_limit(&mut self, id: Id, now: i64) -> bool {
        let Some(limits) = self.limits.get_mut(&id) else {
            return false;
        };
        let before = limits.len();
        limits.retain(|due| *due > now);
        limits.len() < before
    }
}

impl World {
    /// Runs something that may cancel, and gives what would have been raised to it.
    pub(crate) fn catching(&self, catcher: Catcher, run: impl FnOnce()) -> Option<Failure> {
        self.raises(|raises| raises.running.push((catcher, None)));
        run();
        self.raises(|raises| raises.running.pop())?.1
    }

    /// The canceller of a deferred raises.
    pub(crate) fn raise(&self, id: Id, failure: Failure) {
        if self.is_closed() {
            return;
        }
        let clock = self.clock();
        let (now, has_more) = (self.now(), clock.next_deadline().is_some_and(|due| due <= clock.now()));
        let text = failure.to_json();
        let surface = self.raises(|raises| {
            // A winner of a race cancels without being asked to.
            let catcher = raises.running.last().map_or(Catcher::Loop, |(catcher, _)| *catcher);
            let surface = raises.surface(catcher, now, id);
            match surface {
                Surface::Race => raises.impossible = Some(Impossible::HalfDone),
                Surface::Catcher if catcher == Catcher::Advance && has_more => {
                    raises.impossible = Some(Impossible::HalfDone);
                }
                _ => {}
            }
            if let (Surface::Catcher, Some((_, raised))) = (&surface, raises.running.last_mut()) {
                *raised = Some(failure);
            }
            surface
        });
        if let Surface::List = surface {
            self.log(json!({"logged": text}));
        }
    }
}
