//! The handle on an event loop that is running already.

pub mod block_on;
mod callbacks;
mod calls;
mod cannot_wait;
mod coroutine;
mod current;
mod deferred;
mod event_loop;
mod infallible;
pub(crate) mod local;
pub mod slow;
pub mod source;
mod thread;
pub mod time;
pub(crate) mod wait;
mod watch;

use std::{
    future::Future,
    io,
    os::fd::OwnedFd,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use socket2::SockRef;

pub(crate) use self::current::{as_loop, runs_loop};
pub use self::{
    block_on::BlockOnError,
    callbacks::{DelayedCall, Metrics},
    calls::NotActive,
    cannot_wait::CannotWait,
    current::{Entered, NoReactor},
    event_loop::{EventLoop, Interest, Job, Operation, Readiness, Source, Timer},
    thread::defer_to_thread,
    watch::Watch,
};
use self::{calls::Calls, current::Current, infallible::Infallible};
use crate::{
    Aborted, Deferred, Task,
    time::{Interval, Sleep, Timeout},
};

/// A handle on an event loop: cheap to clone, to pass and to store.
///
/// An adapter makes one of the loop that is running: `interloop_tokio::current()`,
/// `interloop_smol::global()` and their like. Code that can be handed a reactor takes it as an
/// argument; code that cannot finds it with [`Reactor::current`].
///
/// It keeps no loop alive that would end otherwise, except where its adapter says so.
#[derive(Clone, Debug)]
pub struct Reactor {
    shared: Arc<Shared<dyn EventLoop>>,
}

/// What all handles on one reactor share.
#[derive(Debug)]
struct Shared<L: ?Sized> {
    calls: Calls<Reactor>,
    /// In nanoseconds; the greatest number if there is none.
    slow_limit: AtomicU64,
    watch: Option<Watch>,
    event_loop: L,
}

impl Reactor {
    /// Makes a reactor of a loop. For adapters; users get theirs from one.
    pub fn new(event_loop: impl EventLoop) -> Self {
        Self::with_watch(event_loop, None)
    }

    fn with_watch(event_loop: impl EventLoop, watch: Option<Watch>) -> Self {
        Self {
            shared: Arc::new(Shared {
                calls: Calls::new(&event_loop),
                slow_limit: AtomicU64::new(u64::MAX),
                watch,
                event_loop,
            }),
        }
    }

    /// The reactor of the running task.
    ///
    /// Every task and blocking job that was spawned through a reactor has it as its current one,
    /// while it runs, while it is dropped, and in the callbacks that its result runs;
    /// [`enter`](Self::enter) makes one current elsewhere. Callbacks run by a cancellation, or because they
    /// are attached to a result that is there, have that of whoever cancels or attaches.
    ///
    /// # Errors
    /// If none is current here.
    pub fn current() -> Result<Self, NoReactor> {
        current::current()
    }

    /// Makes this reactor current on this thread, until the guard is dropped.
    ///
    /// # Panics
    /// The guard panics when guards are not dropped in the reverse order of their making.
    ///
    /// ```
    /// # fn with(reactor: interloop::Reactor) {
    /// use interloop::Reactor;
    ///
    /// let _entered = reactor.enter();
    /// let same = Reactor::current().unwrap();
    /// # }
    /// ```
    pub fn enter(&self) -> Entered<'_> {
        Entered::new(self)
    }

    /// The loop behind the reactor.
    pub fn event_loop(&self) -> &dyn EventLoop {
        &self.shared.event_loop
    }

    fn watch(&self) -> Option<&Watch> {
        self.shared.watch.as_ref()
    }

    /// Runs a future on the loop. The deferred has its result; dropping that detaches the task,
    /// cancelling it drops the future at once.
    ///
    /// A panic fails the deferred with [`Aborted::panicked`], a loop that shuts down with
    /// [`Aborted::shut_down`]. Two allocations: the loop's task, and one that holds the future and then its
    /// result.
    ///
    /// ```
    /// # futures_executor::block_on(async {
    /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
    /// let answer = reactor.spawn(async { Ok::<_, std::io::Error>(6 * 7) });
    /// assert_eq!(answer.await.unwrap(), 42);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<T, E>(&self, future: impl Future<Output = Result<T, E>> + Send + 'static) -> Deferred<T, E>
    where
        T: Send + 'static,
        E: From<Aborted> + Send + 'static,
    {
        let (task, deferred) = Task::within(Current::<false>::new(self.clone()), future);
        self.shared.event_loop.spawn(task);
        deferred
    }

    /// Like [`spawn`](Self::spawn), for a future whose output is no `Result`.
    #[track_caller]
    pub fn spawn_infallible<T>(&self, future: impl Future<Output = T> + Send + 'static) -> Deferred<T, Aborted>
    where
        T: Send + 'static,
    {
        self.spawn(Infallible::new(future))
    }

    /// Runs a closure on a thread where blocking is fine. It starts even if nobody waits for it.
    ///
    /// Cancelled before it starts, it never runs; once started it runs to its end, and its result
    /// is dropped.
    ///
    /// ```
    /// # futures_executor::block_on(async {
    /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
    /// let manifest = reactor.spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
    /// assert!(manifest.await.unwrap().contains("interloop"));
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<T, E>(&self, job: impl FnOnce() -> Result<T, E> + Send + 'static) -> Deferred<T, E>
    where
        T: Send + 'static,
        E: From<Aborted> + Send + 'static,
    {
        let (task, deferred) = Task::within(Current::<true>::new(self.clone()), async move { job() });
        self.shared.event_loop.spawn_blocking(Job::new(task));
        deferred
    }

    /// The time on the loop's own clock.
    pub fn now(&self) -> Instant {
        self.shared.event_loop.now()
    }

    /// Waits for a duration. Never ready early.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(time::after(self.now(), duration))
    }

    /// Waits until a point of time. Never ready early.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::new(self.shared.event_loop.timer(deadline), deadline)
    }

    /// Gives a future a limited time, after which the result is [`Aborted::timed_out`], as the
    /// future's own error type has it.
    pub fn timeout<T, E, F>(&self, limit: Duration, future: F) -> Timeout<F>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Aborted>,
    {
        self.timeout_at(time::after(self.now(), limit), future)
    }

    /// Gives a future until a point of time. See [`timeout`](Self::timeout).
    pub fn timeout_at<T, E, F>(&self, deadline: Instant, future: F) -> Timeout<F>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Aborted>,
    {
        Timeout::new(self.clone(), deadline, future)
    }

    /// Ticks at once, and then once in every `period`.
    ///
    /// A period of zero counts as a nanosecond. Ticks that were missed are skipped, see
    /// [`MissedTicks`](time::MissedTicks).
    pub fn interval(&self, period: Duration) -> Interval {
        self.interval_at(self.now(), period)
    }

    /// Ticks at `start`, and then once in every `period`. See [`interval`](Self::interval).
    pub fn interval_at(&self, start: Instant, period: Duration) -> Interval {
        Interval::new(self.sleep_until(start), self.clone(), period)
    }

    /// Waits for a descriptor's readiness: sets it non-blocking and registers it with the loop.
    ///
    /// # Errors
    /// - [`io::ErrorKind::Unsupported`], with [`CannotWait`] in it, if there is nothing to wait for: on
    ///   Linux, a regular file or a directory.
    /// - [`io::ErrorKind::AlreadyExists`], with [`CannotWait`] in it, if the loop says that it waits for
    ///   this one already.
    /// - If the loop has shut down.
    ///
    /// The descriptor is closed then.
    pub fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        // Works on any descriptor, whatever the type's name says.
        SockRef::from(&fd).set_nonblocking(true)?;
        self.register_nonblocking(fd)
    }

    /// Registers a descriptor that is in non-blocking mode.
    pub(crate) fn register_nonblocking(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        self.shared.event_loop.register(fd).map_err(CannotWait::explain)
    }
}
