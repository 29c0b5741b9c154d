//! Loops whose reactors go from thread to thread: smol, and tokio's current-thread runtime.

#[path = "tasks.rs"]
mod tasks;

use std::{future::Future, sync::Arc};

pub(crate) use interloop::Reactor;
use smol::Executor;

pub(crate) use self::tasks::Tasks;

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a test on each loop, on the thread of the test itself. It is told how to ask for the number of tasks that the loop
/// has beside the test.
pub(crate) fn on_each_loop<F: Future<Output = ()>>(test: impl Fn(Reactor, Tasks) -> F) {
    let executor = Arc::new(Executor::new());
    let reactor = interloop_smol::from_executor(&executor);
    let own = executor.clone();
    smol::block_on(executor.run(test(reactor, Tasks(Box::new(move || !own.is_empty())))));

    let runtime = runtime();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let handle = runtime.handle().clone();
    // One is the reactor's own.
    let tasks = Tasks(Box::new(move || handle.metrics().num_alive_tasks() > 1));
    runtime.block_on(test(reactor, tasks));
}

/// Calls a test with the reactor of each loop, and with what ends that loop.
pub(crate) fn around_the_end_of_each(test: impl Fn(&Reactor, Box<dyn FnOnce()>)) {
    let runtime = runtime();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    test(&reactor, Box::new(|| drop(runtime)));

    let executor = Arc::new(Executor::new());
    let reactor = interloop_smol::from_executor(&executor);
    test(&reactor, Box::new(|| drop(executor)));
}
