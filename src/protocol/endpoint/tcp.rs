use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{ClientEndpoint, EndpointError, Listening, ServerEndpoint, description::Writer};
use crate::{
    Deferred, Reactor,
    net::{Connector, TcpSocket, TcpStream, lookup_host},
    protocol::Channel,
};

/// How long a client tries to connect, unless it is told otherwise: as long as Twisted's.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections may wait to be accepted, unless it is told otherwise.
pub(super) const BACKLOG: u32 = 1024;

/// A server on TCP. As text: `tcp:7000:interface=127.0.0.1`.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::protocol::{Address, Protocol, Transport, endpoint::{ClientEndpoint, ServerEndpoint, TcpClient, TcpServer}};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// let port = TcpServer::new(0).interface("localhost").listen(&reactor, || Echo).await?;
/// let Some(Address::Ip(addr)) = port.local_addr() else { unreachable!() };
/// let transport = TcpClient::new("localhost", addr.port()).connect(&reactor, Echo).await?;
/// transport.lose_connection();
/// port.stop();
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpServer {
    port: u16,
    interface: String,
    backlog: Option<u32>,
}

impl TcpServer {
    /// On all IPv4 addresses of this machine. Port 0 takes a free one, which [`Port::local_addr`](crate::protocol::Port::local_addr) knows.
    pub fn new(port: u16) -> Self {
        Self {
            port,
            interface: String::new(),
            backlog: None,
        }
    }

    /// On one address, or the first one of a name, of IPv4 if it has one; `::` for all addresses of IPv6, to which belong on
    /// most systems those of IPv4.
    #[must_use = "it gives the endpoint back"]
    pub fn interface(mut self, interface: impl Into<String>) -> Self {
        self.interface = interface.into();
        self
    }

    /// How many connections may wait to be accepted: 1,024 unless this is set, and no more than the system has it.
    #[must_use = "it gives the endpoint back"]
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = Some(backlog);
        self
    }

    async fn try_bind(&self, reactor: &Reactor) -> io::Result<Listening> {
        let addr = match &*self.interface {
            "" => SocketAddr::from(([0, 0, 0, 0], self.port)),
            name => {
                let addrs = lookup_host(reactor, (name, self.port)).cancel_on_drop().await?;
                let found = addrs.iter().find(|addr| addr.is_ipv4()).or(addrs.first());
                *found.ok_or(io::ErrorKind::NotFound)?
            }
        };
        let socket = TcpSocket::for_addr(addr)?;
        socket.set_reuse_address(true)?;
        socket.bind(addr)?;
        let listener = socket.listen(reactor, self.backlog.unwrap_or(BACKLOG))?;
        let addr = listener.local_addr()?;
        Ok(Listening::new(listener.into_incoming(), Some(addr.into())))
    }
}

impl ServerEndpoint for TcpServer {
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
        let (this, tasks) = (self.clone(), reactor.clone());
        reactor.spawn(async move {
            let bound = this.try_bind(&tasks).await;
            bound.map_err(|error| EndpointError::listening(&this, error))
        })
    }
}

/// As text that parses back.
impl fmt::Display for TcpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Writer::new(f, "tcp")?
            .positional(self.port)?
            .unless("interface", &self.interface, "")?
            .some("backlog", self.backlog)?
            .end()
    }
}

/// A client on TCP, by a host's name or address. As text: `tcp:host=example.org:port=80:timeout=5`.
///
/// Of several addresses that the name has, it takes whichever answers first, as [`Connector`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpClient {
    host: String,
    port: u16,
    timeout: Duration,
    bind: Option<IpAddr>,
}

impl TcpClient {
    /// To a host, which has 30 seconds to answer.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            timeout: TIMEOUT,
            bind: None,
        }
    }

    /// How long the host has to answer, the look-up of its name included.
    #[must_use = "it gives the endpoint back"]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects from one of this machine's addresses. The addresses of the host that are of the same kind are tried one after the other
    /// then.
    #[must_use = "it gives the endpoint back"]
    pub fn bind_address(mut self, addr: IpAddr) -> Self {
        self.bind = Some(addr);
        self
    }

    /// The host, as it was given. A TLS client checks a certificate for it.
    pub fn host(&self) -> &str {
        &self.host
    }

    async fn try_open(&self, reactor: &Reactor) -> io::Result<TcpStream> {
        let host = (&*self.host, self.port);
        let Some(from) = self.bind else {
            let connector = Connector::new().limit(self.timeout);
            return connector.connect(reactor, host).await;
        };
        let connect = async {
            let mut failure = io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("it has no address of the kind of {from}: leave the address to connect from out"),
            );
            for addr in lookup_host(reactor, host).cancel_on_drop().await? {
                if addr.is_ipv4() != from.is_ipv4() {
                    continue;
                }
                let socket = TcpSocket::for_addr(addr)?;
                socket.bind((from, 0).into())?;
                match socket.connect(reactor, addr).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        };
        let opened = reactor.timeout(self.timeout, connect).await;
        opened.map_err(|error| EndpointError::connecting(self, error))
    }
}

impl ClientEndpoint for TcpClient {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        let (this, tasks) = (self.clone(), reactor.clone());
        reactor.spawn(async move { Ok(Box::new(this.try_open(&tasks).await?) as _) })
    }
}

/// As text that parses back.
impl fmt::Display for TcpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Writer::new(f, "tcp")?
            .named("host", &self.host)?
            .named("port", self.port)?
            .timeout(self.timeout)?
            .some("bindAddress", self.bind)?
            .end()
    }
}
