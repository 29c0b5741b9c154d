//! The list on both of tokio's runtimes.

use interloop::Reactor;
use interloop_conformance::{ShutsDown, Subject, conformance};
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
