//! Sockets that behave alike on every loop.
//!
//! They are made through a [`Reactor`](crate::Reactor), own their descriptor, and speak the
//! `AsyncRead` and `AsyncWrite` of futures-io.

mod tcp;

pub use self::tcp::{TcpListener, TcpStream};
