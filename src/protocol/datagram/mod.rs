//! Protocols of datagrams: UDP, and sockets of datagrams within one machine.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use interloop::{
//!     net::UdpSocket,
//!     protocol::{Address, datagram::{self, DatagramProtocol, DatagramTransport}},
//! };
//!
//! struct Shout;
//!
//! impl DatagramProtocol for Shout {
//!     fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) {
//!         transport.send_to(&data.to_ascii_uppercase(), from.clone());
//!     }
//! }
//!
//! let socket = UdpSocket::bind(&reactor, "127.0.0.1:0".parse().unwrap())?;
//! let addr = socket.local_addr()?;
//! let transport = datagram::attach(&reactor, socket, Shout);
//!
//! let client = UdpSocket::bind(&reactor, "127.0.0.1:0".parse().unwrap())?;
//! client.send_to(b"hello", addr).await?;
//! let mut answer = [0; 16];
//! assert_eq!(client.recv(&mut answer).await?, 5);
//! assert_eq!(&answer[..5], b"HELLO");
//! transport.close();
//! assert!(transport.closed().await.unwrap().is_closed());
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

mod socket;
mod task;
mod transport;

use std::io;

pub use self::{socket::DatagramSocket, task::attach, transport::DatagramTransport};
use super::{Address, Lost};

/// What a program does with a socket of datagrams: methods that are called as things happen to it. Twisted's and asyncio's
/// `DatagramProtocol`.
///
/// The calls never overlap: `connection_made` once, then the others, and `connection_lost` once, at the end. They run on a task whose reactor
/// is the current one. A panic closes the socket with that reason, and nothing else.
pub trait DatagramProtocol {
    /// The socket is there. Twisted's `startProtocol`.
    fn connection_made(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// A datagram has come. It may be empty. A sender within the machine may have no name.
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address);

    /// A datagram could not be sent, or the system says that one that was sent did not arrive, as nobody receives there
    /// ([`io::ErrorKind::ConnectionRefused`], for sockets that are connected only). The socket goes on. asyncio's `error_received`, Twisted's
    /// `connectionRefused`.
    ///
    /// Not every loop says at once what a connected socket did not deliver: some do with the next datagram that is sent or
    /// received.
    fn error_received(&mut self, transport: &DatagramTransport, error: io::Error) {
        let _ = transport;
        log::debug!("a datagram was not sent, or not delivered: {error}");
    }

    /// The socket is closed. The last call. Twisted's `stopProtocol`.
    fn connection_lost(&mut self, transport: &DatagramTransport, reason: &Lost) {
        let _ = (transport, reason);
    }
}
