//! One library on every event loop.
//!
//! `interloop` lets one piece of async code run on tokio, async-std, smol or any other loop. It adapts
//! the loop that is running already and brings none of its own. It also carries callback code over to
//! async/await, one call at a time.
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | [`EventLoop`] | the small trait that an adapter implements for a loop |
//! | [`Reactor`] | the handle on a loop, which users hold, pass and store |
//! | [`Deferred`] | a result that is not there yet: callbacks chain on it, and it is a future |
//! | [`Completer`] | its other half, which fires it once, from any thread |
//! | [`Aborted`] | why a result never came |
//! | [`Source`] | a descriptor that a loop waits for |
//! | [`Clock`] | a loop in virtual time, for tests |
//!
//! # Where a reactor comes from
//!
//! From an adapter, a crate beside this one. A library takes a [`Reactor`] and depends on none of them; a program chooses:
//!
//! | the loop | crate | a reactor |
//! |---|---|---|
//! | tokio, multi-threaded or current-thread | `interloop-tokio` | `interloop_tokio::current()?`, `from_handle(&handle)?` |
//! | smol's global executor, or one of your own | `interloop-smol` | `interloop_smol::global()`, `from_executor(&executor)` |
//! | async-std | `interloop-async-std` | `interloop_async_std::global()` |
//! | futures' `ThreadPool` and `LocalPool` | `interloop-futures` | `interloop_futures::from_thread_pool(pool)`, `from_local_spawner(spawner)` |
//! | any other executor | `interloop-async-io` | `interloop_async_io::reactor(name, spawn)` |
//! | a loop with readiness and timers of its own | yours | [`EventLoop`], and the crate `interloop-conformance` to test it |
//! | virtual time, in a test | this one | [`Clock`] |
//!
//! More crates bring libraries to whichever loop that is: `interloop-rustls` (TLS), `interloop-hyper` (HTTP), `interloop-quinn` (QUIC),
//! `interloop-hickory` (DNS), `interloop-async-rs` (lapin), `interloop-tower` (time limits of services) and `interloop-curl` (libcurl). A library that is made for tokio alone runs inside of an
//! `interloop_tokio::context`.
//!
//! # The modules
//!
//! | for | there is |
//! |---|---|
//! | results: chains of callbacks, cancelling, several into one | [`deferred`], [`fan_in`] |
//! | locks, semaphores and queues to wait for | [`sync`] |
//! | failures that nobody handles | [`unhandled`] |
//! | tasks, blocking jobs, callbacks soon and later | [`Reactor`] |
//! | sleeping, time limits, intervals | [`time`], by [`Reactor::sleep`], [`Reactor::timeout`] and [`Reactor::interval`] |
//! | what is done again and again, or takes long | [`periodic`] |
//! | callbacks and polls that hold the loop up | [`slow`] |
//! | TCP, UDP, Unix sockets, pipes, descriptors, names, connections without sockets | [`net`] |
//! | connections that call back, framing, endpoints | [`protocol`] |
//! | callbacks of C libraries and of other threads | [`callback`] |
//! | blocking readers and writers | [`io`] |
//! | what stays on its thread | [`local`] |
//! | tests: virtual time, and a function on every loop | [`clock`], [`testing`] |
//! | signals, child processes | `signal`, `process`, with the features of these names |
//! | writing an adapter | [`EventLoop`], [`source`] |
//!
//! # The life of a deferred
//!
//! A producer makes a pair, keeps the completer and hands the deferred out:
//!
//! ```
//! use interloop::{Completer, Deferred};
//!
//! /// Somebody's API that takes a callback.
//! fn read_sensor(callback: impl FnOnce(f64) + Send + 'static) {
//!     std::thread::spawn(move || callback(21.5));
//! }
//!
//! fn temperature() -> Deferred<f64, String> {
//!     let (completer, deferred) = Deferred::pair();
//!     read_sensor(move |celsius| completer.complete(celsius));
//!     deferred
//! }
//!
//! // Callback code attaches more callbacks. They run as soon as the result arrives …
//! let report = temperature()
//!     .map_ok(|celsius| celsius * 1.8 + 32.0)
//!     .and_then(|fahrenheit| if fahrenheit < 451.0 { Ok(fahrenheit) } else { Err("on fire".to_owned()) });
//!
//! // … and async code awaits what they come to.
//! # futures_executor::block_on(async {
//! assert!((report.await.unwrap() - 70.7).abs() < 1e-9);
//! # });
//! ```
//!
//! If the callback is never called, the completer is dropped at last, and the deferred fails with
//! [`Aborted::dropped`] instead of waiting for ever.
//!
//! # The life of a task
//!
//! A library takes a reactor, and needs to know nothing else of the loop:
//!
//! ```
//! use std::{io, time::Duration};
//! use futures_util::io::AsyncReadExt;
//! use interloop::{Deferred, Reactor, net::TcpListener};
//!
//! /// Greets whoever connects, for a minute each at most.
//! fn greeter(reactor: &Reactor, listener: TcpListener) -> Deferred<(), io::Error> {
//!     let reactor = reactor.clone();
//!     reactor.clone().spawn(async move {
//!         loop {
//!             let (mut stream, _) = listener.accept().await?;
//!             let limit = reactor.timeout(Duration::from_secs(60), async move {
//!                 let mut name = String::new();
//!                 stream.read_to_string(&mut name).await?;
//!                 println!("hello {name}");
//!                 Ok::<_, io::Error>(())
//!             });
//!             reactor.spawn(limit).detach();
//!         }
//!     })
//! }
//! ```
//!
//! The deferred that [`Reactor::spawn`] gives is the handle on the task: awaiting it joins, cancelling
//! it drops the future, dropping it detaches. On every loop alike.
//!
//! # Where there is no loop
//!
//! A plain thread waits for a deferred with [`Deferred::wait`]. A program without a loop runs one with an adapter's `block_on`,
//! or with its `react` around the whole main function. Code in a task that has to block does so in
//! [`Reactor::spawn_blocking`] or [`defer_to_thread`].
//!
//! # Tests
//!
//! [`testing`] runs an async function as a test on any loop, in limited time, and fails if it leaves tasks or unhandled
//! failures behind. With the feature `macros`, `#[interloop::test(tokio, smol)]`
//! does so on each loop that it names, and `#[interloop::main(tokio)]` makes a main function.
//!
//! # Features
//!
//! Off unless they are asked for, as each takes dependencies:
//!
//! - `macros`: `#[interloop::test]` and `#[interloop::main]`.
//! - `signal`: `interloop::signal`, streams of the system's signals.
//! - `process`: `interloop::process`, child processes; includes `signal`.
//!
//! # Platforms
//!
//! Unix: sockets and descriptors are `OwnedFd`s.

