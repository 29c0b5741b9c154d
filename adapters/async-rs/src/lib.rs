//! [async-rs](https://docs.rs/async-rs)' runtime traits on every loop: its tasks, timers and sockets are those of one
//! [`Reactor`](interloop::Reactor), by value. What is written for them runs there, such as lapin, the client of RabbitMQ.
//!
//! ```
//! use std::time::Duration;
//! use async_rs::{Runtime, traits::{Executor, Reactor as _, RuntimeKit}};
//! use interloop::Reactor;
//! use interloop_async_rs::runtime;
//!
//! /// Stands for a library that is written for async-rs.
//! async fn library(runtime: Runtime<impl RuntimeKit>) -> u32 {
//!     let slow = runtime.spawn_blocking(|| 20);
//!     let quick = runtime.spawn(async { 22 });
//!     runtime.sleep(Duration::from_millis(1)).await;
//!     slow.await + quick.await
//! }
//!
//! async fn run(reactor: Reactor) -> u32 {
//!     library(runtime(&reactor)).await
//! }
//!
//! // On whichever loop there is:
//! assert_eq!(interloop_tokio::block_on(run)?, 42);
//! assert_eq!(interloop_smol::block_on(run)?, 42);
//! # Ok::<_, interloop::BlockOnError>(())
//! ```
//!
//! lapin takes it by `Connection::connect_with_runtime(uri, options, interloop_async_rs::runtime(&reactor))`, and needs none of its own
//! features for a runtime then. (Its first ones of 4, among them 4.0.0-rc.1, the last before Rust 1.88, are not built without any; it is not used.) lapin
//! starts a thread for each connection on any runtime, which does the connection's I/O; what that waits for, and all else, is the loop's.
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | [`runtime`] | async-rs' `Runtime` over a reactor: what a library takes |
//! | [`Kit`] | its traits `Executor`, `Reactor` and `RuntimeKit`, over a reactor |
//! | [`Task`], [`Interval`] | what they give. Its streams of TCP are [`interloop::net::TcpStream`]s, its sleeps are [`interloop::time::Sleep`]s |
//!
//! # When the loop ends
//!
//! Sockets and sleeps fail then, and intervals end. async-rs' tasks have no way to fail: see [`Task`].
//!
//! Names are looked up by async-rs itself, as blocking jobs of the loop. There is no thread beside the loop's own.

#![forbid(unsafe_code)]

mod interval;
mod kit;
mod task;

pub use self::{
    interval::Interval,
    kit::{Kit, runtime},
    task::Task,
};
