//! Chains, waits and fan-in against async functions, futures-buffered, and what people come from: Twisted and asyncio.
//!
//! The last two run in Python, if `INTERLOOP_PYTHON` names one that has Twisted; `benches/python/deferred.py` measures them, and
//! `benches/README.md` has the command that makes one. To compare the contenders, run it through the `report` binary.

use std::{
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use criterion::Criterion;
use interloop::{Aborted, Completer, Deferred, gather};
use interloop_benches::{
    contender::{poll_once, value_of},
    python,
};

const STEPS: usize = 10;
const GATHERED: usize = 1000;

fn pairs(count: usize) -> (Vec<Completer<u64>>, Vec<Deferred<u64>>) {
    (0..count).map(|_| Deferred::<u64, Aborted>::pair()).unzip()
}

fn complete_all(completers: Vec<Completer<u64>>) {
    for completer in completers {
        completer.complete(black_box(1));
    }
}

/// Ten callbacks attached, then fired, then its result read.
fn chain_10(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain_10");
    group.bench_function("interloop", |bencher| {
        bencher.iter(|| {
            let (completer, deferred) = Deferred::<u64, Aborted>::pair();
            let mut end = (0..STEPS).fold(deferred, |link, _| link.map_ok(|n| n.wrapping_add(1)));
            completer.complete(black_box(0));
            value_of(&mut end)
        });
    });
    python::contenders(&mut group, "deferred.py", "chain_10", PEERS);
    group.finish();
}

/// A thousand completions, in order, of what was gathered before; per completion.
fn gather_1000(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gather_1000");
    group.bench_function("interloop", |bencher| {
        per_completion(bencher, || {
            let (completers, deferreds) = pairs(GATHERED);
            let mut all = gather(deferreds);
            assert!(poll_once(&mut all).is_pending());
            complete_all(completers);
            assert!(matches!(poll_once(&mut all), Poll::Ready(Ok(values)) if values.len() == GATHERED));
        });
    });
    group.bench_function("futures-buffered", |bencher| {
        per_completion(bencher, || {
            let (completers, deferreds) = pairs(GATHERED);
            let mut all = pin!(futures_buffered::try_join_all(deferreds));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(all.as_mut().poll(&mut cx).is_pending());
            complete_all(completers);
            assert!(matches!(all.as_mut().poll(&mut cx), Poll::Ready(Ok(values)) if values.len() == GATHERED));
        });
    });
    python::contenders(&mut group, "deferred.py", "gather_1000", PEERS);
    group.finish();
}

fn per_completion(bencher: &mut criterion::Bencher<'_>, mut gathering: impl FnMut()) {
    bencher.iter_custom(|completions| {
        let rounds = completions.div_ceil(GATHERED as u64);
        let begun = std::time::Instant::now();
        for _ in 0..rounds {
            gathering();
        }
        begun
            .elapsed()
            .mul_f64(completions as f64 / (rounds * GATHERED as u64) as f64)
    });
}

/// Ten steps that each wait for another deferred, which fires later.
fn nested_10(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nested_10");
    group.bench_function("interloop", |bencher| {
        bencher.iter(|| {
            let (completer, deferred) = Deferred::<u64, Aborted>::pair();
            let mut end = deferred;
            let mut completers: [Option<Completer<u64>>; STEPS] = Default::default();
            for slot in &mut completers {
                let (completer, step) = Deferred::<u64, Aborted>::pair();
                *slot = Some(completer);
                end = end.and_then(move |_| step);
            }
            completer.complete(black_box(0));
            for completer in completers.into_iter().flatten() {
                completer.complete(black_box(1));
            }
            value_of(&mut end)
        });
    });
    group.bench_function("async-fn", |bencher| {
        bencher.iter(|| {
            let (completer, deferred) = Deferred::<u64, Aborted>::pair();
            let mut completers: [Option<Completer<u64>>; STEPS] = Default::default();
            let steps = completers.each_mut().map(|slot| {
                let (completer, step) = Deferred::<u64, Aborted>::pair();
                *slot = Some(completer);
                step
            });
            let mut end = pin!(async move {
                let mut value = deferred.await?;
                for step in steps {
                    value = step.await?;
                }
                Ok::<_, Aborted>(value)
            });
            let mut cx = Context::from_waker(Waker::noop());
            assert!(end.as_mut().poll(&mut cx).is_pending());
            completer.complete(black_box(0));
            for completer in completers.into_iter().flatten() {
                assert!(end.as_mut().poll(&mut cx).is_pending());
                completer.complete(black_box(1));
            }
            match end.as_mut().poll(&mut cx) {
                Poll::Ready(Ok(value)) => value,
                _ => panic!("completed, and without its value"),
            }
        });
    });
    python::contenders(&mut group, "deferred.py", "nested_10", PEERS);
    group.finish();
}

const PEERS: &[&str] = &["twisted", "asyncio"];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    chain_10(&mut criterion);
    gather_1000(&mut criterion);
    nested_10(&mut criterion);
    criterion.final_summary();
}
