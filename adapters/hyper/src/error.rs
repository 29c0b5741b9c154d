use std::{error::Error, fmt, io};

use http::Uri;

/// Why there is no connection to the host of a URI. Found in the [source](Error::source) of the client's error.
#[derive(Debug)]
pub struct ConnectError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Scheme(Option<String>),
    Host(String),
    NoTls,
    Connect(io::Error),
    #[cfg(feature = "rustls")]
    Tls(io::Error),
}

impl ConnectError {
    pub(crate) fn scheme(uri: &Uri) -> Self {
        Self {
            kind: Kind::Scheme(uri.scheme_str().map(str::to_owned)),
        }
    }

    pub(crate) fn host(uri: &Uri) -> Self {
        Self {
            kind: Kind::Host(uri.to_string()),
        }
    }

    pub(crate) fn no_tls() -> Self {
        Self { kind: Kind::NoTls }
    }

    pub(crate) fn connect(error: io::Error) -> Self {
        Self {
            kind: Kind::Connect(error),
        }
    }

    #[cfg(feature = "rustls")]
    pub(crate) fn tls(error: io::Error) -> Self {
        Self { kind: Kind::Tls(error) }
    }

    /// Whether the URI cannot be connected to: it has no host, or its scheme is not one that is spoken here.
    pub fn is_uri(&self) -> bool {
        matches!(self.kind, Kind::Scheme(_) | Kind::Host(_) | Kind::NoTls)
    }

    /// Whether the connection was made, and setting TLS up failed.
    pub fn is_tls(&self) -> bool {
        match self.kind {
            #[cfg(feature = "rustls")]
            Kind::Tls(_) => true,
            _ => false,
        }
    }

    /// Whether the limit has passed, the connector's or that of the system.
    pub fn is_timeout(&self) -> bool {
        self.as_io()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    /// What looking the name up, connecting or TLS failed with; [`net::ConnectError`](interloop::net::ConnectError) and
    /// [`Aborted`](interloop::Aborted) are found in it.
    pub fn as_io(&self) -> Option<&io::Error> {
        match &self.kind {
            Kind::Connect(error) => Some(error),
            #[cfg(feature = "rustls")]
            Kind::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Scheme(Some(scheme)) => write!(f, "cannot connect by `{scheme}`: only `http` and `https` are spoken here"),
            Kind::Scheme(None) => f.write_str("the URI names no scheme: begin it with `http://` or `https://`"),
            Kind::Host(uri) => write!(f, "the URI `{uri}` names no host to connect to"),
            Kind::NoTls => f.write_str(
                "cannot connect by `https`: turn on the feature `rustls` of `interloop-hyper`, and give a `TlsConnector` \
                 to the client or its connector",
            ),
            Kind::Connect(_) => f.write_str("cannot connect to the server"),
            #[cfg(feature = "rustls")]
            Kind::Tls(_) => f.write_str("cannot set up TLS with the server"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.as_io().map(|error| error as _)
    }
}
