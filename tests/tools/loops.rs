//! Every loop for which there is an adapter, to run a check on.

use std::future::Future;

use interloop::Reactor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    Tokio,
    TokioCurrentThread,
    Smol,
    AsyncStd,
    ThreadPool,
    LocalPool,
}

#[allow(dead_code, reason = "some test files name each loop")]
pub(crate) const ALL: [Loop; 6] = [
    Loop::Tokio,
    Loop::TokioCurrentThread,
    Loop::Smol,
    Loop::AsyncStd,
    Loop::ThreadPool,
    Loop::LocalPool,
];

impl Loop {
    /// Runs a check on the loop, and ends what can be ended of it.
    pub(crate) fn run<F: Future>(self, check: impl FnOnce(Reactor) -> F) -> F::Output {
        match self {
            Self::Tokio => on_tokio(tokio::runtime::Builder::new_multi_thread().worker_threads(2), check),
            Self::TokioCurrentThread => on_tokio(&mut tokio::runtime::Builder::new_current_thread(), check),
            Self::Smol => smol::block_on(check(interloop_smol::global())),
            Self::AsyncStd => smol::block_on(check(interloop_async_std::global())),
            Self::ThreadPool => {
                let pool = futures_executor::ThreadPool::builder().pool_size(2).create().unwrap();
                futures_executor::block_on(check(interloop_futures::from_thread_pool(pool)))
            }
            Self::LocalPool => {
                let mut pool = futures_executor::LocalPool::new();
                let reactor = interloop_futures::from_local_spawner(pool.spawner());
                pool.run_until(check(reactor))
            }
        }
    }
}

fn on_tokio<F: Future>(builder: &mut tokio::runtime::Builder, check: impl FnOnce(Reactor) -> F) -> F::Output {
    let runtime = builder.enable_all().build().unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    runtime.block_on(check(reactor))
}
