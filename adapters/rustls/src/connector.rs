use std::{fmt, sync::Arc};

use futures_io::{AsyncRead, AsyncWrite};
use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};

use crate::{TlsError, TlsStream, provider};

/// Makes the client's end of TLS connections. Cheap to clone.
#[derive(Clone)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
}

impl TlsConnector {
    /// Trusts the certificate authorities that Mozilla does, as of when the program was built.
    ///
    /// # Errors
    /// If there is no cryptography, see [the features](crate#features).
    #[cfg(feature = "webpki-roots")]
    pub fn new() -> Result<Self, TlsError> {
        Self::with_roots(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        })
    }

    /// Trusts the certificate authorities that the system does. Reads files, which may take some milliseconds; do it
    /// once.
    ///
    /// # Errors
    /// If the system has none, and as for [`with_roots`](Self::with_roots).
    #[cfg(feature = "platform-roots")]
    pub fn with_platform_roots() -> Result<Self, TlsError> {
        let mut loaded = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // Systems have certificates that no longer parse; those are not trusted, and the rest is.
        let (added, _ignored) = roots.add_parsable_certificates(loaded.certs);
        if added == 0 {
            return Err(TlsError::no_roots(loaded.errors.pop()));
        }
        Self::with_roots(roots)
    }

    /// Trusts these certificate authorities.
    ///
    /// # Errors
    /// If there is no cryptography, see [the features](crate#features).
    pub fn with_roots(roots: RootCertStore) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::from_config(Arc::new(config)))
    }

    /// Uses a configuration of rustls: for a client's certificate, for older or newer protocols only, and so on.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    /// The configuration of rustls.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Offers protocols to be spoken over the connection (ALPN), best first. Which one the server took is in
    /// [`TlsStream::alpn_protocol`].
    #[must_use = "it gives the connector back"]
    pub fn with_alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Makes a connection with the server of this name, a DNS name or an IP address, at the other end of the stream.
    ///
    /// It has no time limit of its own. Cancel safety: dropped, the attempt is given up, and so is the stream.
    ///
    /// # Errors
    /// If this is no name, if the server's certificate is not acceptable for it, if the other end refuses, and
    /// those of the stream.
    pub async fn connect<S>(&self, server: &str, stream: S) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(server.to_owned()).map_err(TlsError::name)?;
        let connection = ClientConnection::new(self.config.clone(), name).map_err(TlsError::tls)?;
        TlsStream::handshake(stream, connection.into()).await
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").finish_non_exhaustive()
    }
}
