//! Operations on many deferreds: lists, gathering, races.

use interloop::{
    Deferred,
    fan_in::{FailureGroup, FanIn, FirstError},
};

use crate::{
    program::Id,
    raises::Owner,
    values::{Failure, Value},
    world::{D, Step, Stop, World},
};

impl World {
    fn fan_in(&self, ds: &[Id], consume: bool) -> Result<FanIn<Value, Failure>, Stop> {
        let children = FanIn::new(self.take_deferreds(ds)?);
        self.raises(|raises| ds.iter().for_each(|child| raises.set_owner(*child, Owner::List)));
        Ok(if consume { children } else { children.leave_failures() })
    }

    pub(crate) fn list(&self, d: Id, ds: &[Id], one_cb: bool, one_eb: bool, consume: bool) -> Step {
        let children = self.fan_in(ds, consume)?;
        let list: D = match (one_cb, one_eb) {
            (false, false) => children.all().map_ok(Value::Results).map_err(Failure::from),
            (false, true) => children
                .gather()
                .map_ok(|values| Value::Results(values.into_iter().map(Ok).collect()))
                .map_err(first_error),
            (true, true) => children.first().map_ok(first).map_err(first_error),
            // Twisted gives the whole list then, which holds nothing but failures.
            (true, false) => children.first_success().map_ok(first).or_else(|group| {
                let failures = group.into_errors();
                Ok::<_, Failure>(Value::Results(failures.into_iter().map(Err).collect()))
            }),
        };
        self.insert_deferred(d, list);
        Ok(())
    }

    pub(crate) fn gather(&self, d: Id, ds: &[Id], consume: bool) -> Step {
        let values = self.fan_in(ds, consume)?.gather();
        self.insert_deferred(d, values.map_ok(Value::List).map_err(first_error));
        Ok(())
    }

    pub(crate) fn race(&self, d: Id, ds: &[Id]) -> Step {
        let children = FanIn::new(self.take_deferreds(ds)?);
        self.raises(|raises| ds.iter().for_each(|child| raises.set_owner(*child, Owner::Race)));
        let winner: Deferred<_, FailureGroup<Failure>> = children.race();
        let won = winner.map_ok(|(index, value)| Value::Won(index, Box::new(value)));
        self.insert_deferred(d, won.map_err(|group| Failure::Group(group.into_errors())));
        Ok(())
    }
}

fn first((index, value): (usize, Value)) -> Value {
    Value::First(Box::new(value), index)
}

fn first_error(error: FirstError<Failure>) -> Failure {
    match error.index() {
        Some(index) => Failure::FirstError(index, Box::new(error.into_error())),
        // Not a child's, but the word that there is no result.
        None => error.into_error(),
    }
}
