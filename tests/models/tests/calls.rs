//! The callbacks of a reactor under loom: they are posted, made, cancelled and dropped by several threads, in every interleaving.
//! A task is polled only if it was woken, so a wake-up that is lost leaves a call unmade.
//!
//! Run by `ci/loom.sh`.
#![cfg(interloop_loom)]

use std::{
    collections::VecDeque,
    future::Future,
    io, mem,
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use interloop::{Aborted, EventLoop, Job, Reactor, Source, Task, Timer};
use interloop_models::model;
use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// A loop that a test drives. Its timers are ready when their time has come, and wake nobody: none is waited for here.
#[derive(Clone)]
struct Loop(Arc<Inner>);

impl Default for Loop {
    fn default() -> Self {
        Self(Arc::new(Inner {
            tasks: Mutex::new(Some(Tasks::new())),
        }))
    }
}

type Tasks = VecDeque<(Task, StdArc<Woken>)>;

struct Inner {
    /// None once it has shut down.
    tasks: Mutex<Option<Tasks>>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: StdArc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl Loop {
    fn reactor(&self) -> Reactor {
        Reactor::new(self.clone())
    }

    /// Polls each task that was woken, once.
    fn turn(&self) {
        let tasks = self.0.tasks.lock().unwrap().as_mut().map(mem::take);
        for (mut task, woken) in tasks.into_iter().flatten() {
            let is_ready = woken.0.swap(false, SeqCst) && {
                let waker = Waker::from(woken.clone());
                Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_ready()
            };
            if !is_ready {
                self.add(task, woken);
            }
        }
    }

    fn add(&self, task: Task, woken: StdArc<Woken>) {
        let mut tasks = self.0.tasks.lock().unwrap();
        if let Some(tasks) = &mut *tasks {
            return tasks.push_back((task, woken));
        }
        // Its destructor runs callbacks' destructors.
        drop(tasks);
        drop(task);
    }

    fn shut_down(&self) {
        let tasks = self.0.tasks.lock().unwrap().take();
        drop(tasks);
    }

    fn tasks(&self) -> usize {
        self.0.tasks.lock().unwrap().as_ref().map_or(0, Tasks::len)
    }
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loop")
    }
}

impl EventLoop for Loop {
    fn spawn(&self, task: Task) {
        self.add(task, StdArc::new(Woken(AtomicBool::new(true))));
    }

    fn spawn_blocking(&self, _: Job) {}

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Alarm(deadline))
    }

    fn register(&self, _: OwnedFd) -> io::Result<Box<dyn Source>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct Alarm(Instant);

impl Future for Alarm {
    type Output = Result<(), Aborted>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if Instant::now() >= self.0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

impl Timer for Alarm {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0 = deadline;
    }
}

/// Counts calls that were made, and callbacks that were dropped.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    fn callback(&self) -> impl FnOnce() + Send + 'static {
        struct OnDrop(Counts);

        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.0[1].fetch_add(1, SeqCst);
            }
        }

        let on_drop = OnDrop(self.clone());
        move || {
            on_drop.0.0[0].fetch_add(1, SeqCst);
        }
    }

    fn get(&self) -> (usize, usize) {
        (self.0[0].load(SeqCst), self.0[1].load(SeqCst))
    }
}

#[test]
fn what_two_threads_post_while_the_task_ends_is_called() {
    model(|| {
        let (looped, counts) = (Loop::default(), Counts::default());
        let reactor = looped.reactor();
        let posting = {
            let (reactor, counts) = (reactor.clone(), counts.clone());
            thread::spawn(move || reactor.call_soon(counts.callback()))
        };
        reactor.call_soon(counts.callback());
        looped.turn();
        posting.join().unwrap();
        // One that was woken while it was polled, and one that was spawned since.
        looped.turn();
        looped.turn();
        assert_eq!(counts.get(), (2, 2));
        assert_eq!(looped.tasks(), 0);
    });
}

#[test]
fn what_is_posted_while_the_loop_shuts_down_is_called_or_dropped() {
    model(|| {
        let (looped, counts) = (Loop::default(), Counts::default());
        let reactor = looped.reactor();
        reactor.call_soon(counts.callback());
        let posting = {
            let counts = counts.clone();
            thread::spawn(move || reactor.call_soon(counts.callback()))
        };
        looped.turn();
        looped.shut_down();
        posting.join().unwrap();
        let (made, dropped) = counts.get();
        assert!((1..=2).contains(&made), "{made} were made");
        assert_eq!(dropped, 2);
    });
}

#[test]
fn a_delayed_call_is_made_or_cancelled() {
    model(|| {
        let past = Instant::now();
        let (looped, counts) = (Loop::default(), Counts::default());
        let reactor = looped.reactor();
        let call = reactor.call_at(past, counts.callback());
        let cancelling = thread::spawn(move || call.cancel().is_ok());
        looped.turn();
        let is_cancelled = cancelling.join().unwrap();
        looped.turn();
        assert_eq!(counts.get(), (usize::from(!is_cancelled), 1));
        assert_eq!(looped.tasks(), 0);
    });
}

#[test]
fn an_earlier_call_wakes_the_task_that_waits_for_a_later_one() {
    model(|| {
        // Due whenever the loop looks.
        let past = Instant::now();
        let (looped, counts) = (Loop::default(), Counts::default());
        let reactor = looped.reactor();
        let later = reactor.call_later(Duration::from_secs(3600), || ());
        let scheduling = {
            let (reactor, counts) = (reactor.clone(), counts.clone());
            thread::spawn(move || drop(reactor.call_at(past, counts.callback())))
        };
        looped.turn();
        scheduling.join().unwrap();
        looped.turn();
        looped.turn();
        assert_eq!(counts.get(), (1, 1));
        // The task does not wait for what is not to come.
        later.cancel().unwrap();
        looped.turn();
        assert_eq!(looped.tasks(), 0);
    });
}
