use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use super::cell::task;
use crate::{Aborted, Deferred};

/// A future on its way to an [`EventLoop`](crate::EventLoop), which polls it to its end.
///
/// It is two words, `Send` and `Unpin`, and its output is `()`: the future's result goes to the
/// deferred that was made with it. A panic of the future is caught and becomes
/// [`Aborted::panicked`]. Dropped before its end, as a loop does that shuts down, it fails its
/// deferred with [`Aborted::shut_down`]; cancelled, it ends at its next poll.
#[must_use = "a task does nothing until a loop polls it, and fails its deferred when it is dropped"]
pub struct Task {
    producer: task::Producer,
}

/// What the code of a task finds around it: its polls, its destructor, and the callbacks that its result
/// runs.
pub(crate) trait Surroundings: Send + 'static {
    /// What is kept outside of the task while its code runs.
    type Before;

    /// Puts the task's surroundings in place of the thread's, and keeps those.
    fn enter(&mut self) -> Self::Before;

    /// Puts the thread's surroundings back. Called once for each time they were entered, last one first.
    fn leave(&mut self, before: Self::Before);
}

/// Those of the thread.
impl Surroundings for () {
    type Before = ();

    fn enter(&mut self) {}

    fn leave(&mut self, (): ()) {}
}

impl Task {
    /// Makes a task of a future, and the deferred that it fires: one allocation.
    #[track_caller]
    pub fn new<T, E, F>(future: F) -> (Self, Deferred<T, E>)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Aborted> + Send + 'static,
    {
        Self::within((), future)
    }

    /// Makes a task whose code runs in surroundings of its own.
    #[track_caller]
    pub(crate) fn within<T, E, F>(surroundings: impl Surroundings, future: F) -> (Self, Deferred<T, E>)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Aborted> + Send + 'static,
    {
        let (producer, consumer) = task::spawn(future, surroundings, Location::caller());
        (Self { producer }, Deferred::from_half(consumer))
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.producer.poll(cx)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("ended", &self.producer.has_ended())
            .finish()
    }
}
