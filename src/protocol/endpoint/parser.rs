use std::{fmt, net::IpAddr, sync::Arc};

use super::{
    AdoptedServer, ClientEndpoint, Description, Inherited, ParseError, ServerEndpoint, Stdio, TcpClient, TcpServer,
    TlsOptions, TlsProvider, UnixClient, UnixServer,
    arguments::{Arguments, number},
    tls::Described,
};

/// Makes endpoints of text, as Twisted's `serverFromString` and `clientFromString` do.
///
/// | server | arguments, in the order of their places |
/// |---|---|
/// | `tcp` | `port`, `interface`, `backlog` |
/// | `unix` | `address`, `mode` (octal), `backlog`, `lockfile` |
/// | `ssl` | `port`, `privateKey`, `certKey`, `interface`, `backlog`, `extraCertChain` |
/// | `systemd` | `domain` (`INET`, `INET6`, `UNIX`), and `index` or `name` |
/// | `stdio` | |
///
/// | client | arguments, in the order of their places |
/// |---|---|
/// | `tcp` | `host`, `port`, `timeout` (seconds), `bindAddress` |
/// | `unix` | `path`, `timeout`, `lockfile` (which means nothing) |
/// | `tls` | `host`, `port`, `timeout`, `bindAddress`, `certificate`, `privateKey`, `trustRoots`, `endpoint` |
/// | `ssl` | `host`, `port`, `timeout`, `bindAddress`, `certKey`, `privateKey`, `caCertsDir`, `hostname` |
///
/// An argument has its place or its name, and [`Description`] says how they are written. Not as in Twisted: an `ssl` client
/// always checks the server's certificate; what is given twice is an error, as is a sign before a number; `sslmethod` and
/// `dhParameters` do not exist, since the provider of TLS chooses well without them.
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
            "unix" => Ok(Box::new(unix_server(&description)?)),
            "ssl" => self.ssl_server(&description),
            "systemd" => self.systemd(&description),
            "stdio" => {
                let mut rest = description.clone();
                // What is behind the colon of `stdio:`.
                rest.positional.retain(|part| !part.value.is_empty());
                Arguments::new(&rest, &[])?;
                Ok(Box::new(Stdio::new()))
            }
            _ => Err(unknown(&description, "tcp, unix, ssl, systemd, stdio")),
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
            "tls" | "ssl" => self.tls_client(&description),
            _ => Err(unknown(&description, "tcp, unix, tls, ssl")),
        }
    }

    fn provider(&self, description: &Description) -> Result<&dyn TlsProvider, ParseError> {
        self.tls.as_deref().ok_or_else(|| {
            let why = format!(
                "`{}` needs TLS, which this parser has none of: give it `interloop_rustls::TlsFiles` with `Parser::tls`",
                description.kind()
            );
            description.error(description.kind.span.clone(), why)
        })
    }

    fn ssl_server(&self, description: &Description) -> Result<Box<dyn ServerEndpoint>, ParseError> {
        let names = [
            "port",
            "privateKey",
            "certKey",
            "interface",
            "backlog",
            "extraCertChain",
        ];
        let arguments = Arguments::new(description, &names)?;
        let private_key = arguments.text("privateKey").unwrap_or("server.pem");
        let options = TlsOptions {
            private_key: Some(private_key.into()),
            certificate: Some(arguments.text("certKey").unwrap_or(private_key).into()),
            chain: arguments.text("extraCertChain").map(Into::into),
            trust_roots: None,
        };
        let below = Box::new(tcp_server(&arguments)?);
        let made = self.provider(description)?.server(below, &options);
        Ok(Box::new(Described {
            endpoint: made.map_err(|error| failed(description, error))?,
            text: description.to_string(),
        }))
    }

    fn tls_client(&self, description: &Description) -> Result<Box<dyn ClientEndpoint>, ParseError> {
        let is_tls = description.kind() == "tls";
        let [certificate, roots, last] = match is_tls {
            true => ["certificate", "trustRoots", "endpoint"],
            false => ["certKey", "caCertsDir", "hostname"],
        };
        let names = [
            "host",
            "port",
            "timeout",
            "bindAddress",
            certificate,
            "privateKey",
            roots,
            last,
        ];
        let arguments = client_arguments(description, &names)?;
        let tcp = tcp_client(&arguments)?;
        let mut name = tcp.host().to_owned();
        let mut below: Box<dyn ClientEndpoint> = Box::new(tcp);
        match arguments.get(last) {
            Some(part) if is_tls => {
                let inner = self.client(&part.value);
                below = inner.map_err(|error| arguments.error(part, error))?;
            }
            Some(part) => name.clone_from(&part.value),
            None => {}
        }
        if let (None, Some(key)) = (arguments.get(certificate), arguments.get("privateKey")) {
            let why = format!("a private key is of no use without its certificate: add `:{certificate}=` and its file");
            return Err(arguments.error(key, why));
        }
        let certificate = arguments.text(certificate);
        let options = TlsOptions {
            private_key: arguments.text("privateKey").or(certificate).map(Into::into),
            certificate: certificate.map(Into::into),
            chain: None,
            trust_roots: arguments.text(roots).map(Into::into),
        };
        let made = self.provider(description)?.client(below, &name, &options);
        Ok(Box::new(Described {
            endpoint: made.map_err(|error| failed(description, error))?,
            text: description.to_string(),
        }))
    }

    fn systemd(&self, description: &Description) -> Result<Box<dyn ServerEndpoint>, ParseError> {
        let arguments = Arguments::new(description, &["domain", "index", "name"])?;
        let domain = arguments.required("domain")?;
        let known = ["INET", "INET6", "UNIX"].contains(&&*domain.value);
        arguments.parsed(domain, "domain: give INET, INET6 or UNIX", |_| known.then_some(()))?;
        let from_env;
        let inherited = match &self.inherited {
            Some(inherited) => &**inherited,
            None => {
                from_env = Inherited::from_env().map_err(|error| failed(description, error))?;
                &from_env
            }
        };
        let (part, found) = if let Some(part) = arguments.get("name") {
            if arguments.get("index").is_some() {
                return Err(arguments.error(part, "`index` and `name` are both given: leave one out"));
            }
            (part, inherited.named(&part.value))
        } else {
            let part = arguments.required("index")?;
            let index = arguments.parsed(part, "index: give a number from 0 on", number)?;
            (part, inherited.get(index))
        };
        let Some(socket) = found else {
            let names = inherited.names().collect::<Vec<_>>().join(", ");
            let why = format!(
                "no socket `{}` was inherited, but {} ({names}): look at the `ListenStream=` and `FileDescriptorName=` of the unit",
                part.value,
                inherited.len(),
            );
            return Err(arguments.error(part, why));
        };
        let adopted = socket.try_clone_to_owned().and_then(AdoptedServer::new);
        Ok(Box::new(Described {
            endpoint: adopted.map_err(|error| arguments.error(part, error))?,
            text: description.to_string(),
        }))
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
