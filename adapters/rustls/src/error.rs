use std::{error::Error, fmt, io};

use rustls::{AlertDescription, CertificateError, pki_types::InvalidDnsNameError};

/// Why there is no TLS connection, or why there is none any more.
///
/// Becomes an [`io::Error`] by `?`, and is found in one by [`in_io_error`](Self::in_io_error), as errors after the handshake come.
#[derive(Debug)]
pub struct TlsError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Name(InvalidDnsNameError),
    NoProvider,
    #[cfg(feature = "platform-roots")]
    NoRoots(Option<rustls_native_certs::Error>),
    Pem(rustls::pki_types::pem::Error),
    Tls(rustls::Error),
    Io(io::Error),
}

impl TlsError {
    pub(crate) fn name(error: InvalidDnsNameError) -> Self {
        Self {
            kind: Kind::Name(error),
        }
    }

    pub(crate) fn no_provider() -> Self {
        Self { kind: Kind::NoProvider }
    }

    #[cfg(feature = "platform-roots")]
    pub(crate) fn no_roots(cause: Option<rustls_native_certs::Error>) -> Self {
        Self {
            kind: Kind::NoRoots(cause),
        }
    }

    pub(crate) fn pem(error: rustls::pki_types::pem::Error) -> Self {
        Self { kind: Kind::Pem(error) }
    }

    pub(crate) fn tls(error: rustls::Error) -> Self {
        Self { kind: Kind::Tls(error) }
    }

    pub(crate) fn io(error: io::Error) -> Self {
        match error.downcast() {
            Ok(error) => error,
            Err(error) => Self { kind: Kind::Io(error) },
        }
    }

    /// The error of TLS in an error of a stream.
    pub fn in_io_error(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Whether the other end's certificate is not for the name that was asked for.
    pub fn is_wrong_name(&self) -> bool {
        matches!(
            self.certificate(),
            Some(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
        )
    }

    /// Whether a certificate of the other end is not valid any more.
    pub fn is_expired(&self) -> bool {
        matches!(
            self.certificate(),
            Some(CertificateError::Expired | CertificateError::ExpiredContext { .. })
        )
    }

    /// Whether a certificate of the other end is not valid yet.
    pub fn is_not_valid_yet(&self) -> bool {
        matches!(
            self.certificate(),
            Some(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. })
        )
    }

    /// Whether the other end's certificate comes from nobody who is trusted, even if it bears the name of somebody who is.
    pub fn is_untrusted(&self) -> bool {
        matches!(
            self.certificate(),
            Some(CertificateError::UnknownIssuer | CertificateError::BadSignature)
        )
    }

    /// Whether the other end's certificate was refused, for whatever reason.
    pub fn is_certificate(&self) -> bool {
        self.certificate().is_some()
    }

    /// Whether the name that was asked for cannot be a server's.
    pub fn is_invalid_name(&self) -> bool {
        matches!(self.kind, Kind::Name(_))
    }

    /// Why the other end gave the connection up, if it said so.
    pub fn alert(&self) -> Option<AlertDescription> {
        match self.kind {
            Kind::Tls(rustls::Error::AlertReceived(alert)) => Some(alert),
            _ => None,
        }
    }

    /// The error of rustls, if it is one.
    pub fn as_rustls(&self) -> Option<&rustls::Error> {
        match &self.kind {
            Kind::Tls(error) => Some(error),
            _ => None,
        }
    }

    /// The error of the stream below, if it is one.
    pub fn as_io(&self) -> Option<&io::Error> {
        match &self.kind {
            Kind::Io(error) => Some(error),
            _ => None,
        }
    }

    fn certificate(&self) -> Option<&CertificateError> {
        match &self.kind {
            Kind::Tls(rustls::Error::InvalidCertificate(error)) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Name(_) => "this is no name of a server: give a DNS name or an IP address, without a port",
            Kind::NoProvider => {
                "there is no cryptography: turn on the feature `ring` or `aws-lc-rs`, or install a default provider of rustls"
            }
            #[cfg(feature = "platform-roots")]
            Kind::NoRoots(_) => {
                "the system has no trusted certificates: install its package of them, or name them in SSL_CERT_FILE"
            }
            Kind::Pem(_) => "this is no PEM of a certificate chain and its private key",
            Kind::Io(_) => "the connection failed during the TLS handshake",
            Kind::Tls(rustls::Error::AlertReceived(alert)) => {
                return write!(f, "the other end gave the TLS connection up: it said {alert:?}");
            }
            Kind::Tls(_) if self.is_wrong_name() => {
                "the certificate is not for this name: connect by a name that it has, or correct the server's certificate"
            }
            Kind::Tls(_) if self.is_expired() => {
                "the certificate has expired: renew it at the other end, or look whether the clock is right here"
            }
            Kind::Tls(_) if self.is_not_valid_yet() => {
                "the certificate is not valid yet: look whether the clock is right here"
            }
            Kind::Tls(_) if self.is_untrusted() => {
                "the certificate comes from nobody who is trusted: add its root to the trusted ones, \
                 or have the other end send its intermediate certificates"
            }
            Kind::Tls(_) if self.is_certificate() => "the certificate of the other end is not acceptable",
            Kind::Tls(_) => "the TLS connection failed",
        })
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Name(error) => Some(error),
            Kind::NoProvider => None,
            #[cfg(feature = "platform-roots")]
            Kind::NoRoots(cause) => cause.as_ref().map(|cause| cause as _),
            Kind::Pem(error) => Some(error),
            Kind::Tls(error) => Some(error),
            Kind::Io(error) => Some(error),
        }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match &error.kind {
            Kind::Name(_) | Kind::Pem(_) => io::ErrorKind::InvalidInput,
            Kind::Tls(_) => io::ErrorKind::InvalidData,
            Kind::Io(error) => error.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
