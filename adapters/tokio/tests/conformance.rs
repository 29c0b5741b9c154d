//! The list on both of tokio's runtimes.

use std::sync::Arc;

use interloop::{BlockOnError, Reactor};
use interloop_conformance::{BlocksOn, ShutsDown, Subject, conformance, conformance_block_on};
use tokio::runtime::Builder;

struct Runtime {
    runtime: tokio::runtime::Runtime,
    reactor: Reactor,
}

impl Runtime {
    fn multi_thread() -> Self {
        Self::new(Builder::new_multi_thread().worker_threads(2))
    }

    fn current_thread() -> Self {
        Self::new(&mut Builder::new_current_thread())
    }

    fn new(builder: &mut Builder) -> Self {
        let runtime = builder.enable_all().build().unwrap();
        let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
        Self { runtime, reactor }
    }
}

impl Subject for Runtime {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

impl ShutsDown for Runtime {
    fn shut_down(self) {
        drop(self.runtime);
    }
}

conformance!(multi_thread, Runtime::multi_thread, shuts_down);
conformance!(current_thread, Runtime::current_thread, shuts_down);

#[derive(Clone)]
struct BlockOn;

impl BlocksOn for BlockOn {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_tokio::block_on(main)
    }
}

#[derive(Clone)]
struct BlockOnCurrentThread;

impl BlocksOn for BlockOnCurrentThread {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_tokio::block_on_current_thread(main)
    }
}

#[derive(Clone)]
struct BlockOnRuntime(Arc<tokio::runtime::Runtime>);

impl BlockOnRuntime {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self(Arc::new(runtime.unwrap()))
    }
}

impl BlocksOn for BlockOnRuntime {
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
        interloop_tokio::block_on_runtime(&self.0, main)
    }
}

conformance_block_on!(block_on, || BlockOn);
conformance_block_on!(block_on_current_thread, || BlockOnCurrentThread);
conformance_block_on!(block_on_runtime, BlockOnRuntime::new);
