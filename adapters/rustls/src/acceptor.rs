use std::{fmt, sync::Arc};

use futures_io::{AsyncRead, AsyncWrite};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{TlsError, TlsStream, provider};

/// Makes the server's end of TLS connections. Cheap to clone.
#[derive(Clone)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
}

impl TlsAcceptor {
    /// A server with this certificate, followed by the intermediate ones up to the root, and with its private key.
    /// Clients are asked for no certificate.
    ///
    /// # Errors
    /// If the key is not the certificate's or of no known kind; and if there is no cryptography, see
    /// [the features](crate#features).
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let config = ServerConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::tls)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::tls)?;
        Ok(Self::from_config(Arc::new(config)))
    }

    /// As [`new`](Self::new), with the chain and the key as they are in PEM files.
    ///
    /// # Errors
    /// If they are not, and as for `new`.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsError::pem)?;
        Self::new(chain, PrivateKeyDer::from_pem_slice(key).map_err(TlsError::pem)?)
    }

    /// Uses a configuration of rustls: for certificates of clients, for several names, and so on.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        Self { config }
    }

    /// The configuration of rustls.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Takes one of these protocols to be spoken over the connection (ALPN), the first that the client offers. A client that
    /// offers others only is refused; one that offers none is not.
    #[must_use = "it gives the acceptor back"]
    pub fn with_alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Makes a connection with the client at the other end of the stream.
    ///
    /// It has no time limit of its own, so give it one: a client may never say a word. Cancel safety: dropped, the attempt is
    /// given up, and so is the stream.
    ///
    /// # Errors
    /// If the client speaks no TLS or refuses, and those of the stream.
    pub async fn accept<S>(&self, stream: S) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connection = ServerConnection::new(self.config.clone()).map_err(TlsError::tls)?;
        TlsStream::handshake(stream, connection.into()).await
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}
