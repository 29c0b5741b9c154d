//! Sockets that behave alike on every loop.
//!
//! They are made through a [`Reactor`](crate::Reactor), own their descriptor, and those of streams speak the
//! `AsyncRead` and `AsyncWrite` of futures-io. A [`Descriptor`] waits for what is none of these sockets. [`memory`] has
//! connections without sockets, for code that is to run on a [`Clock`](crate::Clock).

pub mod memory;

mod accept;
mod datagrams;
mod descriptor;
mod halves;
mod incoming;
mod ip;
mod lookup;
mod pipe;
mod ready;
mod socket;
mod streams;
mod tcp;
mod udp;
mod unix;

pub use self::{
    accept::AcceptFailure,
    descriptor::Descriptor,
    halves::{Duplex, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf},
    incoming::{Incoming, Listener},
    lookup::{HostPort, LookupError, lookup_host},
    pipe::{PipeReader, PipeWriter, pipe},
    ready::Ready,
    tcp::{ConnectError, Connector, Keepalive, TcpListener, TcpSocket, TcpStream},
    udp::UdpSocket,
    unix::{UCred, UnixDatagram, UnixListener, UnixStream},
};
pub use crate::CannotWait;
