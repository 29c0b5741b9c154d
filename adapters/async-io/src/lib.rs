//! [`interloop`] on any executor: what runs tasks is yours, [async-io] waits for readiness and time,
//! and [blocking] runs blocking jobs.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use interloop::Aborted;
//!
//! let pool = futures_executor::ThreadPool::new().unwrap();
//! let reactor = interloop_async_io::reactor("my pool", move |task| pool.spawn_ok(task));
//!
//! let answer = reactor.spawn(async {
//!     interloop::Reactor::current().unwrap().sleep(Duration::from_millis(1)).await?;
//!     Ok::<_, Aborted>(42)
//! });
//! assert_eq!(futures_executor::block_on(answer).unwrap(), 42);
//! ```
//!
//! # Threads
//!
//! async-io starts one thread for the process (`async-io`) when it is first used, and blocking starts
//! threads as jobs need them (`blocking-…`) and ends them when they are idle.
//!
//! [async-io]: https://github.com/smol-rs/async-io
//! [blocking]: https://github.com/smol-rs/blocking

#![forbid(unsafe_code)]

use std::{
    fmt,
    future::Future,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
    time::Instant,
};

use async_io::Async;
use interloop::{Aborted, EventLoop, Interest, Job, Operation, Reactor, Source, Task, Timer, source::Waiters};

/// A reactor whose tasks are run by `spawn`.
///
/// `spawn` detaches the task, and drops it if the executor has shut down. `name` appears in
/// debugging output.
///
/// For executors that can end before their reactor does, or whose threads wait in async-io, see [`Builder`].
pub fn reactor(name: &'static str, spawn: impl Fn(Task) + Send + Sync + 'static) -> Reactor {
    Builder::new(name).reactor(spawn)
}

/// What is to be known of an executor beside how it runs tasks.
///
/// ```
/// use std::sync::Arc;
/// use futures_executor::ThreadPool;
/// use interloop_async_io::Builder;
///
/// let pool = Arc::new(ThreadPool::new().unwrap());
/// let (runs, ended) = (Arc::downgrade(&pool), Arc::downgrade(&pool));
/// let reactor = Builder::new("my pool")
///     .ends_when(move || ended.strong_count() == 0)
///     .reactor(move |task| {
///         if let Some(pool) = runs.upgrade() {
///             pool.spawn_ok(task);
///         }
///     });
/// drop(pool);
/// let job = reactor.spawn_blocking(|| Ok::<_, interloop::Aborted>(42));
/// assert!(futures_executor::block_on(job).unwrap_err().is_shut_down());
/// ```
#[must_use = "a builder does nothing until it makes a reactor"]
pub struct Builder {
    name: &'static str,
    has_ended: Option<Box<dyn Fn() -> bool + Send + Sync>>,
    asks_first: bool,
}

impl Builder {
    /// An executor that lives as long as its reactor, and has threads of its own. `name` appears in
    /// debugging output.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            has_ended: None,
            asks_first: false,
        }
    }

    /// The executor can end; `has_ended` says whether it has.
    ///
    /// async-io and blocking outlive it, and what was begun on them goes on. From the end on, blocking
    /// jobs are refused as tasks are, and so are new timers and descriptors.
    pub fn ends_when(mut self, has_ended: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.has_ended = Some(Box::new(has_ended));
        self
    }

    /// The executor is run by `async_io::block_on`, as smol's and async-std's are: its threads wait
    /// in async-io when they have nothing to do. This changes no behaviour, only what is cheaper: such
    /// a thread saves a read in vain per message; any other one saves being put to sleep and woken.
    pub fn waits_in_async_io(mut self) -> Self {
        self.asks_first = true;
        self
    }

    /// A reactor whose tasks are run by `spawn`, which detaches the task, and drops it if the executor
    /// has shut down.
    pub fn reactor(self, spawn: impl Fn(Task) + Send + Sync + 'static) -> Reactor {
        Reactor::new(AsyncIo { executor: self, spawn })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("waits_in_async_io", &self.asks_first)
            .finish_non_exhaustive()
    }
}

struct AsyncIo<S> {
    executor: Builder,
    spawn: S,
}

impl<S> AsyncIo<S> {
    fn has_ended(&self) -> bool {
        self.executor.has_ended.as_ref().is_some_and(|has_ended| has_ended())
    }
}

impl<S> fmt::Debug for AsyncIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.executor.name)
    }
}

impl<S: Fn(Task) + Send + Sync + 'static> EventLoop for AsyncIo<S> {
    fn spawn(&self, task: Task) {
        (self.spawn)(task);
    }

    fn spawn_blocking(&self, job: Job) {
        if !self.has_ended() {
            blocking::unblock(move || job.run()).detach();
        }
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        let timer = (!self.has_ended()).then(|| async_io::Timer::at(deadline));
        Box::pin(AsyncIoTimer(timer))
    }

    fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        if self.has_ended() {
            return Err(Aborted::shut_down().into());
        }
        Ok(Box::new(AsyncIoSource::new(fd, self.executor.asks_first)?))
    }
}

/// Empty if it was made after the end.
struct AsyncIoTimer(Option<async_io::Timer>);

impl Future for AsyncIoTimer {
    type Output = Result<(), Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(timer) => Pin::new(timer).poll(cx).map(|_| Ok(())),
            None => Poll::Ready(Err(Aborted::shut_down())),
        }
    }
}

impl Timer for AsyncIoTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        if let Some(timer) = &mut self.0 {
            timer.set_at(deadline);
        }
    }
}

#[derive(Debug)]
struct AsyncIoSource {
    fd: Async<OwnedFd>,
    waiters: Waiters,
    /// See [`Builder::waits_in_async_io`].
    asks_first: bool,
    reading: Direction,
    writing: Direction,
}

/// Whether a task has parked in a direction since readiness was last seen there.
#[derive(Debug, Default)]
struct Direction {
    parked: AtomicBool,
}

impl AsyncIoSource {
    fn new(fd: OwnedFd, asks_first: bool) -> io::Result<Self> {
        Ok(Self {
            fd: Async::new_nonblocking(fd)?,
            waiters: Waiters::new(),
            asks_first,
            reading: Direction::default(),
            writing: Direction::default(),
        })
    }

    fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
        self.waiters.poll(cx, interest, |cx| match interest {
            Interest::Readable => self.fd.poll_readable(cx),
            Interest::Writable => self.fd.poll_writable(cx),
        })
    }
}

impl AsFd for AsyncIoSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Source for AsyncIoSource {
    fn poll_io(&self, cx: &mut Context<'_>, interest: Interest, op: &mut Operation<'_>) -> Poll<io::Result<()>> {
        let direction = match interest {
            Interest::Readable => &self.reading,
            Interest::Writable => &self.writing,
        };
        loop {
            // Where a task that was woken asks first, it consumes the readiness that woke it. Otherwise that
            // would be left over for the next wait, which would try in vain once more. The flag is a hint
            // only: whatever it says, the attempt and the wait follow each other.
            if !(self.asks_first && direction.parked.load(Ordering::Relaxed)) {
                // Readiness is not remembered here, so the attempt is the cheapest way to ask for it.
                match op(self.fd.as_fd()) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        direction.parked.store(true, Ordering::Relaxed);
                    }
                    result => return Poll::Ready(result.map(drop)),
                }
            }
            ready!(self.poll_ready(cx, interest))?;
            direction.parked.store(false, Ordering::Relaxed);
        }
    }

    fn into_fd(self: Box<Self>) -> io::Result<OwnedFd> {
        self.fd.into_inner()
    }
}
