//! A future on its way to an event loop, and the deferred that it fires; in both flavours.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use super::cell::task;
use crate::Aborted;

/// What the code of a task finds around it: its polls, its destructor, and the callbacks that its result
/// runs.
pub(crate) trait Surroundings: 'static {
    /// What is kept outside of the task while its code runs.
    type Before;

    /// Puts the task's surroundings in place of the thread's, and keeps those.
    fn enter(&mut self) -> Self::Before;

    /// Puts the thread's surroundings back. Called once for each time they were entered, last one first; `made_at` says where
    /// the task was made.
    fn leave(&mut self, before: Self::Before, made_at: impl FnOnce() -> &'static Location<'static>);

    /// Calls `drop`, which drops the future of a cancelled task, inside of its surroundings and on whatever thread cancels it.
    fn drop_cancelled(drop: &mut dyn FnMut()) {
        drop();
    }
}

/// Those of the thread.
impl Surroundings for () {
    type Before = ();

    fn enter(&mut self) {}

    fn leave(&mut self, (): (), _: impl FnOnce() -> &'static Location<'static>) {}
}

macro_rules! task {
    (
        $(#[$doc:meta])*
        deferred: $Deferred:ty,
        bounds: [$($bound:tt)*],
        marker: $Marker:ty,
    ) => {
        $(#[$doc])*
        #[must_use = "a task does nothing until a loop polls it, and fails its deferred when it is dropped"]
        pub struct Task {
            producer: task::Producer,
            marker: PhantomData<$Marker>,
        }

        impl Task {
            /// Makes a task of a future, and the deferred that it fires: one allocation.
            #[track_caller]
            pub fn new<T, E, F>(future: F) -> (Self, $Deferred)
            where
                F: Future<Output = Result<T, E>> + $($bound)* 'static,
                T: $($bound)* 'static,
                E: From<Aborted> + $($bound)* 'static,
            {
                Self::within((), future)
            }

            /// Makes a task whose code runs in surroundings of its own.
            #[track_caller]
            pub(crate) fn within<T, E, F>(
                surroundings: impl Surroundings + $($bound)* 'static,
                future: F,
            ) -> (Self, $Deferred)
            where
                F: Future<Output = Result<T, E>> + $($bound)* 'static,
                T: $($bound)* 'static,
                E: From<Aborted> + $($bound)* 'static,
            {
                let (producer, consumer) = task::spawn(future, surroundings, Location::caller());
                let marker = PhantomData;
                (Self { producer, marker }, <$Deferred>::from_half(consumer))
            }
        }

        impl Future for Task {
            type Output = ();

            #[inline]
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
    };
}

task! {
    /// A future on its way to an [`EventLoop`](crate::EventLoop), which polls it to its end.
    ///
    /// It is one word, `Send` and `Unpin`, and its output is `()`: the future's result goes to the
    /// deferred that was made with it. A panic of the future is caught and becomes
    /// [`Aborted::panicked`]. Dropped before its end, as a loop does that shuts down, it fails its
    /// deferred with [`Aborted::shut_down`]; cancelled, it ends at its next poll.
    deferred: crate::Deferred<T, E>,
    bounds: [Send +],
    marker: (),
}

/// Those that stay on their thread.
pub(super) mod local {
    use super::*;

    task! {
        /// A future on its way to an [`EventLoop`](crate::local::EventLoop) of this thread, which polls it to its end.
        ///
        /// All is as with [`crate::Task`], except that nothing needs to be `Send`, and neither is this.
        deferred: crate::local::Deferred<T, E>,
        bounds: [],
        marker: *const (),
    }
}
