//! The list on an executor that is given as a function.

use futures_executor::ThreadPool;
use interloop::Reactor;
use interloop_conformance::{Subject, conformance};

struct Pool {
    reactor: Reactor,
}

impl Pool {
    fn new() -> Self {
        let pool = ThreadPool::builder().pool_size(2).create().unwrap();
        let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
        Self { reactor }
    }
}

impl Subject for Pool {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        futures_executor::block_on(future)
    }
}

conformance!(pool, Pool::new);
