//! The list on the executors of futures.

use futures_executor::{LocalPool, ThreadPool};
use interloop::{BlockOnError, Reactor};
use interloop_conformance::{BlocksOn, ShutsDown, Subject, conformance, conformance_block_on};

struct Threads {
    reactor: Reactor,
}

impl Threads {
    fn new() -> Self {
        let pool = ThreadPool::builder().pool_size(2).create().unwrap();
        let reactor = interloop_futures::from_thread_pool(pool);
        Self { reactor }
    }
}

impl Subject for Threads {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        futures_executor::block_on(future)
    }
}

struct Local {
    pool: LocalPool,
    reactor: Reactor,
}

impl Local {
    fn new() -> Self {
        let pool = LocalPool::new();
        let reactor = interloop_futures::from_local_spawner(pool.spawner());
        Self { pool, reactor }
    }
}

impl Subject for Local {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.pool.run_until(future)
    }
}

impl ShutsDown for Local {
    fn shut_down(self) {
        drop(self.pool);
    }
}

conformance!(thread_pool, Threads::new);
conformance!(local_pool, Local::new, shuts_down);

#[derive(Clone)]
struct BlockOn;

impl BlocksOn for BlockOn {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_futures::block_on(main)
    }
}

#[derive(Clone)]
struct BlockOnThreadPool(ThreadPool);

impl BlockOnThreadPool {
    fn new() -> Self {
        Self(ThreadPool::builder().pool_size(2).create().unwrap())
    }
}

impl BlocksOn for BlockOnThreadPool {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_futures::block_on_thread_pool(self.0.clone(), main)
    }
}

conformance_block_on!(block_on, || BlockOn);
conformance_block_on!(block_on_thread_pool, BlockOnThreadPool::new);
