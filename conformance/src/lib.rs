//! The list that every event loop of [`interloop`] passes, as tests for its adapter.
//!
//! An adapter is the few methods of [`EventLoop`](interloop::EventLoop), and everything that users see is built on them. What these
//! have to do beyond their signatures is written here, as cases that run on the real loop with real
//! sockets, threads and time. An adapter is done when they pass.
//!
//! A *subject* is a loop under test: its reactor, and a way to drive it from the test's thread.
//! With one, the whole list is a line in a file of `tests/`:
//!
//! ```
//! use futures_executor::ThreadPool;
//! use interloop::Reactor;
//! use interloop_conformance::{Subject, conformance};
//!
//! struct Pool {
//!     reactor: Reactor,
//! }
//!
//! impl Pool {
//!     fn new() -> Self {
//!         let pool = ThreadPool::new().unwrap();
//!         let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
//!         Self { reactor }
//!     }
//! }
//!
//! impl Subject for Pool {
//!     fn reactor(&self) -> Reactor {
//!         self.reactor.clone()
//!     }
//!
//!     fn block_on<F: Future>(&mut self, future: F) -> F::Output {
//!         futures_executor::block_on(future)
//!     }
//! }
//!
//! conformance!(pool, Pool::new);
//! # fn main() {}
//! ```
//!
//! Each case becomes a test of its own, `pool::tasks::a_panic_fails_the_task` and so on, with a
//! subject of its own.
//!
//! # Loops that shut down
//!
//! A loop that can be shut down while its reactor is still held has more to promise. Its subject is
//! a [`ShutsDown`] too, and says so in the line, which adds the cases about that:
//!
//! ```
//! # use futures_executor::LocalPool;
//! # use interloop::Reactor;
//! # use interloop_conformance::{ShutsDown, Subject, conformance};
//! # struct Local { reactor: Reactor }
//! # impl Local { fn new() -> Self { unimplemented!() } }
//! # impl Subject for Local {
//! #     fn reactor(&self) -> Reactor { unimplemented!() }
//! #     fn block_on<F: Future>(&mut self, _: F) -> F::Output { unimplemented!() }
//! # }
//! impl ShutsDown for Local {
//!     fn shut_down(self) {
//!         // Dropping the executor is what ends this one.
//!     }
//! }
//!
//! conformance!(local, Local::new, shuts_down);
//! # fn main() {}
//! ```
//!
//! # What is written for a reactor
//!
//! A library over a [`Reactor`] has tests that are to hold on every loop: [`on_every_loop!`] makes them of async functions.
//!
//! # Running a function on a loop
//!
//! An adapter also has functions that run a loop on the thread that calls them, `block_on` and its like. Each of these has
//! a list of its own:
//!
//! ```
//! use interloop::{BlockOnError, Reactor};
//! use interloop_conformance::{BlocksOn, conformance_block_on};
//! # fn my_block_on<T>(_: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> { unimplemented!() }
//!
//! #[derive(Clone)]
//! struct Here;
//!
//! impl BlocksOn for Here {
//!     fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
//!         my_block_on(main)
//!     }
//! }
//!
//! conformance_block_on!(here, || Here);
//! # fn main() {}
//! ```
//!
//! # Where cases come from
//!
//! What the suites of the standard library, tokio, async-io and async-std check of sockets, pipes and descriptors is here, too. `PEERS.md`
//! says which case that is.
//!
//! # Cases that hang
//!
//! Most of what an adapter can get wrong is a wake-up that never comes. A case that has not ended
//! after 30 seconds fails, with its name and the loop's, and the rest of the list goes on.
//!
//! No case decides by the time that something took; the ones about time only check that nothing is
//! early and what comes before what. So the list passes on a machine that is busy.

#![forbid(unsafe_code)]

mod any;
#[doc(hidden)]
pub mod cases;
mod every_loop;
mod list;
#[cfg(test)]
mod peers;
mod run;
mod tools;

use std::future::Future;

use interloop::{BlockOnError, Reactor};

use crate::any::{AnyShutsDown, AnySubject};
#[doc(hidden)]
pub use crate::{
    any::{AnyShutsDown as __AnyShutsDown, AnySubject as __AnySubject},
    run::run as __run,
};

/// A loop under test.
///
/// It is made, used and dropped on one thread, which is no thread of the loop.
pub trait Subject {
    /// A reactor on the loop; the same at every call.
    fn reactor(&self) -> Reactor;

    /// Runs a future on this thread until it is ready, and the loop with it, where that needs to be
    /// driven.
    fn block_on<F: Future>(&mut self, future: F) -> F::Output;
}

/// A loop under test that can end while its reactor is still held.
pub trait ShutsDown: Subject {
    /// Shuts the loop down. When this returns, the loop has dropped its tasks.
    fn shut_down(self);
}

/// Runs functions on a loop, on the thread that calls.
pub trait BlocksOn {
    /// Runs a function on the loop. See [`interloop::block_on`].
    ///
    /// # Errors
    /// If this thread runs a loop already.
    fn block_on<T>(&self, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError>;
}