pub mod callback;
pub mod clock;
pub mod deferred;
pub mod io;
pub mod local;
pub mod net;
pub mod periodic;
#[cfg(feature = "process")]
pub mod process;
pub mod protocol;
#[cfg(feature = "signal")]
pub mod signal;
pub mod testing;

mod aborted;
#[cfg(feature = "macros")]
mod attributes;
mod reactor;
mod transfer;

pub use crate::{
    aborted::{Aborted, AsAborted},
    clock::Clock,
    deferred::{
        CancelHandle, CancelOnDrop, Cancellation, Completer, Deferred, IntoOutcome, Outcome, Pause, Shared, State,
        Task,
        fan_in::{self, all, gather, join, race},
        sync, unhandled,
    },
    reactor::{
        BlockOnError, CannotWait, DelayedCall, Entered, EventLoop, Interest, Job, Metrics, NoReactor, NotActive,
        Operation, Reactor, Readiness, Source, Timer, block_on, defer_to_thread, slow, source, time,
    },
};

#[cfg(feature = "macros")]
pub use crate::attributes::{main, test};

// The documents that show code, checked as documentation tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../MIGRATION.md")]
    mod migration {}
    #[doc = include_str!("../migration/async-std.md")]
    mod async_std {}
    #[doc = include_str!("../migration/asyncio-streams.md")]
    mod asyncio_streams {}
    #[doc = include_str!("../migration/asyncio-tasks.md")]
    mod asyncio_tasks {}
    #[doc = include_str!("../migration/asyncio.md")]
    mod asyncio {}
    #[doc = include_str!("../migration/c-callbacks.md")]
    mod c_callbacks {}
    #[doc = include_str!("../migration/callbacks.md")]
    mod callbacks {}
    #[doc = include_str!("../migration/exclusive-features.md")]
    mod exclusive_features {}
    #[doc = include_str!("../migration/one-runtime.md")]
    mod one_runtime {}
    #[doc = include_str!("../migration/oneshot.md")]
    mod oneshot {}
    #[doc = include_str!("../migration/protocols.md")]
    mod protocols {}
    #[doc = include_str!("../migration/tokio-only.md")]
    mod tokio_only {}
    #[doc = include_str!("../migration/tornado.md")]
    mod tornado {}
    #[doc = include_str!("../migration/twisted-deferred.md")]
    mod twisted_deferred {}
    #[doc = include_str!("../migration/twisted-reactor.md")]
    mod twisted_reactor {}
    #[doc = include_str!("../migration/twisted.md")]
    mod twisted {}
}
