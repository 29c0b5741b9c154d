//! Spawning a task and joining it, 100,000 at a time: the runtime's own spawn, interloop's on the same
//! runtime, and a boxed spawn with a oneshot, as libraries do it that have a trait for their runtime.
#![allow(missing_docs)]

use std::{
    future::Future,
    hint::black_box,
    pin::Pin,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use interloop::{Aborted, Reactor};
use interloop_benches::runtime::current_thread;

const TASKS: u64 = 100_000;

/// Spawns as many tasks as asked for, in batches, and joins each batch. Gives the time of it.
async fn batches<F, H>(count: u64, mut spawn: F) -> Duration
where
    F: FnMut(u64) -> H,
    H: Future,
{
    let mut handles = Vec::with_capacity(TASKS as usize);
    let begun = Instant::now();
    let mut left = count;
    while left > 0 {
        let batch = left.min(TASKS);
        handles.extend((0..batch).map(&mut spawn));
        for handle in handles.drain(..) {
            black_box(handle.await);
        }
        left -= batch;
    }
    begun.elapsed()
}

/// A runtime behind a trait, as quinn has it: a boxed future of nothing.
trait Boxed: Send + Sync {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>);
}

struct BoxedTokio;

impl Boxed for BoxedTokio {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(future);
    }
}

struct BoxedSmol(&'static smol::Executor<'static>);

impl Boxed for BoxedSmol {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(future).detach();
    }
}

fn spawn_boxed(runtime: &dyn Boxed, n: u64) -> tokio::sync::oneshot::Receiver<u64> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    runtime.spawn(Box::pin(async move {
        let _ = sender.send(n);
    }));
    receiver
}

fn spawn_interloop(reactor: &Reactor, n: u64) -> interloop::Deferred<u64> {
    reactor.spawn(async move { Ok::<_, Aborted>(n) })
}

fn spawn(criterion: &mut Criterion) {
    let runtime = current_thread();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let mut group = criterion.benchmark_group("tokio");
    group.bench_function("native", |bencher| {
        bencher.iter_custom(|count| runtime.block_on(batches(count, |n| tokio::spawn(async move { n }))));
    });
    group.bench_function("interloop", |bencher| {
        bencher.iter_custom(|count| runtime.block_on(batches(count, |n| spawn_interloop(&reactor, n))));
    });
    group.bench_function("boxed", |bencher| {
        bencher.iter_custom(|count| runtime.block_on(batches(count, |n| spawn_boxed(&BoxedTokio, n))));
    });
    group.finish();

    let executor: &'static smol::Executor = Box::leak(Box::new(smol::Executor::new()));
    let reactor = interloop_smol::from_static(executor);
    let boxed = BoxedSmol(executor);
    let mut group = criterion.benchmark_group("smol");
    let run = |future: Pin<Box<dyn Future<Output = Duration> + '_>>| smol::block_on(executor.run(future));
    group.bench_function("native", |bencher| {
        bencher.iter_custom(|count| run(Box::pin(batches(count, |n| executor.spawn(async move { n })))));
    });
    group.bench_function("interloop", |bencher| {
        bencher.iter_custom(|count| run(Box::pin(batches(count, |n| spawn_interloop(&reactor, n)))));
    });
    group.bench_function("boxed", |bencher| {
        bencher.iter_custom(|count| run(Box::pin(batches(count, |n| spawn_boxed(&boxed, n)))));
    });
    group.finish();
}

criterion_group!(benches, spawn);
criterion_main!(benches);
