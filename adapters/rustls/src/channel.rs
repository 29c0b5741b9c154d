use std::os::fd::BorrowedFd;

use interloop::protocol::{Address, Channel};

use crate::TlsStream;

/// A protocol runs over it; its addresses and its socket are those of what is below.
///
/// # TLS in the middle of a connection
///
/// To start TLS, a protocol asks for its connection ([`detach`](interloop::protocol::Transport::detach)), has the handshake made, and attaches the
/// next protocol. What it had received beyond the request goes through TLS, not to the next protocol as it is: nobody on the way can put
/// words before those of the client. The handshake has no time limit of its own; a server gives it one.
///
/// ```
/// use std::io;
/// use interloop::{Reactor, protocol::{self, Lost, Protocol, Transport}};
/// use interloop_rustls::TlsAcceptor;
///
/// struct Plain {
///     acceptor: TlsAcceptor,
///     received: Vec<u8>,
/// }
///
/// impl Protocol for Plain {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         self.received.extend_from_slice(data);
///         let Some(rest) = self.received.strip_prefix(b"STARTTLS\r\n") else { return };
///         transport.unread(rest);
///         transport.write(b"go on\r\n");
///         let (acceptor, stream) = (self.acceptor.clone(), transport.detach());
///         let reactor = Reactor::current().expect("callbacks of a connection have its reactor");
///         let upgraded = reactor.clone().spawn(async move {
///             let stream = acceptor.accept(stream.await?).await?;
///             protocol::attach(&reactor, stream, Secret);
///             Ok::<_, io::Error>(())
///         });
///         upgraded.or_else(|error| Ok::<_, Lost>(println!("no TLS: {error}"))).detach();
///     }
/// }
///
/// struct Secret;
///
/// impl Protocol for Secret {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///     }
/// }
/// ```
impl<C: Channel> Channel for TlsStream<C> {
    fn local_address(&self) -> Option<Address> {
        self.get_ref().local_address()
    }

    fn peer_address(&self) -> Option<Address> {
        self.get_ref().peer_address()
    }

    fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.get_ref().socket()
    }
}
