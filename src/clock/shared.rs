//! What the handles on a clock share: time, tasks and timers, and how they run.

use std::{
    fmt,
    future::Future,
    io, mem,
    ops::ControlFlow,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use super::{
    queue::{Queue, Turn},
    random::Random,
    timers::{ListedTimer, Timers},
};
use crate::{EventLoop, Job, Source, Task, Timer, reactor};

/// A clock. Nothing foreign is polled, woken or dropped while its state is locked.
pub(super) struct Shared {
    pub(super) base: Instant,
    /// What the order follows from, if it is a random one.
    pub(super) seed: Option<u64>,
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

impl State {
    /// Takes what is to run next. On a seeded clock the timers that are due at `instant` take turns with the tasks.
    fn next(&mut self, awaited: Option<u64>, instant: Option<Instant>) -> Option<Turn> {
        if let Some(instant) = instant {
            if self.timers.is_due(instant) && self.queue.yields_to_a_timer() {
                let fired = self.timers.fire_first(instant);
                return fired.map(|(_, waker)| Turn::Timer(waker));
            }
        }
        self.queue.next(awaited)
    }
}

impl Shared {
    pub(super) fn new(seed: Option<u64>) -> Self {
        let base = Instant::now();
        let mut random = seed.map(Random::new);
        let for_timers = random.as_mut().map(Random::split);
        Self {
            base,
            seed,
            state: Mutex::new(State {
                now: base,
                closed: false,
                queue: Queue::new(random),
                timers: Timers::new(for_timers),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what can run until nothing can, or `awaited` is ready.
    pub(super) fn run(&self, awaited: &mut Option<Awaited<'_>>) -> ControlFlow<()> {
        self.run_at(None, awaited)
    }

    /// Runs what can run; `instant` is the deadline of a timer that has fired just now.
    fn run_at(&self, instant: Option<Instant>, awaited: &mut Option<Awaited<'_>>) -> ControlFlow<()> {
        reactor::as_loop(true, || self.run_turns(instant, awaited))
    }

    fn run_turns(&self, instant: Option<Instant>, awaited: &mut Option<Awaited<'_>>) -> ControlFlow<()> {
        // In the order of a queue, timers wait until nothing else can run.
        let instant = instant.filter(|_| self.seed.is_some());
        loop {
            let number = awaited.as_ref().map(|awaited| awaited.number);
            let turn = self.lock().next(number, instant);
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
                Some(Turn::Timer(waker)) => wake(waker),
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
                state.timers.fire_first(now)
            };
            match fired {
                Some((due, waker)) => {
                    wake(waker);
                    self.run_at(Some(due), awaited)?;
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

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let mut clock = f.debug_struct("Clock");
        clock
            .field("elapsed", &(state.now - self.base))
            .field("tasks", &state.queue.len())
            .field("timers", &state.timers.len());
        if let Some(seed) = self.seed {
            clock.field("seed", &seed);
        }
        clock.finish()
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

    fn is_virtual(&self) -> bool {
        true
    }
}
