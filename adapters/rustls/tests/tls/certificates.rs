//! Certificates that are made for a test.

use std::sync::atomic::{AtomicU32, Ordering};

use interloop_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

/// Somebody who is trusted by those who are told.
pub(crate) struct Authority {
    key: KeyPair,
    certificate: Certificate,
}

/// What a server has, as PEM.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);

        Self::named(&format!("test authority {}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for `localhost`, valid from the first year to the last.
    pub(crate) fn issue(&self, from: i32, to: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 12, 31);
        let certificate = params.signed_by(&key, &self.certificate, &self.key).unwrap();
        Identity {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate that is valid for `localhost`.
    pub(crate) fn localhost(&self) -> Identity {
        self.issue(2000, 4000)
    }

    /// Trusts this authority alone.
    pub(crate) fn connector(&self) -> TlsConnector {
        TlsConnector::with_roots(self.roots()).unwrap()
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        roots
    }
}

impl Identity {
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap()
    }
}

/// One end each, of those who trust each other.
pub(crate) fn trusting() -> (TlsConnector, TlsAcceptor) {
    let authority = Authority::new();
    (authority.connector(), authority.localhost().acceptor())
}
