//! The operations: making deferreds, firing them, and what is done with one of them.

use interloop::{Deferred, Outcome as Answer, State};
use serde_json::json;

use crate::{
    program::{Body, Canceller, Id, On, Op, PlainRet, Ret},
    raises::{Catcher, Impossible, Owner, Raises},
    values::{ALREADY_CALLED, Failure, Outcome, Value, outcome_to_json},
    world::{Resolver, Step, Stop, World},
};

impl World {
    /// Runs operations one after the other, whatever becomes of them.
    pub(crate) fn run(&self, ops: Vec<Op>) {
        ops.into_iter().for_each(|op| self.execute(op));
    }

    pub(crate) fn execute(&self, op: Op) {
        // What runs while a program is torn down is no part of it.
        if self.is_closed() {
            return;
        }
        if let Err(stop) = self.attempt(op) {
            self.log_stop(stop);
        }
    }

    pub(crate) fn log_stop(&self, stop: Stop) {
        self.log(match stop {
            Stop::Skip(why, id) => json!({"skip": [why, id]}),
            Stop::Raise(failure) => json!({"raise": failure.to_json()}),
        });
    }

    fn attempt(&self, op: Op) -> Step {
        match op {
            Op::New { d, canceller } => self.new_deferred(d, canceller),
            Op::Succeed { d, v } => self.insert_deferred(d, Deferred::ready(v)),
            Op::Fail { d, e } => self.insert_deferred(d, Deferred::failed(Failure::E(e))),
            Op::Maybe { d, f } => self.maybe(d, f),
            Op::Callback { d, v } => self.fire(d, Ok(v))?,
            Op::Errback { d, e } => self.fire(d, Err(Failure::E(e)))?,
            Op::Add { d, on, f } => self.add(d, on, f)?,
            Op::AddPair { d, cb, eb } => self.add_pair(d, cb, eb)?,
            Op::Pause { d } => self.pause(d)?,
            Op::Unpause { d } => self.unpause(d)?,
            Op::Cancel { d } => self.cancel(d)?,
            Op::Timeout { d, t, on } => self.timeout(d, t, on)?,
            Op::Describe { d } => self.describe(d)?,
            Op::Drop { d } => drop(self.take(d)?),
            Op::Chain { d, to } => self.chain(d, to)?,
            Op::List {
                d,
                ds,
                one_cb,
                one_eb,
                consume,
            } => self.list(d, &ds, one_cb, one_eb, consume)?,
            Op::Gather { d, ds, consume } => self.gather(d, &ds, consume)?,
            Op::Race { d, ds } => self.race(d, &ds)?,
            Op::Advance { t } => self.advance(t)?,
            Op::Later { k, t, id, acts } => self.later(k, t, id, acts),
            Op::LaterCancel { k } => self.later_cancel(k)?,
            Op::LaterReset { k, t } => self.later_reset(k, t)?,
            Op::LaterDelay { k, t } => self.later_delay(k, t)?,
            Op::DeferLater { d, t, f } => self.defer_later(d, t, f),
            Op::Lock { k, kind, n } => self.new_lock(k, kind, n),
            Op::Acquire { k, d } => self.acquire(k, d)?,
            Op::Release { k } => self.release(k)?,
            Op::LockRun { k, d, f } => self.lock_run(k, d, f)?,
            Op::Queue { k, size, backlog } => self.new_queue(k, size, backlog),
            Op::Put { k, v } => self.put(k, v)?,
            Op::Get { k, d } => self.get(k, d)?,
            Op::Coro { d, steps, ret } => self.coroutine(d, steps, ret),
            Op::FutNew { k } => self.new_future(k),
            Op::FutSet { k, v } => self.set_future(k, Ok(v))?,
            Op::FutFail { k, e } => self.set_future(k, Err(Failure::E(e)))?,
            Op::AsFuture { d, k } => self.as_future(d, k)?,
            Op::FromFuture { k, d } => self.adopt_future(k, d)?,
            Op::FutCb { k, id } => self.future_callback(k, id)?,
            Op::FutCancel { k } => self.cancel_future(k)?,
            Op::Loop {} => self.run_loop(),
            Op::LcStart {
                k,
                d,
                interval,
                now,
                count,
                plan,
            } => self.start_looping(k, d, interval, now, count, plan),
            Op::LcStop { k } => self.stop_looping(k)?,
            Op::LcReset { k } => self.reset_looping(k)?,
            Op::Coop { k, started } => self.new_cooperator(k, started),
            Op::Cooperate { k, t, items } => self.cooperate(k, t, items)?,
            Op::WhenDone { t, d } => self.when_done(t, d)?,
            Op::TaskPause { t } => self.pause_task(t)?,
            Op::TaskResume { t } => self.resume_task(t)?,
            Op::TaskStop { t } => self.stop_task(t)?,
            Op::CoopStop { k } => self.stop_cooperator(k)?,
            Op::CoopStart { k } => self.start_cooperator(k)?,
            Op::Deep { kind, n, v } => self.deep(kind, n, v),
        }
        Ok(())
    }

