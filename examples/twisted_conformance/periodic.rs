//! Periodic work: looping calls, and tasks that take turns.

use std::time::Duration;

use interloop::{
    Outcome as Answer,
    periodic::{Budget, CooperativeTask, Cooperator, LoopingCall, Step as WorkStep, TaskError, TaskFailure},
};
use serde_json::json;

use crate::{
    program::{Id, Item, Run},
    raises::Impossible,
    values::{Failure, Value},
    world::{Handle, Step, Stop, World},
};

const NOT_RUNNING: Failure = Failure::Named("not_running");

/// Looping calls.
impl World {
    pub(crate) fn start_looping(&self, k: Id, d: Id, interval: i64, now: bool, count: bool, plan: Vec<Run>) {
        let interval = Duration::from_secs(interval.unsigned_abs());
        let world = self.clone();
        let mut runs = plan.into_iter();
        let mut current = runs.next();
        let mut run = move |count: Option<u64>| {
            let run = current.clone().expect("a plan is not empty");
            // The last one is repeated.
            current = runs.next().or(current.take());
            world.run_looping(k, count, run)
        };
        let call = if count {
            LoopingCall::with_count(self.reactor(), interval, move |count| run(Some(count)))
        } else {
            LoopingCall::new(self.reactor(), interval, move || run(None))
        };
        self.insert(k, Handle::LoopingCall(call.clone()));
        let ended = call.start(now).expect("it was not started before");
        self.insert_deferred(d, ended.map_ok(move |()| Value::LoopingCall(k)));
    }

    fn run_looping(&self, k: Id, count: Option<u64>, run: Run) -> Answer<(), Failure> {
        self.log(json!({"lc": [k, count]}));
        if run.stop {
            // It may have been stopped already: then there is nothing to do.
            drop(self.stop_looping(k));
        }
        match self.answer(k, run.ret, Ok(Value::Null)) {
            Answer::Settled(outcome) => Answer::Settled(outcome.map(drop)),
            Answer::Waiting(deferred) => Answer::Waiting(deferred.map_ok(drop)),
        }
    }

    fn looping(&self, k: Id) -> Result<LoopingCall<Failure>, Stop> {
        self.look(k, |handle| match handle {
            Handle::LoopingCall(call) => Some(call.clone()),
            _ => None,
        })
    }

    pub(crate) fn stop_looping(&self, k: Id) -> Step {
        Ok(self.looping(k)?.stop().map_err(|_| NOT_RUNNING)?)
    }

    pub(crate) fn reset_looping(&self, k: Id) -> Step {
        Ok(self.looping(k)?.reset().map_err(|_| NOT_RUNNING)?)
    }
}

/// Tasks that take turns.
impl World {
    pub(crate) fn new_cooperator(&self, k: Id, started: bool) {
        let cooperator = Cooperator::with_schedule(self.reactor(), Duration::from_secs(1), Budget::Units(1));
        let cooperator = if started { cooperator } else { cooperator.unstarted() };
        self.insert(k, Handle::Cooperator(cooperator));
    }

    fn cooperator(&self, k: Id) -> Result<Cooperator, Stop> {
        self.look(k, |handle| match handle {
            Handle::Cooperator(cooperator) => Some(cooperator.clone()),
            _ => None,
        })
    }

    pub(crate) fn cooperate(&self, k: Id, t: Id, items: Vec<Item>) -> Step {
        let (world, cooperator) = (self.clone(), self.cooperator(k)?);
        let work = items.into_iter().enumerate();
        let task = cooperator.cooperate(work.map(move |(index, item)| world.work(t, index, item)));
        self.insert(t, Handle::Task(task));
        Ok(())
    }

    fn work(&self, t: Id, index: usize, item: Item) -> WorkStep<Failure> {
        self.log(json!({"work": [t, index]}));
        match item {
            Item::V(_) => WorkStep::Continue,
            Item::Raise(k) => WorkStep::Fail(Failure::E(k)),
            Item::D(d) => match self.take_deferred(d) {
                Ok(deferred) => {
                    let world = self.clone();
                    WorkStep::Wait(deferred.map_ok(drop).inspect_err(move |_| world.note_failed_wait(t)))
                }
                Err(stop) => {
                    self.log_stop(stop);
                    WorkStep::Continue
                }
            },
        }
    }

    fn note_failed_wait(&self, t: Id) {
        let Ok(task) = self.task(t) else { return };
        // Handles a failure in any case, so that asking leaves none unhandled.
        let ended = task.when_done().then(|_| Ok::<(), Failure>(()));
        if ended.is_settled() {
            self.raises(|raises| raises.impossible = Some(Impossible::EndedTwice));
        }
    }

    pub(crate) fn stop_cooperator(&self, k: Id) -> Step {
        self.cooperator(k)?.stop();
        Ok(())
    }

    pub(crate) fn start_cooperator(&self, k: Id) -> Step {
        self.cooperator(k)?.start();
        Ok(())
    }

    fn task(&self, t: Id) -> Result<CooperativeTask<Failure>, Stop> {
        self.look(t, |handle| match handle {
            Handle::Task(task) => Some(task.clone()),
            _ => None,
        })
    }

    pub(crate) fn when_done(&self, t: Id, d: Id) -> Step {
        let done = self.task(t)?.when_done();
        self.insert_deferred(d, done.map_ok(move |()| Value::Task(t)).map_err(Failure::from));
        Ok(())
    }

    pub(crate) fn pause_task(&self, t: Id) -> Step {
        Ok(self.task(t)?.pause().map_err(Failure::from)?)
    }

    pub(crate) fn resume_task(&self, t: Id) -> Step {
        Ok(self.task(t)?.resume().map_err(Failure::from)?)
    }

    pub(crate) fn stop_task(&self, t: Id) -> Step {
        Ok(self.task(t)?.stop().map_err(Failure::from)?)
    }
}

impl From<TaskFailure<Failure>> for Failure {
    fn from(failure: TaskFailure<Failure>) -> Self {
        match failure {
            TaskFailure::Failed(failure) => (*failure).clone(),
            TaskFailure::Stopped => Failure::Named("task_stopped"),
            TaskFailure::SchedulerStopped => Failure::Named("scheduler_stopped"),
            TaskFailure::Aborted(aborted) => Failure::Aborted(aborted),
        }
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Failure::Named(match error {
            TaskError::Done => "task_done",
            TaskError::Failed => "task_failed",
            TaskError::Stopped => "task_stopped",
            TaskError::SchedulerStopped => "scheduler_stopped",
            TaskError::NotPaused => "not_paused",
        })
    }
}
