use std::{fmt, io, path::PathBuf};

use super::{ClientEndpoint, ServerEndpoint};

/// Makes TLS endpoints of others, from files: what a [`Parser`](super::Parser) needs for `ssl:` and `tls:`. Implemented by an adapter,
/// such as `interloop_rustls::TlsFiles`.
pub trait TlsProvider: Send + Sync + 'static {
    /// A server that speaks TLS over the connections of `endpoint`.
    ///
    /// # Errors
    /// If a file cannot be read, or is not what it should be.
    fn server(&self, endpoint: Box<dyn ServerEndpoint>, options: &TlsOptions) -> io::Result<Box<dyn ServerEndpoint>>;

    /// A client that speaks TLS over the connections of `endpoint`, with a server that has a certificate for `name`.
    ///
    /// # Errors
    /// As for a server.
    fn client(
        &self,
        endpoint: Box<dyn ClientEndpoint>,
        name: &str,
        options: &TlsOptions,
    ) -> io::Result<Box<dyn ClientEndpoint>>;
}

/// What the text of an endpoint says of TLS. All files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// The file of the private key.
    pub private_key: Option<PathBuf>,
    /// The file of the certificate, with the intermediate ones behind it, or not.
    pub certificate: Option<PathBuf>,
    /// A file of intermediate certificates, to follow those.
    pub chain: Option<PathBuf>,
    /// A file of certificates of authorities to trust, or a directory of such files, whose names end in `.pem`. Without it, the
    /// provider says who is trusted.
    pub trust_roots: Option<PathBuf>,
}

/// An endpoint, and the text of which it was made.
pub(super) struct Described<E> {
    pub(super) endpoint: E,
    pub(super) text: String,
}

impl<E> fmt::Display for Described<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<E: ServerEndpoint> ServerEndpoint for Described<E> {
    fn bind(&self, reactor: &crate::Reactor) -> crate::Deferred<super::Listening, io::Error> {
        self.endpoint.bind(reactor)
    }
}

impl<E: ClientEndpoint> ClientEndpoint for Described<E> {
    fn open(&self, reactor: &crate::Reactor) -> crate::Deferred<Box<dyn crate::protocol::Channel>, io::Error> {
        self.endpoint.open(reactor)
    }
}
