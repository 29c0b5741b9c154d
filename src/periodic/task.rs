use std::{fmt, sync::Arc};

use super::{
    TaskError, TaskFailure,
    steps::{Steps, Work},
    turns::Turns,
};
use crate::{Aborted, Deferred};

/// One step of a cooperative task.
#[derive(Debug)]
pub enum Step<E: From<Aborted> + 'static = Aborted> {
    /// The task goes on in its next turn.
    Continue,
    /// The task waits for this, and fails if this does.
    Wait(Deferred<(), E>),
    /// The task fails.
    Fail(E),
}

/// An iteration that takes turns with others. Made by [`Cooperator::cooperate`](super::Cooperator::cooperate).
///
/// Clones are handles on the same task; when all are dropped, it goes on.
pub struct CooperativeTask<E: From<Aborted> + 'static = Aborted> {
    steps: Arc<Steps<E>>,
}

impl<E: From<Aborted> + Send + Sync + 'static> CooperativeTask<E> {
    pub(super) fn new(cooperator: Arc<Turns>, work: Work<E>) -> Self {
        let steps = Arc::new(Steps::new(cooperator, work));
        // They begin with the one pause that is taken back here.
        steps.unpause();
        Self { steps }
    }

    /// Gives a deferred that fires when the task ends, or has fired if it has ended. Each call gives another.
    ///
    /// Cancelling it does not stop the task. A failure of which nobody asked for such a deferred is not reported.
    #[track_caller]
    pub fn when_done(&self) -> Deferred<(), TaskFailure<E>> {
        self.steps.watch()
    }

    /// Lets the task take no steps until it is resumed. Pauses nest.
    ///
    /// # Errors
    /// If the task has ended, how.
    pub fn pause(&self) -> Result<(), TaskError> {
        self.steps.pause()
    }

    /// Takes one [`pause`](Self::pause) back. The task takes its next step in a turn of its own.
    ///
    /// [Waiting](Step::Wait) counts as a pause: a task that is resumed while it waits goes on at once, and the
    /// pause that is missing then is reported as an [unhandled](crate::unhandled) failure when the wait ends. On a
    /// task that ended while it was paused, taking the pauses back does nothing.
    ///
    /// # Errors
    /// [`TaskError::NotPaused`], also if the task has ended.
    pub fn resume(&self) -> Result<(), TaskError> {
        if self.steps.unpause() {
            Ok(())
        } else {
            Err(TaskError::NotPaused)
        }
    }

    /// Ends the task with [`TaskFailure::Stopped`]. It takes no more steps, and what it waits for does not
    /// matter to it any more.
    ///
    /// # Errors
    /// If the task has ended, how.
    pub fn stop(&self) -> Result<(), TaskError> {
        self.steps.finish(Err(TaskFailure::Stopped))
    }
}

impl<E: From<Aborted> + 'static> Clone for CooperativeTask<E> {
    fn clone(&self) -> Self {
        Self {
            steps: self.steps.clone(),
        }
    }
}

impl<E: From<Aborted> + 'static> fmt::Debug for CooperativeTask<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CooperativeTask")
            .field("ended", &self.steps.check().err())
            .finish_non_exhaustive()
    }
}
