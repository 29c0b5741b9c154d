//! The clock: timers, delayed calls, time limits.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use interloop::{Deferred, time::Sleep};
use serde_json::json;

use crate::{
    program::{Body, Id, Op},
    raises::Catcher,
    values::{Failure, Value},
    world::{D, Handle, Step, Stop, World},
};

/// A call that is to come: a task that sleeps before it.
#[derive(Clone)]
pub(crate) struct Timer(Arc<Mutex<State>>);

enum State {
    Sleeping { sleep: Sleep, task: Option<Deferred<()>> },
    Called,
    Cancelled,
}

impl Timer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the point of time for which a call is due.
    fn reset(&self, due: impl FnOnce(Instant) -> Instant) -> Step {
        match &mut *self.state() {
            State::Sleeping { sleep, .. } => {
                let due = due(sleep.deadline());
                sleep.reset(due);
                Ok(())
            }
            other => Err(other.error().into()),
        }
    }
}

impl State {
    fn error(&self) -> Failure {
        Failure::Named(match self {
            State::Cancelled => "timer_cancelled",
            _ => "timer_called",
        })
    }
}

fn seconds(t: i64) -> Duration {
    Duration::from_secs(t.unsigned_abs())
}

impl World {
    /// The time of the clock, which begins at zero.
    pub(crate) fn now(&self) -> i64 {
        self.clock()
            .elapsed()
            .as_secs()
            .try_into()
            .expect("a program's time is short")
    }

    pub(crate) fn advance(&self, t: i64) -> Step {
        let end = self.now() + t;
        self.raises(|raises| raises.advances(end));
        let raised = self.catching(Catcher::Advance, || self.clock().advance(seconds(t)));
        raised.map_or(Ok(()), |failure| Err(failure.into()))
    }

    pub(crate) fn later(&self, k: Id, t: i64, id: i64, acts: Vec<Op>) {
        let reactor = self.reactor();
        let sleep = reactor.sleep(seconds(t));
        let timer = Timer(Arc::new(Mutex::new(State::Sleeping { sleep, task: None })));
        let (world, slept) = (self.clone(), timer.clone());
        let call = reactor.spawn_infallible(async move {
            poll_fn(|cx| match &mut *slept.state() {
                State::Sleeping { sleep, .. } => Pin::new(sleep).poll(cx).map(drop),
                _ => unreachable!("it has not been called, and a cancelled task is not polled"),
            })
            .await;
            let called = std::mem::replace(&mut *slept.state(), State::Called);
            drop(called);
            world.log(json!({"call": id}));
            world.run(acts);
        });
        if let State::Sleeping { task, .. } = &mut *timer.state() {
            *task = Some(call);
        }
        self.insert(k, Handle::Timer(timer));
    }

    fn timer(&self, k: Id) -> Result<Timer, Stop> {
        self.look(k, |handle| match handle {
            Handle::Timer(timer) => Some(timer.clone()),
            _ => None,
        })
    }

    pub(crate) fn later_cancel(&self, k: Id) -> Step {
        let timer = self.timer(k)?;
        let mut state = timer.state();
        if !matches!(*state, State::Sleeping { .. }) {
            return Err(state.error().into());
        }
        let cancelled = std::mem::replace(&mut *state, State::Cancelled);
        drop(state);
        if let State::Sleeping { task: Some(task), .. } = cancelled {
            // The cancellation is no failure of the program's.
            drop(task.cancel_on_drop());
        }
        Ok(())
    }

    pub(crate) fn later_reset(&self, k: Id, t: i64) -> Step {
        let now = self.reactor().now();
        self.timer(k)?.reset(|_| now + seconds(t))
    }

    pub(crate) fn later_delay(&self, k: Id, t: i64) -> Step {
        self.timer(k)?
            .reset(|due| if t < 0 { due - seconds(t) } else { due + seconds(t) })
    }

    pub(crate) fn defer_later(&self, d: Id, t: i64, f: Option<Body>) {
        let reactor = self.reactor();
        let sleep = reactor.sleep(seconds(t));
        let slept: D = reactor.spawn(async move {
            sleep.await?;
            Ok(Value::Null)
        });
        let world = self.clone();
        let deferred = match f {
            Some(f) => slept.and_then(move |value| world.call(d, f, Ok(value))),
            None => slept,
        };
        self.insert_deferred(d, deferred);
    }

    pub(crate) fn timeout(&self, d: Id, t: i64, on: Option<Body>) -> Step {
        let reactor = self.reactor();
        let due = self.now() + t;
        let world = self.clone();
        self.hold_to_add(d, |deferred| match on {
            Some(on) => deferred.timeout_with(reactor, seconds(t), move |outcome, _| world.call(d, on, outcome)),
            // The library's word for it does not say how long it was.
            None => deferred
                .timeout(reactor, seconds(t))
                .map_err(move |failure| match failure {
                    Failure::Aborted(aborted) if aborted.is_timed_out() => Failure::Timeout(t),
                    other => other,
                }),
        })?;
        self.raises(|raises| raises.add_limit(d, due));
        Ok(())
    }
}
