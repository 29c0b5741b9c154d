//! The list on async-std's global executor.

use interloop::{BlockOnError, Reactor};
use interloop_conformance::{BlocksOn, Subject, conformance, conformance_block_on};

struct Global {
    reactor: Reactor,
}

impl Global {
    fn new() -> Self {
        let reactor = interloop_async_std::global();
        Self { reactor }
    }
}

impl Subject for Global {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        async_std::task::block_on(future)
    }
}

conformance!(global, Global::new);

#[derive(Clone)]
struct BlockOn;

impl BlocksOn for BlockOn {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_async_std::block_on(main)
    }
}

conformance_block_on!(block_on, || BlockOn);
