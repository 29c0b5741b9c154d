//! Sockets that behave alike on every loop.
//!
//! They are made through a [`Reactor`](crate::Reactor), own their descriptor, and speak the
//! `AsyncRead` and `AsyncWrite` of futures-io. [`memory`] has connections without sockets, for code that is to run
//! on a [`Clock`](crate::Clock).

pub mod memory;

mod tcp;

pub use self::tcp::{TcpListener, TcpStream};
