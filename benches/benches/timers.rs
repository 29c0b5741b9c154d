//! Delayed calls: made, and run or cancelled; against a task that sleeps for each, and tokio-util's `DelayQueue`.
//!
//! What is measured is the processor's time, of all threads, as most of the time that passes is waited for. Asyncio and Twisted
//! run in Python, if `INTERLOOP_PYTHON` names one that has them; `benches/python/calls.py` measures them, and
//! `benches/README.md` has the command that makes one. To compare the contenders, run it through the `report` binary.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use criterion::{BenchmarkGroup, Criterion, SamplingMode, measurement::WallTime};
use interloop::{Completer, Deferred, Reactor};
use interloop_benches::{processes::cpu, python, runtime::current_thread};
use smol::Executor;
use tokio::runtime::Runtime;
use tokio_util::time::DelayQueue;

/// Within which the calls are due.
const SPAN: Duration = Duration::from_secs(1);

/// Delays, spread over the span, the same every time.
fn delays(count: u64) -> impl Iterator<Item = Duration> {
    let mut state = 7_u64;
    (0..count).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        SPAN.mul_f64((state >> 33) as f64 / (1_u64 << 31) as f64)
    })
}

/// Completes when it was called as often as expected.
struct Countdown {
    left: AtomicU64,
    done: std::sync::Mutex<Option<Completer<()>>>,
}

impl Countdown {
    fn pair(count: u64) -> (Arc<Self>, Deferred<()>) {
        let (completer, done) = Deferred::pair();
        let countdown = Self {
            left: AtomicU64::new(count),
            done: std::sync::Mutex::new(Some(completer)),
        };
        (Arc::new(countdown), done)
    }

    fn call(&self) {
        if self.left.fetch_sub(1, Relaxed) == 1 {
            if let Some(completer) = self.done.lock().unwrap().take() {
                completer.complete(());
            }
        }
    }
}

/// Measures whole batches, and gives the time for as many calls as asked for.
fn per_call(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, calls: u64, mut batch: impl FnMut(u64)) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            let rounds = count.div_ceil(calls);
            let begun = cpu();
            for _ in 0..rounds {
                batch(calls);
            }
            (cpu() - begun).mul_f64(count as f64 / (rounds * calls) as f64)
        });
    });
}

fn slow_group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group
}

async fn call_all(reactor: &Reactor, calls: u64) {
    let (countdown, done) = Countdown::pair(calls);
    for delay in delays(calls) {
        let countdown = countdown.clone();
        reactor.call_later(delay, move || countdown.call());
    }
    done.await.unwrap();
}

fn on_tokio(criterion: &mut Criterion, runtime: &Runtime, reactor: &Reactor, name: &str, calls: u64) {
    let mut group = slow_group(criterion, name);
    per_call(&mut group, "interloop", calls, |calls| {
        runtime.block_on(call_all(reactor, calls))
    });
    per_call(&mut group, "tasks", calls, |calls| {
        runtime.block_on(async {
            let (countdown, done) = Countdown::pair(calls);
            for delay in delays(calls) {
                let countdown = countdown.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    countdown.call();
                });
            }
            done.await.unwrap();
        });
    });
    per_call(&mut group, "delay-queue", calls, |calls| {
        runtime.block_on(async {
            let (countdown, done) = Countdown::pair(calls);
            let mut queue = DelayQueue::new();
            for delay in delays(calls) {
                queue.insert(countdown.clone(), delay);
            }
            while let Some(expired) = poll_fn(|cx| queue.poll_expired(cx)).await {
                expired.into_inner().call();
            }
            done.await.unwrap();
        });
    });
    python::contenders(&mut group, "calls.py", name, &["asyncio", "uvloop", "twisted"]);
    group.finish();
}

fn on_smol(criterion: &mut Criterion, executor: &'static Executor<'static>, reactor: &Reactor, name: &str, calls: u64) {
    let mut group = slow_group(criterion, name);
    per_call(&mut group, "interloop", calls, |calls| {
        smol::block_on(executor.run(call_all(reactor, calls)));
    });
    per_call(&mut group, "tasks", calls, |calls| {
        smol::block_on(executor.run(async {
            let (countdown, done) = Countdown::pair(calls);
            for delay in delays(calls) {
                let countdown = countdown.clone();
                let task = executor.spawn(async move {
                    smol::Timer::after(delay).await;
                    countdown.call();
                });
                task.detach();
            }
            done.await.unwrap();
        }));
    });
    group.finish();
}

/// Made, and cancelled before they are due.
fn cancelled(criterion: &mut Criterion, runtime: &Runtime, reactor: &Reactor, calls: u64) {
    let mut group = slow_group(criterion, "call_later_cancelled_1m");
    per_call(&mut group, "interloop", calls, |calls| {
        runtime.block_on(async {
            let handles = delays(calls).map(|delay| reactor.call_later(SPAN + delay, || ()));
            let handles = handles.collect::<Vec<_>>();
            for handle in &handles {
                handle.cancel().unwrap();
            }
        });
    });
    per_call(&mut group, "tasks", calls, |calls| {
        runtime.block_on(async {
            let handles = delays(calls).map(|delay| {
                tokio::spawn(async move {
                    tokio::time::sleep(SPAN + delay).await;
                })
            });
            let handles = handles.collect::<Vec<_>>();
            // Their timers are made when they are polled first.
            tokio::task::yield_now().await;
            for handle in handles {
                handle.abort();
                let _ = handle.await;
            }
        });
    });
    per_call(&mut group, "delay-queue", calls, |calls| {
        runtime.block_on(async {
            let mut queue = DelayQueue::new();
            let keys = delays(calls)
                .map(|delay| queue.insert((), SPAN + delay))
                .collect::<Vec<_>>();
            for key in &keys {
                queue.remove(key);
            }
        });
    });
    python::contenders(
        &mut group,
        "calls.py",
        "call_later_cancelled_1m",
        &["asyncio", "uvloop", "twisted"],
    );
    group.finish();
}

fn main() {
    let runtime = current_thread();
    let tokio = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let executor: &'static Executor = Box::leak(Box::new(Executor::new()));
    let smol = interloop_smol::from_static(executor);
    let mut criterion = Criterion::default().configure_from_args();
    on_tokio(&mut criterion, &runtime, &tokio, "call_later_100k_tokio", 100_000);
    on_smol(&mut criterion, executor, &smol, "call_later_100k_smol", 100_000);
    on_tokio(&mut criterion, &runtime, &tokio, "call_later_1m_tokio", 1_000_000);
    on_smol(&mut criterion, executor, &smol, "call_later_1m_smol", 1_000_000);
    cancelled(&mut criterion, &runtime, &tokio, 1_000_000);
    criterion.final_summary();
}
