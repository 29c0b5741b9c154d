//! [zbus](https://docs.rs/zbus) 6 on every loop: D-Bus connections whose tasks, timers, sockets and child processes are those of one
//! [`Reactor`](interloop::Reactor), by value.
//!
//! ```
//! use std::os::unix::net::UnixStream;
//! use interloop::Reactor;
//! use interloop_zbus::runtime;
//! use zbus::{Guid, connection::Builder, interface};
//!
//! struct Words;
//!
//! #[interface(name = "org.example.Words")]
//! impl Words {
//!     fn shout(&self, word: &str) -> String {
//!         word.to_uppercase()
//!     }
//! }
//!
//! async fn run(reactor: Reactor) -> zbus::Result<()> {
//!     // Two ends that need no bus. To one, it is `Builder::session().runtime(runtime(&reactor)).build().await?`.
//!     let (one, other) = UnixStream::pair()?;
//!     let service = Builder::unix_stream(one)
//!         .server(Guid::generate())
//!         .p2p()
//!         .serve_at("/words", Words)
//!         .runtime(runtime(&reactor));
//!     let client = Builder::unix_stream(other).p2p().runtime(runtime(&reactor));
//!     // The two greet each other, so neither can be waited for alone.
//!     let (service, client) = futures_util::try_join!(service.build(), client.build())?;
//!
//!     let answer = client.call_method(None::<&str>, "/words", Some("org.example.Words"), "Shout", &"hello").await?;
//!     assert_eq!(answer.body().deserialize::<&str>()?, "HELLO");
//!     client.close().await?;
//!     service.close().await
//! }
//!
//! // On whichever loop there is:
//! interloop_tokio::block_on(run)??;
//! interloop_smol::block_on(run)??;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | [`runtime`] | makes the runtime that a connection's builder takes |
//! | [`Runtime`] | zbus' trait of this name, over a reactor |
//! | [`Registration`], [`Sleep`], [`Task`] | what it gives zbus: a socket or a pipe, a timer, a task |
//!
//! A connection that was built with it stays with its reactor, wherever it is used. Calls, streams of signals and proxies may be awaited on any
//! other loop, or on a plain thread.
//!
//! # When the loop ends
//!
//! It drops a connection's tasks, as zbus' own runtimes do, and with them what serves calls. Calls that wait for their answer elsewhere fail then,
//! connections that are begun are refused, and a connection's [time limit](zbus::connection::Builder::method_timeout) is over at once. Blocking work
//! that the loop refuses, or has not begun, is done on the thread on which that shows, since zbus relies on its being done.
//!
//! # What it costs
//!
//! A socket or a pipe takes two descriptors: zbus', and the duplicate by which the loop waits for it. Beside the loop's own there is no thread: names and
//! groups are looked up by the loop's blocking jobs, not by zbus' pool. Children are waited for by a task each.
//!
//! None of zbus' features for runtimes (`default-rt`, `tokio`) is needed, and none is in the way.
//!
//! # The minimum Rust version
//!
//! is 1.89, as that of zbus 6; the other crates need less.

#![forbid(unsafe_code)]

mod blocking;
mod registration;
mod runtime;
mod sleep;
mod task;

pub use self::{
    registration::Registration,
    runtime::{Runtime, runtime},
    sleep::Sleep,
    task::Task,
};
