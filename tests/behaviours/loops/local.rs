//! Loops whose reactors stay on their thread: smol's, and tokio's set of local tasks.

#[path = "tasks.rs"]
mod tasks;

use std::{future::Future, rc::Rc};

pub(crate) use interloop::local::Reactor;
use smol::LocalExecutor;
use tokio::task::LocalSet;

pub(crate) use self::tasks::Tasks;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a test on each loop, on the thread of the test itself. It is told how to ask for what the loop has to do beside the
/// test.
pub(crate) fn on_each_loop<F: Future<Output = ()>>(test: impl Fn(Reactor, Tasks) -> F) {
    let executor = Rc::new(LocalExecutor::new());
    let reactor = interloop_smol::from_local_executor(&executor);
    smol::block_on(executor.run(test(reactor.clone(), tasks_of(reactor))));

    let (runtime, set) = (runtime(), Rc::new(LocalSet::new()));
    let reactor = interloop_tokio::from_local_set(&set, runtime.handle()).unwrap();
    set.block_on(&runtime, test(reactor.clone(), tasks_of(reactor)));
}

/// The callbacks of a reactor: these loops do not tell what tasks they have.
fn tasks_of(reactor: Reactor) -> Tasks {
    Tasks(Box::new(move || {
        let metrics = reactor.metrics();
        metrics.waiting + metrics.delayed > 0
    }))
}

/// Calls a test with the reactor of each loop, and with what ends that loop.
pub(crate) fn around_the_end_of_each(test: impl Fn(&Reactor, Box<dyn FnOnce()>)) {
    let (runtime, set) = (runtime(), Rc::new(LocalSet::new()));
    let reactor = interloop_tokio::from_local_set(&set, runtime.handle()).unwrap();
    test(&reactor, Box::new(|| drop((set, runtime))));

    let executor = Rc::new(LocalExecutor::new());
    let reactor = interloop_smol::from_local_executor(&executor);
    test(&reactor, Box::new(|| drop(executor)));
}
