//! Deferreds and event loops: limits in time, and going on elsewhere. On smol and on tokio's current-thread runtime.

mod limits;
mod via;

use std::{
    future::Future,
    sync::{Arc, Mutex},
};

use interloop::Reactor;
use smol::Executor;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a test on each loop, on the thread of the test itself. It is told how to ask for the number of tasks that the loop
/// has beside the test.
fn on_each_loop<F: Future<Output = ()>>(test: impl Fn(Reactor, Tasks) -> F) {
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

/// Whether a loop has tasks.
struct Tasks(Box<dyn Fn() -> bool>);

impl Tasks {
    /// Lets the loop run until it has let go of all its tasks. None of them waits for anything else.
    async fn are_gone(&self) {
        for _ in 0..1_000_000 {
            if !(self.0)() {
                return;
            }
            smol::future::yield_now().await;
        }
        panic!("the loop keeps a task");
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, event: impl ToString) {
        self.0.lock().unwrap().push(event.to_string());
    }

    fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
