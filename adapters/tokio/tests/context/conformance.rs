//! The list of every loop, on loops inside of a context.

use interloop::Reactor;
use interloop_conformance::{Subject, conformance};
use interloop_tokio::context::Context;

struct Smol(Reactor);

impl Smol {
    fn inside() -> Self {
        Self(Context::own(1).unwrap().reactor(&interloop_smol::global()))
    }
}

impl Subject for Smol {
    fn reactor(&self) -> Reactor {
        self.0.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        smol::block_on(future)
    }
}

conformance!(inside, Smol::inside);
