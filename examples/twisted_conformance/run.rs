//! Running one program, from its first operation to the last thing that is dropped.

use std::{
    any::Any,
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use interloop::{
    Aborted,
    periodic::TaskError,
    unhandled::{self, Unhandled},
};
use serde_json::json;

use crate::{
    program::{Hints, Id, Program, Trace},
    raises::Impossible,
    values::{Event, Failure, outcome_to_json},
    world::World,
};

/// What the hook was told. It is one for the whole process.
static UNHANDLED: Mutex<Vec<Event>> = Mutex::new(Vec::new());

fn unhandled() -> MutexGuard<'static, Vec<Event>> {
    UNHANDLED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has unhandled failures collected, for the programs that are run after this.
pub(crate) fn collect_unhandled() {
    unhandled::set_hook(Some(Arc::new(|failure: &Unhandled<'_>| {
        match known(failure.error()) {
            // In Twisted a deferred whose resolver is gone stays as it is.
            Some(Failure::Aborted(aborted)) if aborted.is_dropped() => {}
            Some(failure) => unhandled().push(failure.to_json()),
            // No program expects that.
            None => unhandled().push(json!(failure.to_string())),
        }
    })));
}

fn known(error: &dyn Any) -> Option<Failure> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.clone());
    }
    if let Some(aborted) = error.downcast_ref::<Aborted>() {
        return Some(aborted.clone().into());
    }
    // What the library itself has to say.
    let error = error.downcast_ref::<Box<dyn Error + Send + Sync>>()?;
    error.downcast_ref::<TaskError>().copied().map(Failure::from)
}

/// Runs a program. Says also whether it does something that cannot be done here, so that it may come out differently.
pub(crate) fn run(program: Program, hints: Hints) -> (Trace, Option<Impossible>) {
    unhandled().clear();
    let world = World::new(hints);
    let mut trace = Trace::default();
    for op in program.ops {
        world.execute(op);
        if program.drain {
            world.run_loop();
        }
        trace.log.push(world.take_log());
    }
    world.run_loop();
    world.deferreds().into_iter().for_each(|id| world.probe(id));
    world.run_loop();
    trace.end = world.take_log();
    world.drop_deferreds();
    trace.unhandled = std::mem::take(&mut *unhandled());
    let impossible = world.raises(|raises| raises.impossible);
    world.tear_down();
    (trace, impossible)
}

impl World {
    /// Looks at the outcome of a deferred, without changing it.
    fn probe(&self, id: Id) {
        let (world, has_run) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let ran = has_run.clone();
        let held = self.hold(id, |deferred| {
            deferred.then(move |outcome| {
                ran.store(true, Relaxed);
                world.log(json!({"probe": [id, outcome_to_json(&outcome)]}));
                outcome
            })
        });
        // An earlier probe may have led to its being moved.
        if held.is_ok() && !has_run.load(Relaxed) {
            self.log(json!({"pending": id}));
        }
    }
}
