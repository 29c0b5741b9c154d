//! Every loop, and how a test runs on it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use futures_executor::{LocalPool, ThreadPool};
use interloop::Reactor;
use tokio::runtime::{Builder, Runtime};

/// Far beyond what any test takes on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(60);

/// A loop that can run a future on the test's thread.
pub(crate) trait Loop {
    fn reactor(&self) -> Reactor;
    fn block_on(&mut self, future: Pin<Box<dyn Future<Output = ()> + '_>>);
}

struct Tokio(Runtime);

impl Loop for Tokio {
    fn reactor(&self) -> Reactor {
        interloop_tokio::from_handle(self.0.handle()).unwrap()
    }

    fn block_on(&mut self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.block_on(future);
    }
}

/// A reactor that runs by itself, or on an executor that is run while the test waits.
struct Running(Reactor, Option<Arc<smol::Executor<'static>>>);

impl Loop for Running {
    fn reactor(&self) -> Reactor {
        self.0.clone()
    }

    fn block_on(&mut self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        match &self.1 {
            Some(executor) => smol::block_on(executor.run(future)),
            None => futures_executor::block_on(future),
        }
    }
}

struct Local(LocalPool, Reactor);

impl Loop for Local {
    fn reactor(&self) -> Reactor {
        self.1.clone()
    }

    fn block_on(&mut self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.run_until(future);
    }
}

pub(crate) fn tokio_multi_thread() -> Box<dyn Loop> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    Box::new(Tokio(runtime.unwrap()))
}

pub(crate) fn tokio_current_thread() -> Box<dyn Loop> {
    Box::new(Tokio(Builder::new_current_thread().enable_all().build().unwrap()))
}

pub(crate) fn smol_global() -> Box<dyn Loop> {
    Box::new(Running(interloop_smol::global(), None))
}

pub(crate) fn smol_executor() -> Box<dyn Loop> {
    let executor = Arc::new(smol::Executor::new());
    Box::new(Running(interloop_smol::from_executor(&executor), Some(executor)))
}

pub(crate) fn async_std_global() -> Box<dyn Loop> {
    Box::new(Running(interloop_async_std::global(), None))
}

pub(crate) fn thread_pool() -> Box<dyn Loop> {
    let pool = ThreadPool::builder().pool_size(2).create().unwrap();
    Box::new(Running(interloop_futures::from_thread_pool(pool), None))
}

pub(crate) fn local_pool() -> Box<dyn Loop> {
    let pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    Box::new(Local(pool, reactor))
}

/// Runs a test on a thread of its own, so that one that hangs fails by itself.
pub(crate) fn run(make: fn() -> Box<dyn Loop>, test: impl FnOnce(Box<dyn Loop>) + Send + 'static) {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(catch_unwind(AssertUnwindSafe(|| test(make())))));
    if let Err(panic) = end.recv_timeout(LIMIT).expect("the test does not hang") {
        resume_unwind(panic);
    }
}

/// The tests that follow, on the loops that are named.
macro_rules! on_loops {
    ([$($event_loop:ident),* $(,)?], $run:path, $tests:tt) => {
        $($crate::loops::on_loops!(@loop $event_loop, $run, $tests);)*
    };
    (@loop $event_loop:ident, $run:path, [$($test:ident),* $(,)?]) => {
        mod $event_loop {
            $(#[test] fn $test() {
                $crate::loops::run($crate::loops::$event_loop, |event_loop| $run(event_loop, super::$test));
            })*
        }
    };
}
pub(crate) use on_loops;

/// The tests that follow, on every loop.
macro_rules! on_every_loop {
    ($($test:ident),* $(,)?) => {
        $crate::loops::on_loops!(
            [tokio_multi_thread, tokio_current_thread, smol_global, smol_executor, async_std_global, thread_pool, local_pool],
            $crate::on,
            [$($test),*]
        );
    };
}
pub(crate) use on_every_loop;
