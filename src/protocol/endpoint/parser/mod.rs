mod sockets;
mod tls;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use super::{
    ClientEndpoint, Description, Inherited, ParseError, ProxiedServer, ServerEndpoint, Stdio, TcpClient, TcpServer,
    TlsProvider, UnixClient, UnixServer, arguments::Arguments,
};

/// Makes endpoints of text, as Twisted's `serverFromString` and `clientFromString` do.
///
/// | server | arguments, in the order of their places |
/// |---|---|
/// | `tcp` | `port`, `interface`, `backlog` |
/// | `tcp6` | `port`, `backlog`, `interface` (an IPv6 address; `::` unless it is given) |
/// | `unix` | `address`, `mode` (octal), `backlog`, `lockfile` |
/// | `ssl` | `port`, `privateKey`, `certKey`, `interface`, `backlog`, `extraCertChain` |
/// | `systemd` | `domain` (`INET`, `INET6`, `UNIX`), and `index` or `name`: of a socket that was [inherited](Inherited) |
/// | `fd` | `fileno`, `domain`: of a socket of this process that listens already, by its descriptor |
/// | `haproxy` | another of these kinds with its arguments: `haproxy:tcp:80`, see [`ProxiedServer`] |
/// | `stdio` | |
///
/// | client | arguments, in the order of their places |
/// |---|---|
/// | `tcp` | `host`, `port`, `timeout` (seconds), `bindAddress` |
/// | `unix` | `path`, `timeout`, `lockfile` (which means nothing) |
/// | `fd` | `fileno`, `domain`: of a connection of this process, by its descriptor |
/// | `tls` | `host`, `port`, `timeout`, `bindAddress`, `certificate`, `privateKey`, `trustRoots`, `endpoint` |
/// | `ssl` | `host`, `port`, `timeout`, `bindAddress`, `certKey`, `privateKey`, `caCertsDir`, `hostname` |
///
/// An argument has its place or its name, and [`Description`] says how they are written. Not as in Twisted: an `ssl` client
/// always checks the server's certificate; what is given twice is an error, as is a sign before a number; `sslmethod` and
/// `dhParameters` do not exist, since the provider of TLS chooses well without them. `fd` is not Twisted's: it is for what starts a
/// program with its sockets without keeping to systemd's protocol, and takes a duplicate, as [`Inherited::from_env`] does. Of Twisted's kinds of
/// servers, `tls` is not there.
///
/// ```
/// use interloop::protocol::endpoint::Parser;
///
/// let parser = Parser::new();
/// assert_eq!(parser.server("tcp:7000:127.0.0.1")?.to_string(), r"tcp:7000:interface=127.0.0.1");
/// assert_eq!(parser.client("tcp:example.org:80:timeout=5")?.to_string(), "tcp:host=example.org:port=80:timeout=5");
/// # Ok::<_, interloop::protocol::endpoint::ParseError>(())
/// ```
#[derive(Clone, Default)]
pub struct Parser {
    tls: Option<Arc<dyn TlsProvider>>,
    inherited: Option<Arc<Inherited>>,
}

impl Parser {
    /// One that knows no TLS, and takes inherited descriptors as the environment has them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has endpoints that speak TLS made by a provider.
    #[must_use = "it gives the parser back"]
    pub fn tls(mut self, provider: impl TlsProvider) -> Self {
        self.tls = Some(Arc::new(provider));
        self
    }

    /// Takes the sockets of `systemd:` from here, instead of from [`Inherited::from_env`].
    #[must_use = "it gives the parser back"]
    pub fn inherited(mut self, inherited: impl Into<Arc<Inherited>>) -> Self {
        self.inherited = Some(inherited.into());
        self
    }

    /// Where a server listens.
    ///
    /// # Errors
    /// Says what is wrong with which part.
    pub fn server(&self, text: &str) -> Result<Box<dyn ServerEndpoint>, ParseError> {
        let description: Description = text.parse()?;
        match description.kind() {
            "tcp" => {
                let arguments = Arguments::new(&description, &["port", "interface", "backlog"])?;
                Ok(Box::new(tcp_server(&arguments)?))
            }
            "tcp6" => Ok(Box::new(tcp6_server(&description)?)),
            "unix" => Ok(Box::new(unix_server(&description)?)),
            "ssl" => self.ssl_server(&description),
            "systemd" => self.systemd(&description),
            "fd" => sockets::server(&description),
            "haproxy" => self.haproxy(&description),
            "stdio" => {
                let mut rest = description.clone();
                // What is behind the colon of `stdio:`.
                rest.positional.retain(|part| !part.value.is_empty());
                Arguments::new(&rest, &[])?;
                Ok(Box::new(Stdio::new()))
            }
            _ => Err(unknown(
                &description,
                "tcp, tcp6, unix, ssl, systemd, fd, haproxy, stdio",
            )),
        }
    }

