//! The addresses of a name.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
};

use crate::{Deferred, Reactor};

/// A host, by name or address, and a port.
///
/// Made from text with both (`"example.org:80"`, `"[::1]:80"`), from a pair (`("example.org", 80)`), or from an address.
///
/// ```
/// use interloop::net::HostPort;
///
/// assert_eq!(HostPort::from(("::1", 80)), HostPort::from("[::1]:80"));
/// assert_eq!(HostPort::from(("example.org", 80)).to_string(), "example.org:80");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Addr(SocketAddr),
    Name(String),
}

impl HostPort {
    fn resolve(self) -> io::Result<Vec<SocketAddr>> {
        let addrs = match &self.0 {
            Kind::Addr(addr) => Ok(vec![*addr]),
            Kind::Name(name) => name.to_socket_addrs().map(Iterator::collect::<Vec<_>>),
        };
        match addrs {
            Ok(addrs) if addrs.is_empty() => {
                let error = io::Error::new(io::ErrorKind::NotFound, "it has no address");
                Err(LookupError::wrap(self, error))
            }
            Ok(addrs) => Ok(addrs),
            Err(error) => Err(LookupError::wrap(self, error)),
        }
    }
}

impl From<&str> for HostPort {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for HostPort {
    fn from(text: String) -> Self {
        match text.parse() {
            Ok(addr) => Self(Kind::Addr(addr)),
            Err(_) => Self(Kind::Name(text)),
        }
    }
}

impl From<(&str, u16)> for HostPort {
    fn from((host, port): (&str, u16)) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => (ip, port).into(),
            Err(_) => Self::from(format!("{host}:{port}")),
        }
    }
}

impl From<(String, u16)> for HostPort {
    fn from((host, port): (String, u16)) -> Self {
        Self::from((host.as_str(), port))
    }
}

impl From<(IpAddr, u16)> for HostPort {
    fn from(addr: (IpAddr, u16)) -> Self {
        Self(Kind::Addr(addr.into()))
    }
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self(Kind::Addr(addr))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Addr(addr) => addr.fmt(f),
            Kind::Name(name) => name.fmt(f),
        }
    }
}

/// Looks up the addresses of a name, in the order in which the system would have them tried.
///
/// The system's own resolver does it, as a blocking job of the loop. For an address there is nothing to look up, and
/// the result is there at once.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// let addrs = interloop::net::lookup_host(&reactor, "localhost:80").await?;
/// assert!(addrs.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 80));
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// A [`LookupError`] in the [`io::Error`], of the kind that the resolver gives; [`io::ErrorKind::InvalidInput`] if there is no
/// port. And if the loop has shut down.
///
/// # Cancel safety
/// The deferred can be cancelled, dropped or given a limit at any time. The resolver knows no cancellation: once it runs, it
/// runs to its end on its thread, and what it found is dropped.
#[track_caller]
pub fn lookup_host(reactor: &Reactor, host: impl Into<HostPort>) -> Deferred<Vec<SocketAddr>, io::Error> {
    match host.into() {
        HostPort(Kind::Addr(addr)) => Deferred::ready(vec![addr]),
        host => reactor.spawn_blocking(move || host.resolve()),
    }
}

/// The addresses of a name could not be looked up. Found in the [`io::Error`] of [`lookup_host`], and of what uses that.
#[derive(Debug)]
pub struct LookupError {
    host: HostPort,
    error: io::Error,
}

impl LookupError {
    pub(crate) fn wrap(host: HostPort, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self { host, error })
    }

    /// What was looked up.
    pub fn host(&self) -> &HostPort {
        &self.host
    }

    /// What the resolver said.
    pub fn error(&self) -> &io::Error {
        &self.error
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot look up `{}`: {}", self.host, self.error)
    }
}

impl Error for LookupError {}
