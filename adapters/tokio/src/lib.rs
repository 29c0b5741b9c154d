//! [`interloop`] on [tokio](https://tokio.rs), multi-threaded or current-thread.
//!
//! ```
//! use interloop::Aborted;
//!
//! let runtime = tokio::runtime::Runtime::new().unwrap();
//! let reactor = interloop_tokio::from_handle(runtime.handle())?;
//! let answer = runtime.block_on(reactor.spawn(async { Ok::<_, Aborted>(42) }));
//! assert_eq!(answer.unwrap(), 42);
//! # Ok::<_, interloop_tokio::Error>(())
//! ```
//!
//! Where no runtime runs yet, [`block_on`](fn@block_on) and [`react`] build one for a function:
//!
//! ```
//! let slept = interloop_tokio::block_on(async |reactor| reactor.sleep(std::time::Duration::from_millis(1)).await);
//! slept.unwrap().unwrap();
//! ```
//!
//! A reactor does not keep its runtime alive. When the runtime has shut down, tasks fail with
//! [`Aborted::shut_down`], and so do timers and sockets that are used elsewhere.
//!
//! Each reactor keeps one idle task on the runtime, which is how it learns of the shutdown. Make one
//! reactor per runtime and clone it.
//!
//! Libraries that are made for tokio run on any other loop inside of a [`context`].

#![forbid(unsafe_code)]

mod block_on;
#[cfg(feature = "codec")]
pub mod codec;
pub mod context;
mod error;
pub mod io;
mod source;
mod timer;

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    panic::catch_unwind,
    pin::Pin,
    rc::{self, Rc},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use interloop::{Aborted, EventLoop, Job, Reactor, Source, Task, Timer, local};
use tokio::{runtime::Handle, task::LocalSet};

#[cfg(feature = "rt-multi-thread")]
pub use self::block_on::{block_on, react};
pub use self::{
    block_on::{block_on_current_thread, block_on_runtime, react_current_thread},
    error::Error,
};
use self::{
    source::{TokioSource, async_fd},
    timer::TokioTimer,
};

/// A reactor on the runtime in whose context this is called.
///
/// # Errors
/// If this is called outside of a runtime, or where one is entered only by a [`context`], as another loop runs the code; or as
/// for [`from_handle`].
pub fn current() -> Result<Reactor, Error> {
    let handle = Handle::try_current().map_err(Error::no_runtime)?;
    // A runtime that is entered may yet run something on this thread.
    if context::is_entered_only(&handle) && !block_on::has_budget() {
        return Err(Error::entered_only());
    }
    from_handle(&handle)
}

/// A reactor on a runtime.
///
/// # Errors
/// If the runtime's I/O or time driver is off. tokio offers no question for that but to try it, and
/// answers with a panic: it is caught here, though the program's panic hook sees it.
pub fn from_handle(handle: &Handle) -> Result<Reactor, Error> {
    Ok(Reactor::new(Tokio {
        handle: handle.clone(),
        ended: probe(handle)?,
    }))
}

/// Finds out whether a runtime has its drivers, and has it tell of its end.
fn probe(handle: &Handle) -> Result<Ended, Error> {
    let _entered = handle.enter();
    let has_time = catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO)));
    if has_time.is_err() {
        return Err(Error::no_time());
    }
    let (probe, _peer) = UnixStream::pair().map_err(Error::probe)?;
    // The result does not matter, as a runtime that has shut down has an error here too.
    let has_io = catch_unwind(|| drop(async_fd(probe.into())));
    if has_io.is_err() {
        return Err(Error::no_io());
    }
    let ended = Arc::new(AtomicBool::new(false));
    let sentinel = Sentinel(ended.clone());
    handle.spawn(async move {
        let _sentinel = sentinel;
        std::future::pending::<()>().await;
    });
    Ok(Ended(ended))
}

/// A local reactor, for what is not `Send`, on a local set of yours, which you run on this thread, and on the runtime that it is
/// run on.
///
/// Its [`handle`](local::Reactor::handle), by which other threads reach the runtime, is that of [`from_handle`]. It does not keep
/// the local set alive.
///
/// ```
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// let set = Rc::new(tokio::task::LocalSet::new());
/// let reactor = interloop_tokio::from_local_set(&set, runtime.handle())?;
/// let (completer, called) = interloop::local::Deferred::<Rc<str>>::pair();
/// reactor.call_later(Duration::from_millis(1), move || completer.complete("hello".into()));
/// assert_eq!(&*set.block_on(&runtime, called)?, "hello");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As for [`from_handle`].
pub fn from_local_set(set: &Rc<LocalSet>, handle: &Handle) -> Result<local::Reactor, Error> {
    Ok(local::Reactor::new(LocalLoop(Rc::downgrade(set)), from_handle(handle)?))
}

#[derive(Debug)]
struct LocalLoop(rc::Weak<LocalSet>);

impl local::EventLoop for LocalLoop {
    fn spawn(&self, task: local::Task) {
        if let Some(set) = self.0.upgrade() {
            set.spawn_local(task);
        }
    }
}

/// Dropped with the runtime's tasks, which is before its drivers shut down.
struct Sentinel(Arc<AtomicBool>);

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Whether the runtime has shut down. Its timers panic then, so they must not be polled.
#[derive(Clone, Debug)]
struct Ended(Arc<AtomicBool>);

impl Ended {
    fn check(&self) -> Result<(), Aborted> {
        if self.0.load(Ordering::Acquire) {
            Err(Aborted::shut_down())
        } else {
            Ok(())
        }
    }
}

#[derive(Debug)]
struct Tokio {
    handle: Handle,
    ended: Ended,
}

impl EventLoop for Tokio {
    fn spawn(&self, task: Task) {
        self.handle.spawn(task);
    }

    fn spawn_blocking(&self, job: Job) {
        self.handle.spawn_blocking(move || job.run());
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        let _entered = self.handle.enter();
        Box::pin(TokioTimer::new(deadline, self.ended.clone()))
    }

    fn register(&self, fd: OwnedFd) -> std::io::Result<Box<dyn Source>> {
        self.ended.check()?;
        let _entered = self.handle.enter();
        Ok(Box::new(TokioSource::new(fd)?))
    }

    fn now(&self) -> Instant {
        // tokio's clock, as its tests can stop it.
        tokio::time::Instant::now().into_std()
    }
}
