//! How cooperative tasks end, and what that does not allow any more.

use std::{error::Error, fmt, sync::Arc};

use crate::{Aborted, AsAborted};

/// Why a cooperative task did not come to its end, as [`when_done`](super::CooperativeTask::when_done) tells it.
#[derive(Debug)]
pub enum TaskFailure<E> {
    /// A step failed, or what it waited for. Shared by all who ask.
    Failed(Arc<E>),
    /// Somebody [stopped](super::CooperativeTask::stop) the task.
    Stopped,
    /// The cooperator was [stopped](super::Cooperator::stop), or its loop has shut down.
    SchedulerStopped,
    /// This deferred was cancelled. The task may go on.
    Aborted(Aborted),
}

impl<E> Clone for TaskFailure<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Stopped => Self::Stopped,
            Self::SchedulerStopped => Self::SchedulerStopped,
            Self::Aborted(aborted) => Self::Aborted(aborted.clone()),
        }
    }
}

impl<E> From<Aborted> for TaskFailure<E> {
    fn from(aborted: Aborted) -> Self {
        Self::Aborted(aborted)
    }
}

impl<E> AsAborted for TaskFailure<E> {
    fn as_aborted(&self) -> Option<&Aborted> {
        match self {
            Self::Aborted(aborted) => Some(aborted),
            _ => None,
        }
    }
}

impl<E> fmt::Display for TaskFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed(_) => "the cooperative task failed",
            Self::Stopped => "the cooperative task was stopped",
            Self::SchedulerStopped => "the cooperator was stopped, and the task with it",
            Self::Aborted(_) => "waiting for the cooperative task was given up",
        })
    }
}

impl<E: Error + 'static> Error for TaskFailure<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            Self::Aborted(aborted) => Some(aborted),
            Self::Stopped | Self::SchedulerStopped => None,
        }
    }
}

/// Why a cooperative task cannot be paused, resumed or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// It has come to its end.
    Done,
    /// It has failed.
    Failed,
    /// It was stopped.
    Stopped,
    /// Its cooperator was stopped.
    SchedulerStopped,
    /// It is not paused.
    NotPaused,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the cooperative task has come to its end already",
            Self::Failed => "the cooperative task has failed already; `when_done` gives the failure",
            Self::Stopped => "the cooperative task was stopped already",
            Self::SchedulerStopped => "the cooperative task ended when its cooperator was stopped",
            Self::NotPaused => "the cooperative task is not paused, so it cannot be resumed",
        })
    }
}

impl Error for TaskError {}
