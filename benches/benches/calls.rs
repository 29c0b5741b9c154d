//! Callbacks that a loop makes soon: against a channel that a task drains, and a task for each.
//!
//! Asyncio, uvloop, Tornado and Twisted run in Python, if `INTERLOOP_PYTHON` names one that has them; `benches/python/calls.py`
//! measures them, and `benches/README.md` has the command that makes one. To compare the contenders, run it through the `report`
//! binary.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use criterion::Criterion;
use interloop::{Completer, Deferred, Reactor};
use interloop_benches::{python, runtime::current_thread};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

type Call = Box<dyn FnOnce() + Send>;

const CALLS: u64 = 1_000_000;

/// A task that makes the calls which come through a channel.
fn drained(runtime: &Runtime) -> UnboundedSender<Call> {
    let (sender, mut receiver) = unbounded_channel::<Call>();
    runtime.spawn(async move {
        while let Some(call) = receiver.recv().await {
            call();
        }
    });
    sender
}

/// Counts calls down, and tells when all were made.
struct Countdown {
    left: AtomicU64,
}

impl Countdown {
    fn new(calls: u64) -> Arc<Self> {
        let left = AtomicU64::new(calls);
        Arc::new(Self { left })
    }

    fn call(&self, done: &Done) {
        // The calls are made one after the other, so that this needs no exchange.
        let left = self.left.load(Relaxed) - 1;
        self.left.store(left, Relaxed);
        if left == 0 {
            done.complete();
        }
    }
}

/// What completes the deferred that the measurement waits for.
struct Done(std::sync::Mutex<Option<Completer<()>>>);

impl Done {
    fn pair() -> (&'static Self, Deferred<()>) {
        let (completer, deferred) = Deferred::pair();
        // A few bytes for each measurement.
        (
            Box::leak(Box::new(Self(std::sync::Mutex::new(Some(completer))))),
            deferred,
        )
    }

    #[cold]
    fn complete(&self) {
        if let Some(completer) = self.0.lock().unwrap().take() {
            completer.complete(());
        }
    }
}

/// Runs batches until as many calls were made as asked for.
fn in_batches(count: u64, mut batch: impl FnMut(u64) -> Duration) -> Duration {
    let mut took = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let calls = left.min(CALLS);
        took += batch(calls);
        left -= calls;
    }
    took
}

/// Who posts the calls that are measured.
trait Poster {
    const GROUP: &'static str;

    /// Has so many of them posted, and gives the time until all have run.
    fn post_all(runtime: &Runtime, calls: u64, post: impl FnMut(Arc<Countdown>, &'static Done) + Send) -> Duration;
}

/// The loop's own thread, which runs them when it has posted all.
enum OwnThread {}

impl Poster for OwnThread {
    const GROUP: &'static str = "call_soon_posted";

    fn post_all(runtime: &Runtime, calls: u64, mut post: impl FnMut(Arc<Countdown>, &'static Done) + Send) -> Duration {
        runtime.block_on(async {
            let (done, all) = Done::pair();
            let countdown = Countdown::new(calls);
            let begun = Instant::now();
            for _ in 0..calls {
                post(countdown.clone(), done);
            }
            all.await.unwrap();
            begun.elapsed()
        })
    }
}

/// Another thread, while the loop runs.
enum OtherThread {}

impl Poster for OtherThread {
    const GROUP: &'static str = "call_soon_thread";

    fn post_all(runtime: &Runtime, calls: u64, mut post: impl FnMut(Arc<Countdown>, &'static Done) + Send) -> Duration {
        let (done, all) = Done::pair();
        let countdown = Countdown::new(calls);
        let begun = Instant::now();
        thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..calls {
                    post(countdown.clone(), done);
                }
            });
            runtime.block_on(all).unwrap();
            begun.elapsed()
        })
    }
}

fn call_soon_by<P: Poster>(criterion: &mut Criterion, runtime: &Runtime, reactor: &Reactor) {
    let mut group = criterion.benchmark_group(P::GROUP);
    group.bench_function("interloop", |bencher| {
        bencher.iter_custom(|count| {
            in_batches(count, |calls| {
                P::post_all(runtime, calls, |countdown, done| {
                    reactor.call_soon(move || countdown.call(done))
                })
            })
        });
    });
    let sender = drained(runtime);
    group.bench_function("mpsc-drained", |bencher| {
        bencher.iter_custom(|count| {
            in_batches(count, |calls| {
                P::post_all(runtime, calls, |countdown, done| {
                    let _ = sender.send(Box::new(move || countdown.call(done)));
                })
            })
        });
    });
    group.bench_function("spawned", |bencher| {
        bencher.iter_custom(|count| {
            in_batches(count, |calls| {
                P::post_all(runtime, calls, |countdown, done| {
                    runtime.spawn(async move { countdown.call(done) });
                })
            })
        });
    });
    python::contenders(&mut group, "calls.py", P::GROUP, PEERS);
    group.finish();
}

/// Each call posts the next one.
fn call_soon_chained(criterion: &mut Criterion, runtime: &Runtime, reactor: &Reactor) {
    fn step(reactor: Reactor, left: u64, done: &'static Done) {
        if black_box(left) == 0 {
            return done.complete();
        }
        let next = reactor.clone();
        reactor.call_soon(move || step(next, left - 1, done));
    }
    fn step_mpsc(sender: UnboundedSender<Call>, left: u64, done: &'static Done) {
        if black_box(left) == 0 {
            return done.complete();
        }
        let next = sender.clone();
        let _ = sender.send(Box::new(move || step_mpsc(next, left - 1, done)));
    }
    fn step_spawn(handle: tokio::runtime::Handle, left: u64, done: &'static Done) {
        if black_box(left) == 0 {
            return done.complete();
        }
        let next = handle.clone();
        handle.spawn(async move { step_spawn(next, left - 1, done) });
    }
    let mut group = criterion.benchmark_group("call_soon_chained");
    let run = |start: &mut dyn FnMut(&'static Done)| {
        runtime.block_on(async {
            let (done, all) = Done::pair();
            let begun = Instant::now();
            start(done);
            all.await.unwrap();
            begun.elapsed()
        })
    };
    group.bench_function("interloop", |bencher| {
        bencher.iter_custom(|count| run(&mut |done| step(reactor.clone(), count, done)));
    });
    let sender = drained(runtime);
    group.bench_function("mpsc-drained", |bencher| {
        bencher.iter_custom(|count| run(&mut |done| step_mpsc(sender.clone(), count, done)));
    });
    group.bench_function("spawned", |bencher| {
        bencher.iter_custom(|count| run(&mut |done| step_spawn(runtime.handle().clone(), count, done)));
    });
    python::contenders(&mut group, "calls.py", "call_soon_chained", PEERS);
    group.finish();
}

const PEERS: &[&str] = &["asyncio", "uvloop", "tornado", "twisted"];

fn main() {
    let runtime = current_thread();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let mut criterion = Criterion::default().configure_from_args();
    call_soon_by::<OwnThread>(&mut criterion, &runtime, &reactor);
    call_soon_chained(&mut criterion, &runtime, &reactor);
    call_soon_by::<OtherThread>(&mut criterion, &runtime, &reactor);
    criterion.final_summary();
}
