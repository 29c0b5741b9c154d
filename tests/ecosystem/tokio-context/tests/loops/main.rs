//! Libraries that are hard-wired to tokio, in tasks of loops that are not.

mod quinn;
mod reqwest;

use futures_executor::ThreadPool;
use interloop::Reactor;
use interloop_tokio::context::Context;

/// Runs a test on each loop, with a tokio of one thread beside it that was asked for.
fn on_each_loop(test: impl Fn(&str, &Context, &Reactor)) {
    let context = Context::own(1).unwrap();
    test("smol", &context, &interloop_smol::global());
    test("async-std", &context, &interloop_async_std::global());
    let pool = ThreadPool::builder().pool_size(2).create().unwrap();
    test("futures", &context, &interloop_futures::from_thread_pool(pool));
}
