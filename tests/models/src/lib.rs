//! What runs a model, for the models in `tests/`.
//!
//! Run by `ci/loom.sh`: without its flag there is nothing here.
#![cfg(interloop_loom)]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use loom::model::Builder;

/// Runs the body in every interleaving that the bound on preemptions leaves.
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    explore(&Builder::new(), body);
}

/// For a model whose interleavings with three preemptions are millions: with two, each thread can still
/// be overtaken in the middle of an operation by each of the others.
pub fn wide_model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.map(|bound| bound.min(2));
    explore(&builder, body);
}

fn explore(builder: &Builder, body: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    builder.check(move || {
        counter.fetch_add(1, SeqCst);
        body();
    });
    let runs = runs.load(SeqCst);
    println!("{runs} interleavings");
    assert!(runs > 1, "nothing contends in this model");
}
