//! Futures as asyncio has them: what waits for one runs from the loop, in the order in which they were completed.
//!
//! The future of a program is a deferred whose value is the outcome, be that a failure: one that nobody looks at
//! is no unhandled failure there. To cancel it is to cancel that deferred.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use interloop::{CancelHandle, Completer, Deferred, Outcome as Answer, State};
use serde_json::json;

use crate::{
    program::Id,
    raises::Catcher,
    values::{FUTURE_CANCELLED, Failure, Outcome, Value, outcome_to_json},
    world::{D, Handle, Resolver, Step, Stop, World},
};

pub(crate) type Future = Deferred<Outcome, Failure>;

/// What came out of a future, to whoever waited for it.
fn outcome(result: Result<Outcome, Failure>) -> Outcome {
    // The future itself fails in one way only.
    result.unwrap_or(Err(FUTURE_CANCELLED))
}

/// Whom the outcome of a future goes to.
enum Target {
    Deferred(Completer<Option<Value>, Failure>),
    /// The deferred that a cancelled one waits for.
    Cancelled(Completer<Value, Failure>),
    Gone,
}

fn lock(target: &Mutex<Target>) -> MutexGuard<'_, Target> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new_future(&self, k: Id) {
        let (completer, future) = Future::pair();
        self.insert(k, Handle::Future(future));
        self.insert_resolver(k, Resolver::Future(completer));
    }

    pub(crate) fn set_future(&self, k: Id, outcome: Outcome) -> Step {
        match self.take_resolver(k, Resolver::Spent)? {
            Resolver::Future(completer) => completer.try_settle(Ok(outcome)).map_err(|_| INVALID_STATE)?,
            _ => return Err(INVALID_STATE.into()),
        }
        Ok(())
    }

    fn take_future(&self, k: Id) -> Result<Future, Stop> {
        Ok(match self.take(k)? {
            Handle::Future(future) => future,
            _ => panic!("{k} is no future"),
        })
    }

    pub(crate) fn as_future(&self, d: Id, k: Id) -> Step {
        let mut deferred = self.take_deferred(d)?;
        let (world, source) = (self.clone(), deferred.cancel_handle());
        let (completer, future) = Future::pair();
        // What comes after a cancellation of the future is dropped by its completer.
        deferred.then(Ok::<_, Failure>).chain(completer).detach();
        let future = future.inspect_err(move |_| world.cancel_from_loop(source));
        self.insert(k, Handle::Future(future));
        Ok(())
    }

    fn cancel_from_loop(&self, source: CancelHandle) {
        let world = self.clone();
        // Not a task of its own: it keeps its place among what futures call on the loop.
        let called = Deferred::<(), Failure>::ready(())
            .via(self.loop_reactor())
            // What a canceller raises, the loop ignores.
            .map_ok(move |()| drop(world.catching(Catcher::Loop, || source.cancel())));
        called.detach();
    }

    pub(crate) fn future_callback(&self, k: Id, id: i64) -> Step {
        let (world, future) = (self.clone(), self.take_future(k)?);
        let called = future.via(self.loop_reactor()).then(move |result| {
            world.log(json!({"fut_cb": [id, outcome_to_json(&outcome(result))]}));
            Ok::<(), Failure>(())
        });
        called.detach();
        Ok(())
    }

    pub(crate) fn cancel_future(&self, k: Id) -> Step {
        let future = self.take_future(k)?;
        self.log(json!({"bool": future.state() != State::Fired}));
        drop(future.cancel_on_drop());
        Ok(())
    }

    pub(crate) fn adopt_future(&self, k: Id, d: Id) -> Step {
        let mut future = self.take_future(k)?;
        let source = future.cancel_handle();
        let is_done = Arc::new(AtomicBool::new(false));

        // `None` stands for a cancellation, after which the future still has the last word.
        let (completer, fired) = Deferred::<Option<Value>, Failure>::with_canceller({
            let is_done = is_done.clone();
            move |cancellation| {
                if !is_done.load(Relaxed) {
                    source.cancel();
                }
                cancellation.complete(None);
            }
        });
        let target = Arc::new(Mutex::new(Target::Deferred(completer)));
        let deferred = fired.and_then({
            let target = target.clone();
            move |value| match value {
                Some(value) => Answer::Settled(Ok(value)),
                None => {
                    let (completer, word) = D::pair();
                    // What was there before has fired.
                    drop(mem::replace(&mut *lock(&target), Target::Cancelled(completer)));
                    Answer::Waiting(word)
                }
            }
        });
        let adapted = future
            .inspect_ok(move |_| is_done.store(true, Relaxed))
            .via(self.loop_reactor())
            .then(move |result| {
                let target = mem::replace(&mut *lock(&target), Target::Gone);
                match target {
                    Target::Deferred(completer) => completer.settle(outcome(result).map(Some)),
                    Target::Cancelled(completer) => completer.settle(outcome(result)),
                    Target::Gone => unreachable!("a future completes once"),
                }
                Ok::<(), Failure>(())
            });
        adapted.detach();
        self.insert_deferred(d, deferred);
        Ok(())
    }

    pub(crate) fn run_loop(&self) {
        self.event_loop().run_until_stalled();
    }
}

const INVALID_STATE: Failure = Failure::Named("invalid_state");
