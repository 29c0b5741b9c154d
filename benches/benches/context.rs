//! One poll of a future inside of a tokio, on a thread that is none of tokio's and on one that is inside already; the future does
//! nothing, so that all but the `bare` one is what entering costs.
#![allow(missing_docs)]

use std::{
    future::{Future, pending},
    hint::black_box,
    pin::{Pin, pin},
    task::{Context as TaskContext, Poll, Waker},
};

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use interloop_tokio::context::Context;
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;

/// Enters by hand.
struct ByHand<F> {
    future: Pin<Box<F>>,
    handle: Handle,
}

impl<F: Future> Future for ByHand<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.handle.enter();
        this.future.as_mut().poll(cx)
    }
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let mut cx = TaskContext::from_waker(Waker::noop());
    group.bench_function(name, |bencher| {
        bencher.iter(|| black_box(future.as_mut()).poll(&mut cx))
    });
}

fn polls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let context = Context::new(runtime.handle()).unwrap();
    for (name, is_inside) in [("poll_outside", false), ("poll_inside", true)] {
        let _entered = is_inside.then(|| runtime.enter());
        let mut group = criterion.benchmark_group(name);
        measure(&mut group, "interloop", context.wrap(pending()));
        measure(&mut group, "bare", pending());
        let by_hand = ByHand {
            future: Box::pin(pending()),
            handle: runtime.handle().clone(),
        };
        measure(&mut group, "handle-enter", by_hand);
        measure(
            &mut group,
            "tokio-util",
            TokioContext::new(pending(), runtime.handle().clone()),
        );
        // A runtime of its own, which it starts for the process.
        #[cfg(feature = "shims")]
        measure(&mut group, "async-compat", async_compat::Compat::new(pending()));
        group.finish();
    }
}

criterion_group!(benches, polls);
criterion_main!(benches);
