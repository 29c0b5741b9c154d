//! What the handles on a clock share: time, tasks and timers, and how they run.

use std::{
    fmt,
    future::Future,
    io, mem,
    ops::ControlFlow,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Context,
    time::{Duration, Instant},
};

use super::{
    queue::{Queue, Turn},
    timers::{ListedTimer, Timers},
};
use crate::{EventLoop, Job, Source, Task, Timer, reactor};

/// A clock. Nothing foreign is polled, woken or dropped while its state is locked.
pub(super) struct Shared {
    pub(super) base: Instant,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) now: Instant,
    /// The last handle is gone: nothing runs any more.
    pub(super) closed: bool,
    pub(super) queue: Queue,
    pub(super) timers: Timers,
}

/// A future that one of the calls on the stack waits for, and which is polled in its turn.
pub(super) struct Awaited<'a> {
    shared: &'a Arc<Shared>,
    number: u64,
    /// Breaks when the future is ready.
    poll: &'a mut dyn FnMut(&mut Context<'_>) -> ControlFlow<()>,
}

impl<'a> Awaited<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, poll: &'a mut dyn FnMut(&mut Context<'_>) -> ControlFlow<()>) -> Self {
        let number = shared.lock().queue.add_awaited(shared);
        Self { shared, number, poll }
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.shared.lock().queue.remove(self.number);
    }
}

impl Shared {
    pub(super) fn new() -> Self {
        let base = Instant::now();
        Self {
            base,
            state: Mutex::new(State {
                now: base,
                closed: false,
                queue: Queue::default(),
                timers: Timers::default(),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what can run until nothing can, or `awaited` is ready.
    pub(super) fn run(&self, awaited: &mut Option<Awaited<'_>>) -> ControlFlow<()> {
        reactor::as_loop(true, || self.run_turns(awaited))
    }

    fn run_turns(&self, awaited: &mut Option<Awaited<'_>>) -> ControlFlow<()> {
        loop {
            let turn = self.lock().queue.next(awaited.as_ref().map(|awaited| awaited.number));
            match turn {
                Some(Turn::Task(number, mut task, waker)) => {
                    let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
                    let _left = {
                        let mut state = self.lock();
                        if polled.is_ready() {
                            state.queue.remove(number);
                            Some(task)
                        } else {
                            state.queue.put_back(number, task)
                        }
                    };
                }
                Some(Turn::Job(job)) => job.run(),
                Some(Turn::Awaited(waker)) => {
                    if let Some(awaited) = awaited {
                        (awaited.poll)(&mut Context::from_waker(&waker))?;
                    }
                }
                None => return ControlFlow::Continue(()),
            }
        }
    }

    /// Lets time pass, and runs what becomes due, one timer after the other, until nothing is or
    /// `awaited` is ready.
    pub(super) fn elapse(&self, duration: Duration, awaited: &mut Option<Awaited<'_>>) -> ControlFlow<()> {
        self.run(awaited)?;
        {
            let mut state = self.lock();
            state.now = state.now.checked_add(duration).expect("a clock cannot count that far");
        }
        loop {
            let fired = {
                let mut state = self.lock();
                let now = state.now;
                // Timers may have been moved since the last time.
                state.timers.sort();
                state.timers.fire_first(now)
            };
            match fired {
                Some(waker) => {
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    self.run(awaited)?;
                }
                None => return ControlFlow::Continue(()),
            }
        }
    }

    /// Drops all tasks and jobs, in the order in which they were spawned, and fails all timers.
    pub(super) fn shut_down(&self) {
        let (queue, wakers) = {
            let mut state = self.lock();
            state.closed = true;
            (mem::take(&mut state.queue), state.timers.clear())
        };
        drop(queue);
        for waker in wakers {
            waker.wake();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Clock")
            .field("elapsed", &(state.now - self.base))
            .field("tasks", &state.queue.len())
            .field("timers", &state.timers.len())
            .finish()
    }
}

/// The loop behind the reactors of a clock.
#[derive(Debug)]
pub(super) struct VirtualLoop(pub(super) Arc<Shared>);

impl EventLoop for VirtualLoop {
    fn spawn(&self, task: Task) {
        let mut state = self.0.lock();
        if !state.closed {
            state.queue.add_task(task, &self.0);
            return;
        }
        // The task is dropped unlocked: that runs its callbacks.
        drop(state);
        drop(task);
    }

    fn spawn_blocking(&self, job: Job) {
        let mut state = self.0.lock();
        if !state.closed {
            state.queue.add_job(job, &self.0);
            return;
        }
        drop(state);
        drop(job);
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(ListedTimer::new(self.0.clone(), deadline))
    }

    fn register(&self, _: OwnedFd) -> io::Result<Box<dyn Source>> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a `Clock` has virtual time, and cannot wait for descriptors: \
             use the reactor of a real loop for code that does",
        ))
    }

    fn now(&self) -> Instant {
        self.0.lock().now
    }
}
