//! The list on smol's global executor, and on one that the test's thread runs.

use std::sync::Arc;

use interloop::{BlockOnError, Reactor};
use interloop_conformance::{BlocksOn, ShutsDown, Subject, conformance, conformance_block_on};

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

#[derive(Clone)]
struct BlockOn;

impl BlocksOn for BlockOn {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_smol::block_on(main)
    }
}

#[derive(Clone, Default)]
struct BlockOnExecutor(Arc<smol::Executor<'static>>);

impl BlocksOn for BlockOnExecutor {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_smol::block_on_executor(&self.0, main)
    }
}

#[derive(Clone)]
struct BlockOnStatic;

impl BlocksOn for BlockOnStatic {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        static EXECUTOR: smol::Executor<'static> = smol::Executor::new();

        interloop_smol::block_on_static(&EXECUTOR, main)
    }
}

conformance_block_on!(block_on, || BlockOn);
conformance_block_on!(block_on_executor, BlockOnExecutor::default);
conformance_block_on!(block_on_static, || BlockOnStatic);
