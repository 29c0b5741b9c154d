//! Operations on many deferreds: lists, gathering, races.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use interloop::fan_in::{FailureGroup, FanIn, FirstError};

use crate::{
    program::Id,
    raises::{Impossible, Owner, Raises},
    values::{Failure, Value},
    world::{D, Step, Stop, World},
};

impl World {
    fn fan_in(&self, d: Id, ds: &[Id], consume: bool) -> Result<FanIn<Value, Failure>, Stop> {
        let children = FanIn::new(self.take_deferreds(ds)?);
        self.raises(|raises| ds.iter().for_each(|child| raises.set_owner(*child, Owner::List(d))));
        Ok(if consume { children } else { children.leave_failures() })
    }

    pub(crate) fn list(&self, d: Id, ds: &[Id], one_cb: bool, one_eb: bool, consume: bool) -> Step {
        let children = self.fan_in(d, ds, consume)?;
        let list: D = match (one_cb, one_eb) {
            // Twisted's waits for ever, and cannot be cancelled.
            (true, _) if ds.is_empty() => {
                let (completer, never) = D::with_canceller(|cancellation| cancellation.refuse());
                self.keep(completer);
                never
            }
            (false, false) => children.all().map_ok(Value::Results).map_err(Failure::from),
            (false, true) => children
                .gather()
                .map_ok(|values| Value::Results(values.into_iter().map(Ok).collect()))
                .map_err(first_error),
            (true, true) => children.first().map_ok(first).map_err(first_error),
            // Twisted gives the whole list then, which holds nothing but failures.
            (true, false) => children.first_success().map_ok(first).or_else(move |group| {
                let failures = split(group)?;
                Ok::<_, Failure>(Value::Results(failures.into_iter().map(Err).collect()))
            }),
        };
        self.set_list(d);
        self.insert_deferred(d, list);
        Ok(())
    }

    pub(crate) fn gather(&self, d: Id, ds: &[Id], consume: bool) -> Step {
        let values = self.fan_in(d, ds, consume)?.gather();
        self.set_list(d);
        self.insert_deferred(d, values.map_ok(Value::List).map_err(first_error));
        Ok(())
    }

    /// What a callback of `owner` has returned. If that is a list, which has fired by now, a cancellation of it has to end
    /// there: Twisted's `DeferredList` ignores `cancel` from then on, where this library cancels what the chain waits for.
    pub(crate) fn shield(&self, owner: Id, returned: D) -> D {
        if !self.is_list(owner) || returned.is_settled() {
            return returned;
        }
        let (completer, shielded) = D::with_canceller(|cancellation| cancellation.refuse());
        returned.chain(completer).detach();
        shielded
    }

    pub(crate) fn race(&self, d: Id, ds: &[Id]) -> Step {
        let was_cancelled = Arc::new(AtomicBool::new(false));
        let was_won = Arc::new(AtomicBool::new(false));
        let children = ds.iter().zip(self.take_deferreds(ds)?).map(|(id, child)| {
            let (world, id) = (self.clone(), *id);
            let (was_cancelled, was_won) = (was_cancelled.clone(), was_won.clone());
            child.then(move |outcome| {
                world.raises(|raises| {
                    raises.arrives(d);
                    if was_cancelled.load(Relaxed) {
                        raises.impossible = Some(Impossible::EndedTwice);
                    }
                    if outcome.is_ok() && !was_won.swap(true, Relaxed) {
                        raises.wins(d, id);
                    }
                });
                outcome
            })
        });
        self.raises(|raises| ds.iter().for_each(|child| raises.set_owner(*child, Owner::Race(d))));
        let children: Vec<_> = children.collect();
        if children.is_empty() {
            // Twisted's waits for ever; here it would fail.
            let (completer, never) = D::pair();
            self.keep(completer);
            self.insert_deferred(d, never);
            return Ok(());
        }
        let won = FanIn::new(children).race();
        let won = won
            .map_ok(|(index, value)| Value::Won(index, Box::new(value)))
            .map_err(move |group| match split(group) {
                Ok(failures) => Failure::Group(failures),
                Err(aborted) => {
                    was_cancelled.store(true, Relaxed);
                    aborted
                }
            });
        let deferred = self.watch_race(d, won);
        self.insert_deferred(d, deferred);
        Ok(())
    }

    /// A race of which is known when it is being cancelled.
    fn watch_race(&self, d: Id, mut won: D) -> D {
        let (world, handle) = (self.clone(), won.cancel_handle());
        let (completer, watched) = D::with_canceller(move |cancellation| {
            world.raises(|raises| raises.race_begins(d));
            handle.cancel();
            world.raises(Raises::race_ends);
            // It has its outcome by now.
            cancellation.refuse();
        });
        won.chain(completer).detach();
        watched
    }
}

fn first_error(error: FirstError<Failure>) -> Failure {
    match error.index() {
        Some(index) => Failure::FirstError(index, Box::new(error.into_error())),
        None => error.into_error(),
    }
}

/// Tells the failures of the children from the word that there is no result, which comes as a group of one.
fn split(group: FailureGroup<Failure>) -> Result<Vec<Failure>, Failure> {
    let is_aborted = group.is_aborted();
    let mut failures = group.into_errors();
    if is_aborted {
        Err(failures.remove(0))
    } else {
        Ok(failures)
    }
}

fn first((index, value): (usize, Value)) -> Value {
    Value::First(Box::new(value), index)
}