    fn new_deferred(&self, d: Id, canceller: Option<Canceller>) {
        let (completer, deferred) = match canceller {
            None => Deferred::pair(),
            Some(Canceller { acts, raise }) => {
                let world = self.clone();
                Deferred::with_canceller(move |cancellation| {
                    world.log(json!({"canceller": d}));
                    world.raises(|raises| raises.canceller_begins(d));
                    world.run(acts.clone());
                    world.raises(Raises::canceller_ends);
                    match raise {
                        Some(k) => {
                            world.raise(d, Failure::E(k));
                            cancellation.refuse();
                        }
                        None => world.set_cancelled(d),
                    }
                })
            }
        };
        self.insert_deferred(d, deferred);
        self.insert_resolver(d, Resolver::Deferred(completer));
    }

    fn maybe(&self, d: Id, f: Body) {
        let returned = match f.ret {
            Ret::Plain(PlainRet::D(returned)) => Some(returned),
            _ => None,
        };
        let deferred = Deferred::maybe(|| self.call(d, f, Ok(Value::Null)));
        self.insert_deferred(d, deferred);
        // Unless it was skipped, `d` is the deferred that was returned.
        if let Some(returned) = returned.filter(|returned| self.raises(|raises| raises.is_owned_by(*returned, d))) {
            self.pauses(|pauses| pauses.rename(returned, d));
            if self.is_list(returned) {
                self.set_list(d);
            }
            if self.is_coroutine(returned) {
                self.set_coroutine(d);
            }
        }
    }

    /// Runs a callback of the deferred `owner`.
    pub(crate) fn call(&self, owner: Id, body: Body, outcome: Outcome) -> Answer<Value, Failure> {
        if self.is_closed() {
            return Answer::Settled(outcome);
        }
        self.log(json!({"cb": [body.id, outcome_to_json(&outcome)]}));
        self.run(body.acts);
        self.answer(owner, body.ret, outcome)
    }

    /// What a callback makes of its input.
    pub(crate) fn answer(&self, owner: Id, ret: Ret, outcome: Outcome) -> Answer<Value, Failure> {
        Answer::Settled(match (ret, outcome) {
            (Ret::Trap { trap, v }, Err(failure)) if failure.is(trap) => Ok(v),
            (Ret::Plain(PlainRet::Const(value)), _) => Ok(value),
            (Ret::Plain(PlainRet::Inc(n)), Ok(Value::Int(value))) => Ok(Value::Int(value + n)),
            (Ret::Plain(PlainRet::Raise(k)), _) => Err(Failure::E(k)),
            (Ret::Plain(PlainRet::D(d)), _) => match self.take_deferred(d) {
                Ok(deferred) => {
                    self.raises(|raises| raises.set_owner(d, Owner::Chain(owner)));
                    let has_fired = deferred.state() == State::Fired;
                    self.pauses(|pauses| {
                        if !has_fired || pauses.is_paused(d) {
                            pauses.waits(owner);
                        }
                    });
                    return Answer::Waiting(self.shield(owner, deferred));
                }
                Err(stop) => {
                    self.log_stop(stop);
                    Ok(Value::Null)
                }
            },
            (_, outcome) => outcome,
        })
    }

    fn add(&self, d: Id, on: On, f: Body) -> Step {
        let world = self.clone();
        self.hold_to_add(d, |deferred| match on {
            On::Cb => deferred.and_then(move |value| world.call(d, f, Ok(value))),
            On::Eb => deferred.or_else(move |failure| world.call(d, f, Err(failure))),
            On::Both => deferred.then(move |outcome| world.call(d, f, outcome)),
        })
    }

    fn add_pair(&self, d: Id, cb: Body, eb: Body) -> Step {
        let (on_ok, on_err) = (self.clone(), self.clone());
        self.hold_to_add(d, |deferred| {
            deferred.then_either(
                move |value| on_ok.call(d, cb, Ok(value)),
                move |failure| on_err.call(d, eb, Err(failure)),
            )
        })
    }

    fn cancel(&self, d: Id) -> Step {
        if self.is_coroutine(d) && self.pauses(|pauses| pauses.is_paused(d)) {
            // What Twisted tells the coroutine with stays in its paused deferred.
            self.raises(|raises| raises.impossible = Some(Impossible::EndedTwice));
        }
        let mut raised = None;
        self.hold(d, |deferred| {
            self.raises(|raises| raises.cancels(d));
            raised = self.catching(Catcher::Cancel(d), || deferred.cancel());
            deferred
        })?;
        raised.map_or(Ok(()), |failure| Err(failure.into()))
    }

    fn chain(&self, d: Id, to: Id) -> Step {
        self.check(d)?;
        let resolver = self.take_resolver(to, Resolver::Moved)?;
        let deferred = self.take_deferred(d)?;
        self.pauses(|pauses| pauses.set_target(to, resolver.has_fired()));
        let world = self.clone();
        let left = match resolver {
            Resolver::Deferred(completer) => {
                deferred
                    .chain(completer)
                    .and_then(move |()| match world.is_cancelled(to) {
                        true => Err(ALREADY_CALLED),
                        false => Ok(Value::Null),
                    })
            }
            _ => deferred.then(|_| Err(ALREADY_CALLED)),
        };
        // Nobody can name it any more. It still reports its failure.
        left.detach();
        Ok(())
    }
}
