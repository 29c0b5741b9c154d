use std::{
    fmt, io,
    net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream},
    },
};

use rustix::net::sockopt::{socket_acceptconn, socket_type};
use socket2::SockRef;

use super::{ClientEndpoint, EndpointError, Listening, ServerEndpoint};
use crate::{
    Deferred, Reactor,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    protocol::Channel,
};

/// A server on a socket that listens already, of TCP or a Unix one. Twisted's `AdoptedStreamServerEndpoint`.
///
/// Each time that something listens there, it does so on a duplicate, so the socket is open until the endpoint is dropped as well.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::protocol::endpoint::{AdoptedServer, ServerEndpoint};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let listening = AdoptedServer::new(listener)?.bind(&reactor).await?;
/// assert!(listening.local_addr().is_some());
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct AdoptedServer {
    socket: OwnedFd,
}

impl AdoptedServer {
    /// Takes over a socket.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it does not listen, or is of another kind; it is closed then.
    pub fn new(socket: impl Into<OwnedFd>) -> io::Result<Self> {
        let socket = socket.into();
        match socket_acceptconn(&socket) {
            Ok(true) => {
                is_unix(&socket)?;
                Ok(Self { socket })
            }
            Ok(false) => Err(unfit(
                "this socket does not listen: call `listen` before, or adopt it as a connection",
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn try_bind(&self, reactor: &Reactor) -> io::Result<Listening> {
        let socket = self.socket.try_clone()?;
        if is_unix(&socket)? {
            let listener = UnixListener::from_std(reactor, StdUnixListener::from(socket))?;
            let address = listener.local_addr()?;
            return Ok(Listening::new(listener.into_incoming(), Some(address.into())));
        }
        let listener = TcpListener::from_std(reactor, StdTcpListener::from(socket))?;
        let address = listener.local_addr()?;
        Ok(Listening::new(listener.into_incoming(), Some(address.into())))
    }
}

impl ServerEndpoint for AdoptedServer {
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
        let bound = self.try_bind(reactor);
        Deferred::settled(bound.map_err(|error| EndpointError::listening(self, error)))
    }
}

/// Not text that parses back: no text could say which socket it is.
impl fmt::Display for AdoptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a socket that listens already")
    }
}

/// A connection that is there already, of TCP or a Unix one, as an endpoint.
///
/// Each time that it is opened, that is a duplicate, and two at once take each other's bytes; the other end sees the end when all are
/// closed and the endpoint is dropped.
#[derive(Debug)]
pub struct AdoptedClient {
    socket: OwnedFd,
}

impl AdoptedClient {
    /// Takes over a socket.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is of another kind, and [`io::ErrorKind::NotConnected`] if it is not connected; it is
    /// closed then.
    pub fn new(socket: impl Into<OwnedFd>) -> io::Result<Self> {
        let socket = socket.into();
        is_unix(&socket)?;
        SockRef::from(&socket).peer_addr()?;
        Ok(Self { socket })
    }

    fn try_open(&self, reactor: &Reactor) -> io::Result<Box<dyn Channel>> {
        let socket = self.socket.try_clone()?;
        Ok(match is_unix(&socket)? {
            true => Box::new(UnixStream::from_std(reactor, StdUnixStream::from(socket))?),
            false => Box::new(TcpStream::from_std(reactor, StdTcpStream::from(socket))?),
        })
    }
}

impl ClientEndpoint for AdoptedClient {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        Deferred::settled(self.try_open(reactor))
    }
}

/// Not text that parses back.
impl fmt::Display for AdoptedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a connection that is there already")
    }
}

/// Whether a stream socket is a Unix one; otherwise it is of TCP.
pub(super) fn is_unix(socket: &impl AsFd) -> io::Result<bool> {
    let addr = SockRef::from(socket).local_addr()?;
    let is_stream = socket_type(socket)? == rustix::net::SocketType::STREAM;
    match is_stream && (addr.is_unix() || addr.as_socket().is_some()) {
        true => Ok(addr.is_unix()),
        false => Err(unfit("this is no stream socket of TCP or Unix")),
    }
}

fn unfit(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
