//! What a cooperative task does.

use std::{
    error::Error,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Step, TaskError, TaskFailure, alarm::cancel, turns::Turns};
use crate::{Aborted, Completer, Deferred};

pub(super) type Work<E> = Box<dyn Iterator<Item = Step<E>> + Send>;

/// How a task ended.
type End<E> = Result<(), TaskFailure<E>>;

/// The steps of a task. They are taken, and everything foreign is dropped, with nothing locked.
pub(super) struct Steps<E: From<Aborted> + 'static> {
    cooperator: Arc<Turns>,
    state: Mutex<State<E>>,
}

/// Locked after the state of the cooperator, where both are.
struct State<E: From<Aborted> + 'static> {
    /// Away while it runs, and gone at the end.
    work: Option<Work<E>>,
    /// A task can run if this is zero. Waiting for a deferred counts as one.
    pauses: usize,
    end: Option<End<E>>,
    /// Fired at the end.
    watchers: Vec<Completer<(), TaskFailure<E>>>,
}

/// A task without its types, as a cooperator lists it.
pub(super) trait Entry: Send + Sync {
    /// Takes one step.
    fn run_unit(self: Arc<Self>);
    /// Notes that the cooperator was stopped, while that is locked.
    fn end_with_scheduler(&self);
    /// Frees the work and tells the watchers, after the end.
    fn notify(&self);
}

impl<E: From<Aborted> + 'static> Steps<E> {
    pub(super) fn new(cooperator: Arc<Turns>, work: Work<E>) -> Self {
        let state = State {
            work: Some(work),
            // Not in the cooperator's list.
            pauses: 1,
            end: None,
            watchers: Vec::new(),
        };
        Self {
            cooperator,
            state: Mutex::new(state),
        }
    }

    /// Whether they have not ended, and how if they have.
    pub(super) fn check(&self) -> Result<(), TaskError> {
        self.lock().check()
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn as_ptr(&self) -> *const () {
        ptr::from_ref(self).cast()
    }
}

impl<E: From<Aborted> + Send + Sync + 'static> Steps<E> {
    /// Gives a deferred that fires at the end.
    #[track_caller]
    pub(super) fn watch(&self) -> Deferred<(), TaskFailure<E>> {
        let mut state = self.lock();
        if let Some(end) = &state.end {
            return Deferred::settled(end.clone());
        }
        let (completer, deferred) = Deferred::pair();
        state.watchers.push(completer);
        deferred
    }

    pub(super) fn pause(&self) -> Result<(), TaskError> {
        let turn = {
            let mut cooperator = self.cooperator.lock();
            let mut state = self.lock();
            state.check()?;
            state.pauses += 1;
            if state.pauses == 1 {
                cooperator.remove(self.as_ptr())
            } else {
                None
            }
        };
        cancel(turn);
        Ok(())
    }

    /// Takes a pause back, after which the task may run again. False if there is none.
    pub(super) fn unpause(self: &Arc<Self>) -> bool {
        let mut ended = false;
        let turn = {
            let mut cooperator = self.cooperator.lock();
            let mut state = self.lock();
            if state.pauses == 0 {
                return false;
            }
            state.pauses -= 1;
            if state.pauses > 0 || state.end.is_some() {
                None
            } else if cooperator.is_stopped() {
                state.end = Some(Err(TaskFailure::SchedulerStopped));
                ended = true;
                None
            } else {
                cooperator.add(self.clone())
            }
        };
        self.cooperator.schedule(turn);
        if ended {
            self.notify();
        }
        true
    }

    /// Ends the task, unless it has ended.
    pub(super) fn finish(&self, end: End<E>) -> Result<(), TaskError> {
        let turn = {
            let mut cooperator = self.cooperator.lock();
            let mut state = self.lock();
            state.check()?;
            state.end = Some(end);
            if state.pauses == 0 {
                cooperator.remove(self.as_ptr())
            } else {
                None
            }
        };
        cancel(turn);
        self.notify();
        Ok(())
    }

    fn wait_for(self: Arc<Self>, deferred: Deferred<(), E>) {
        if self.pause().is_err() {
            return;
        }
        let waited = deferred.then(move |result| -> Result<(), Box<dyn Error + Send + Sync>> {
            match result {
                Ok(()) if self.unpause() => {}
                // Resumed once too often, while it waited. Whoever did that was not told.
                Ok(()) => return Err(TaskError::NotPaused.into()),
                Err(error) => self.fail(error),
            }
            Ok(())
        });
        waited.detach();
    }

    fn fail(&self, error: E) {
        // A task that has ended in its own step, or while it waited, has its result.
        let _ = self.finish(Err(TaskFailure::Failed(Arc::new(error))));
    }

    /// Takes the work back after a step, unless the task ended in it.
    fn put_back(&self, work: Work<E>) {
        let _ended = {
            let mut state = self.lock();
            if state.end.is_some() {
                Some(work)
            } else {
                state.work.replace(work)
            }
        };
    }
}

impl<E: From<Aborted> + 'static> State<E> {
    fn check(&self) -> Result<(), TaskError> {
        match &self.end {
            None => Ok(()),
            Some(Ok(())) => Err(TaskError::Done),
            Some(Err(TaskFailure::Stopped)) => Err(TaskError::Stopped),
            Some(Err(TaskFailure::SchedulerStopped)) => Err(TaskError::SchedulerStopped),
            Some(Err(TaskFailure::Failed(_) | TaskFailure::Aborted(_))) => Err(TaskError::Failed),
        }
    }
}

impl<E: From<Aborted> + Send + Sync + 'static> Entry for Steps<E> {
    fn run_unit(self: Arc<Self>) {
        let work = {
            let mut state = self.lock();
            // It may have been paused from another thread.
            if state.pauses > 0 { None } else { state.work.take() }
        };
        let Some(mut work) = work else { return };
        // What it has changed before a panic is seen by nobody: the task fails.
        let step = catch_unwind(AssertUnwindSafe(|| work.next()));
        self.put_back(work);
        match step {
            Ok(Some(Step::Continue)) => {}
            Ok(Some(Step::Wait(deferred))) => self.wait_for(deferred),
            Ok(Some(Step::Fail(error))) => self.fail(error),
            // It may have ended in its own step: then it has its result.
            Ok(None) => drop(self.finish(Ok(()))),
            Err(panic) => self.fail(E::from(Aborted::panicked(panic))),
        }
    }

    fn end_with_scheduler(&self) {
        self.lock().end = Some(Err(TaskFailure::SchedulerStopped));
    }

    fn notify(&self) {
        let (work, watchers, end) = {
            let mut state = self.lock();
            (state.work.take(), mem::take(&mut state.watchers), state.end.clone())
        };
        // The work goes first, so that whoever sees the end sees what it held released.
        drop(work);
        if let Some(end) = end {
            for watcher in watchers {
                watcher.settle(end.clone());
            }
        }
    }
}
