use std::{
    fmt,
    future::Future,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use crate::{Aborted, Task};

/// What an adapter supplies: an event loop that is running already, as five operations.
///
/// Users hold a [`Reactor`](crate::Reactor), which is made of one of these. Everything else in this
/// crate is built on the five, once, so that it behaves alike on every loop. A new adapter is done
/// when it passes the crate `interloop-conformance`.
///
/// This is a whole one, for a loop that runs everything on threads of their own and has no
/// descriptors to wait for:
///
/// ```
/// use std::{io, os::fd::OwnedFd, pin::Pin, task::{Context, Poll}, thread, time::Instant};
/// use interloop::{Aborted, EventLoop, Job, Reactor, Source, Task, Timer};
///
/// #[derive(Debug)]
/// struct Threads;
///
/// struct Alarm(Instant);
///
/// impl Future for Alarm {
///     type Output = Result<(), Aborted>;
///     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
///         let (at, waker) = (self.0, cx.waker().clone());
///         if Instant::now() >= at {
///             return Poll::Ready(Ok(()));
///         }
///         thread::spawn(move || {
///             thread::sleep(at.saturating_duration_since(Instant::now()));
///             waker.wake();
///         });
///         Poll::Pending
///     }
/// }
///
/// impl Timer for Alarm {
///     fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
///         self.0 = deadline;
///     }
/// }
///
/// impl EventLoop for Threads {
///     fn spawn(&self, task: Task) {
///         thread::spawn(move || futures_executor::block_on(task));
///     }
///     fn spawn_blocking(&self, job: Job) {
///         thread::spawn(move || job.run());
///     }
///     fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
///         Box::pin(Alarm(deadline))
///     }
///     fn register(&self, _: OwnedFd) -> io::Result<Box<dyn Source>> {
///         Err(io::ErrorKind::Unsupported.into())
///     }
/// }
///
/// let reactor = Reactor::new(Threads);
/// let answer = reactor.spawn(async {
///     let reactor = Reactor::current()?;
///     reactor.sleep(std::time::Duration::from_millis(1)).await?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(42)
/// });
/// assert_eq!(futures_executor::block_on(answer).unwrap(), 42);
/// ```
pub trait EventLoop: fmt::Debug + Send + Sync + 'static {
    /// Runs a task to its end, detached.
    ///
    /// A loop that cannot run it, as it has shut down, drops it. That is how the task's deferred
    /// learns of it. Must not poll the task before it returns.
    fn spawn(&self, task: Task);

    /// Runs a job on a thread where blocking is fine. It starts even if nobody waits for it.
    ///
    /// A loop that cannot run it, as it has shut down, drops it.
    fn spawn_blocking(&self, job: Job);

    /// Makes a timer for a point of time as [`now`](Self::now) counts it. Must not panic: a loop
    /// that has shut down gives a timer that fails.
    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>>;

    /// Takes a descriptor in, to wait for its readiness. It is in non-blocking mode already.
    ///
    /// # Errors
    /// If the descriptor cannot be waited for, or the loop has shut down. The descriptor is closed.
    fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>>;

    /// The loop's own clock.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Whether the loop's time is virtual: it moves from timer to timer, as a test has it.
    ///
    /// Delayed calls are exact then, each with a place of its own among the loop's timers. In real time, those that are due
    /// in the same millisecond share a timer.
    fn is_virtual(&self) -> bool {
        false
    }

    /// Has the future of a cancelled task dropped, or a job that was cancelled before it ran, on the thread that cancels it.
    ///
    /// All else of a task runs when the loop polls it or drops it. A loop that has anything around it then can have it here, too;
    /// it calls `drop` once.
    fn drop_cancelled(&self, drop: &mut dyn FnMut()) {
        drop();
    }
}

/// A timer of a loop: ready at its deadline or later, never earlier; an error if the loop has shut
/// down.
///
/// It is not polled after that, unless it was reset.
pub trait Timer: Future<Output = Result<(), Aborted>> + Send + Sync {
    /// Moves the deadline, in either direction, also after the timer was ready.
    ///
    /// The task that waits for it need not poll it again to be woken at the new deadline.
    fn reset(self: Pin<&mut Self>, deadline: Instant);
}

/// A descriptor that a loop waits for.
///
/// It owns the descriptor: dropped, it deregisters it, then closes it; taken apart, it deregisters it and gives it back.
pub trait Source: AsFd + fmt::Debug + Send + Sync {
    /// Runs `op` when the descriptor is ready, and parks the task while `op` says `WouldBlock`.
    ///
    /// `op` may run before the descriptor is known to be ready, and is run again until it says
    /// something else than `WouldBlock`. Any number of tasks may wait in the same direction, and
    /// all of them make progress: see [`Waiters`](crate::source::Waiters) for loops that wake only one.
    ///
    /// # Errors
    /// Those of `op`, and those of the loop: it has shut down.
    fn poll_io(&self, cx: &mut Context<'_>, interest: Interest, op: &mut Operation<'_>) -> Poll<io::Result<()>>;

    /// Deregisters the descriptor and gives it back, open, and in the mode in which it was.
    ///
    /// What this does unless a loop has something better: it gives back a duplicate, and drops the source, which closes the
    /// descriptor that it has.
    ///
    /// # Errors
    /// Those of the loop, and if there are no descriptors left for a duplicate. The descriptor is closed then.
    fn into_fd(self: Box<Self>) -> io::Result<OwnedFd> {
        self.as_fd().try_clone_to_owned()
    }
}

/// An attempt at input or output on a descriptor, as [`Source::poll_io`] makes them.
pub type Operation<'a> = dyn FnMut(BorrowedFd<'_>) -> io::Result<Readiness> + 'a;

/// The direction in which a task waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// For something to read, to accept, or the end of the stream.
    Readable,
    /// For room to write, or the end of a connection attempt.
    Writable,
}

/// What an operation that succeeded left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The descriptor may well be ready for more.
    Remains,
    /// The next attempt would most likely say `WouldBlock`: a read that was shorter than its
    /// buffer, on a stream socket. A loop may use that to save the attempt.
    Drained,
}

/// A blocking job on its way to an [`EventLoop`].
///
/// Dropped without having run, it fails its deferred with [`Aborted::shut_down`].
#[derive(Debug)]
#[must_use = "a job does nothing until it is run, and fails its deferred when it is dropped"]
pub struct Job {
    // A future that is ready at its first poll, for all that a task does beside running it.
    task: Task,
}

impl Job {
    pub(super) fn new(task: Task) -> Self {
        Self { task }
    }

    /// Runs the job. A panic in it is caught, and fails its deferred.
    pub fn run(mut self) {
        let polled = Pin::new(&mut self.task).poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(polled.is_ready(), "a job has nothing to wait for");
    }
}
