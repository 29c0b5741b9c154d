//! The list on smol's global executor, and on one that the test's thread runs.

use std::sync::Arc;

use interloop::Reactor;
use interloop_conformance::{ShutsDown, Subject, conformance};

struct Global {
    reactor: Reactor,
}

impl Global {
    fn new() -> Self {
        let reactor = interloop_smol::global();
        Self { reactor }
    }
}

impl Subject for Global {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        smol::block_on(future)
    }
}

struct Executor {
    executor: Arc<smol::Executor<'static>>,
    reactor: Reactor,
}

impl Executor {
    fn new() -> Self {
        let executor = Arc::new(smol::Executor::new());
        let reactor = interloop_smol::from_executor(&executor);
        Self { executor, reactor }
    }
}

impl Subject for Executor {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        smol::block_on(self.executor.run(future))
    }
}

impl ShutsDown for Executor {
    fn shut_down(self) {
        drop(self.executor);
    }
}

conformance!(global, Global::new);
conformance!(executor, Executor::new, shuts_down);