    /// Where a client connects to.
    ///
    /// # Errors
    /// Says what is wrong with which part.
    pub fn client(&self, text: &str) -> Result<Box<dyn ClientEndpoint>, ParseError> {
        let description: Description = text.parse()?;
        match description.kind() {
            "tcp" => {
                let arguments = client_arguments(&description, &["host", "port", "timeout", "bindAddress"])?;
                Ok(Box::new(tcp_client(&arguments)?))
            }
            "unix" => {
                let arguments = Arguments::new(&description, &["path", "timeout", "lockfile"])?;
                arguments.flag("lockfile")?;
                let client = UnixClient::new(&arguments.required("path")?.value);
                Ok(Box::new(match arguments.timeout()? {
                    Some(timeout) => client.timeout(timeout),
                    None => client,
                }))
            }
            "fd" => sockets::client(&description),
            "tls" | "ssl" => self.tls_client(&description),
            _ => Err(unknown(&description, "tcp, unix, fd, tls, ssl")),
        }
    }
}

impl Parser {
    /// What follows is the text of another endpoint.
    fn haproxy(&self, description: &Description) -> Result<Box<dyn ServerEndpoint>, ParseError> {
        let begin = description.kind.span.end + 1;
        let Some(rest) = description
            .text
            .get(begin..)
            .filter(|_| description.kind.span.start == 0)
        else {
            let why = "an endpoint comes behind `haproxy`: write `haproxy:tcp:80`, for example";
            return Err(description.error(description.kind.span.clone(), why));
        };
        let below = self.server(rest);
        let below = below.map_err(|error| error.within(&description.text, begin))?;
        Ok(Box::new(ProxiedServer::new(below)))
    }
}

impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parser")
            .field("has_tls", &self.tls.is_some())
            .field("inherited", &self.inherited)
            .finish()
    }
}

fn unknown(description: &Description, known: &str) -> ParseError {
    let why = format!("`{}` is no kind of endpoint: take one of {known}", description.kind());
    description.error(description.kind.span.clone(), why)
}

/// Something outside of the text.
fn failed(description: &Description, error: std::io::Error) -> ParseError {
    description.error(0..description.text.len(), error.to_string())
}

fn tcp_server(arguments: &Arguments<'_>) -> Result<TcpServer, ParseError> {
    let server = TcpServer::new(arguments.port()?).interface(arguments.text("interface").unwrap_or(""));
    Ok(match arguments.backlog()? {
        Some(backlog) => server.backlog(backlog),
        None => server,
    })
}

fn tcp6_server(description: &Description) -> Result<TcpServer, ParseError> {
    let arguments = Arguments::new(description, &["port", "backlog", "interface"])?;
    let server = tcp_server(&arguments)?;
    let Some(interface) = arguments.get("interface") else {
        return Ok(server.interface("::"));
    };
    // The name of a network interface may follow.
    let is_ipv6 = |text: &str| text.split('%').next()?.parse::<Ipv6Addr>().ok();
    arguments.parsed(interface, "IPv6 address: give one, or take `tcp`", is_ipv6)?;
    Ok(server)
}

fn unix_server(description: &Description) -> Result<UnixServer, ParseError> {
    let arguments = Arguments::new(description, &["address", "mode", "backlog", "lockfile"])?;
    let mut server = UnixServer::new(&arguments.required("address")?.value);
    let octal = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777),
        false => None,
    };
    if let Some(mode) = arguments.optional("mode", "mode: give permissions in octal, such as 660", octal)? {
        server = server.mode(mode);
    }
    if let Some(backlog) = arguments.backlog()? {
        server = server.backlog(backlog);
    }
    if let Some(lockfile) = arguments.flag("lockfile")? {
        server = server.lockfile(lockfile);
    }
    Ok(server)
}

/// One place is the host's, unless that has its name.
fn client_arguments<'a>(description: &'a Description, names: &[&'static str]) -> Result<Arguments<'a>, ParseError> {
    let names_host = description.named().any(|(name, _)| name == "host");
    let places = if names_host { &names[1..] } else { names };
    Arguments::with_places(description, places, names)
}

fn tcp_client(arguments: &Arguments<'_>) -> Result<TcpClient, ParseError> {
    let host = arguments.required("host")?;
    let mut client = TcpClient::new(&host.value, arguments.port()?);
    if let Some(timeout) = arguments.timeout()? {
        client = client.timeout(timeout);
    }
    let what = "address of this machine: give an IP address, without a port";
    if let Some(addr) = arguments.optional("bindAddress", what, |text| text.parse::<IpAddr>().ok())? {
        client = client.bind_address(addr);
    }
    Ok(client)
}
