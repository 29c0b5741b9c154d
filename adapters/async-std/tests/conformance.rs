//! The list on async-std's global executor.

use interloop::Reactor;
use interloop_conformance::{Subject, conformance};

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
