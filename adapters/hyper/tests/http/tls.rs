//! HTTPS.

use std::{env, error::Error, fs};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Version, body::Incoming};
use interloop::Reactor;
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, ConnectError, HttpConnector, Server};
use interloop_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{RootCertStore, pki_types::CertificateDer},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{
    command::run,
    tools::{Raw, SOON, echo, listen, serve, stop},
};

on_every_loop!(
    both_ends_agree_on_http2,
    a_client_that_knows_http1_only_is_served,
    curl_agrees_on_http2,
    a_client_that_does_not_begin_tls_is_given_up,
    a_server_that_does_not_begin_tls_is_given_up,
    a_certificate_of_nobody_known_is_refused,
);

struct Identity {
    key: CertifiedKey,
}

impl Identity {
    fn new() -> Self {
        let key = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { key }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let (chain, key) = (self.key.cert.pem(), self.key.key_pair.serialize_pem());
        TlsAcceptor::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.key.cert.der().to_vec())).unwrap();
        TlsConnector::with_roots(roots).unwrap()
    }
}

async fn both_ends_agree_on_http2(reactor: Reactor) {
    let identity = Identity::new();
    let (serving, addr) = serve(Server::new(&reactor).tls(identity.acceptor()), &reactor, echo);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).tls(identity.connector()).build();
    for number in 0..10 {
        let uri = format!("https://localhost:{}/{number}", addr.port());
        let response = client.get(uri.parse().unwrap()).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, format!("GET /{number}\n"));
    }
    assert_eq!(serving.handle().connections(), 1);
    drop(client);
    stop(serving).await;
}

async fn a_client_that_knows_http1_only_is_served(reactor: Reactor) {
    let identity = Identity::new();
    let (serving, addr) = serve(Server::new(&reactor).tls(identity.acceptor()), &reactor, echo);
    let tls = identity.connector();
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor)
        .connector(|connector| connector.tls_as_it_is(tls))
        .build();
    let uri = format!("https://localhost:{}/", addr.port());
    let response = client.get(uri.parse().unwrap()).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "GET /\n");
    drop(client);
    stop(serving).await;
}

async fn curl_agrees_on_http2(reactor: Reactor) {
    let identity = Identity::new();
    let (serving, addr) = serve(
        Server::new(&reactor).tls(identity.acceptor()),
        &reactor,
        async |request: Request<Incoming>| echo(request).await,
    );
    let authority = env::temp_dir().join(format!("interloop-hyper-{}-{:p}.pem", std::process::id(), &identity));
    fs::write(&authority, identity.key.cert.pem()).unwrap();
    let uri = format!("https://localhost:{}/", addr.port());
    let arguments = ["--silent", "--show-error", "--max-time", "30", "--http2", "--cacert"];
    let arguments = [
        &arguments[..],
        &[authority.to_str().unwrap(), "--write-out", "%{http_version}", &uri],
    ]
    .concat();
    if let Some((said, _)) = run(&reactor, "curl", &arguments, b"").await {
        assert_eq!(said, "GET /\n2");
    }
    fs::remove_file(&authority).unwrap();
    stop(serving).await;
}

async fn a_client_that_does_not_begin_tls_is_given_up(reactor: Reactor) {
    let server = Server::new(&reactor)
        .tls(Identity::new().acceptor())
        .header_read_timeout(SOON);
    let (serving, addr) = serve(server, &reactor, echo);
    let mut client = Raw::connect(&reactor, addr).await;
    assert!(client.rest().await.is_empty());
    stop(serving).await;
}

async fn a_server_that_does_not_begin_tls_is_given_up(reactor: Reactor) {
    let (_listener, addr) = listen(&reactor);
    let connector = HttpConnector::new(&reactor)
        .tls(Identity::new().connector())
        .connect_timeout(SOON);
    let error = connector
        .connect(&format!("https://{addr}/").parse().unwrap())
        .await
        .unwrap_err();
    assert!(error.is_timeout() && error.is_tls(), "{error:?}");
}

async fn a_certificate_of_nobody_known_is_refused(reactor: Reactor) {
    let server = Server::new(&reactor).tls(Identity::new().acceptor());
    let (serving, addr) = serve(server, &reactor, echo);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).tls(Identity::new().connector()).build();
    let uri = format!("https://localhost:{}/", addr.port());
    let error = client.get(uri.parse().unwrap()).await.unwrap_err();
    let error: &ConnectError = error.source().unwrap().downcast_ref().unwrap();
    assert!(error.is_tls() && !error.is_timeout(), "{error:?}");
    drop(client);
    stop(serving).await;
}
