use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use interloop::protocol::endpoint::{ClientEndpoint, ServerEndpoint, TlsOptions, TlsProvider};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{TlsAcceptor, TlsClient, TlsConnector, TlsError, TlsServer, provider};

/// Makes TLS endpoints of text, from the PEM files that it names: what a [`Parser`](interloop::protocol::endpoint::Parser) needs for `ssl:`
/// and `tls:`. The files are read when the text is parsed.
///
/// ```
/// use interloop::protocol::endpoint::Parser;
/// use interloop_rustls::TlsFiles;
///
/// let parser = Parser::new().tls(TlsFiles::new());
/// let error = parser.server("ssl:443:privateKey=/no/key.pem:certKey=/no/chain.pem").err().unwrap();
/// assert!(error.to_string().starts_with("/no/chain.pem: "));
/// ```
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    roots: Option<RootCertStore>,
}

impl TlsFiles {
    /// Clients whose text says nothing else trust the certificate authorities that Mozilla does, if there is the feature
    /// `webpki-roots`; otherwise nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Clients whose text says nothing else trust these certificate authorities.
    pub fn with_roots(roots: RootCertStore) -> Self {
        Self { roots: Some(roots) }
    }

    fn roots(&self, options: &TlsOptions) -> io::Result<RootCertStore> {
        if let Some(path) = &options.trust_roots {
            return read_roots(path);
        }
        if let Some(roots) = &self.roots {
            return Ok(roots.clone());
        }
        #[cfg(feature = "webpki-roots")]
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        });
        #[cfg(not(feature = "webpki-roots"))]
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "nobody is trusted: name a file or directory of certificate authorities, or use `TlsFiles::with_roots`",
        ))
    }
}

impl TlsProvider for TlsFiles {
    fn server(&self, endpoint: Box<dyn ServerEndpoint>, options: &TlsOptions) -> io::Result<Box<dyn ServerEndpoint>> {
        let chain = read_chain(options)?;
        let key = read_key(options)?;
        let acceptor = TlsAcceptor::new(chain, key)?;
        Ok(Box::new(TlsServer::new(endpoint, acceptor)))
    }

    fn client(
        &self,
        endpoint: Box<dyn ClientEndpoint>,
        name: &str,
        options: &TlsOptions,
    ) -> io::Result<Box<dyn ClientEndpoint>> {
        let roots = self.roots(options)?;
        let connector = match options.certificate {
            None => TlsConnector::with_roots(roots)?,
            Some(_) => {
                let (chain, key) = (read_chain(options)?, read_key(options)?);
                let config = ClientConfig::builder_with_provider(provider()?)
                    .with_safe_default_protocol_versions()
                    .map_err(TlsError::tls)?
                    .with_root_certificates(roots)
                    .with_client_auth_cert(chain, key)
                    .map_err(TlsError::tls)?;
                TlsConnector::from_config(Arc::new(config))
            }
        };
        Ok(Box::new(TlsClient::new(endpoint, connector, name)))
    }
}

/// The certificate, then those of the chain.
fn read_chain(options: &TlsOptions) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut chain = Vec::new();
    for path in options.certificate.iter().chain(&options.chain) {
        let pem = read(path)?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            chain.push(certificate.map_err(|error| at(path, TlsError::pem(error)))?);
        }
    }
    Ok(chain)
}

fn read_key(options: &TlsOptions) -> io::Result<PrivateKeyDer<'static>> {
    let missing = || io::Error::new(io::ErrorKind::InvalidInput, "there is no private key: name its file");
    let path = options.private_key.as_ref().ok_or_else(missing)?;
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| at(path, TlsError::pem(error)))
}

/// The certificates of a file, or of those in a directory.
fn read_roots(path: &Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let mut added = 0;
    for path in files_of(path)? {
        let pem = read(&path)?;
        let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| at(&path, TlsError::pem(error)))?;
        // Systems have certificates that no longer parse; those are not trusted, and the rest is.
        added += roots.add_parsable_certificates(certificates).0;
    }
    match added {
        0 => {
            let none = io::Error::new(
                io::ErrorKind::InvalidData,
                "there is no certificate of an authority: name a PEM file that has some, or a directory of files `*.pem`",
            );
            Err(at(path, none))
        }
        _ => Ok(roots),
    }
}

fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| at(path, error))? {
        let file = entry.map_err(|error| at(path, error))?.path();
        let is_pem = file.extension().is_some_and(|name| name.eq_ignore_ascii_case("pem"));
        if is_pem && file.is_file() {
            files.push(file);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| at(path, error))
}

/// The same error, which says of which file it is.
fn at(path: &Path, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
