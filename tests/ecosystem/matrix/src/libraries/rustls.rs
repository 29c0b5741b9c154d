//! TLS.

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};
use interloop_rustls::{TlsAcceptor, TlsConnector, rustls::RootCertStore};

use super::{Library, bytes, expect};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "rustls",
    package: "rustls",
    by: "`interloop-rustls`",
    exchanges: "1 MiB to a server and back, to the end of the stream, with a certificate that is verified; one that is not trusted is refused",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let acceptor = TlsAcceptor::from_pem(own.cert.pem().as_bytes(), own.key_pair.serialize_pem().as_bytes())?;
    let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
    let addr = listener.local_addr()?;
    let serving = reactor.spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut tls = acceptor.accept(stream).await?;
        let mut got = Vec::new();
        tls.read_to_end(&mut got).await?;
        tls.write_all(&got).await?;
        tls.close().await?;
        let (stream, _) = listener.accept().await?;
        Ok::<_, Failure>(acceptor.accept(stream).await.is_err())
    });

    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone())?;
    let stream = TcpStream::connect(&reactor, addr).await?;
    let mut tls = TlsConnector::with_roots(roots)?.connect("localhost", stream).await?;
    let sent = bytes(1 << 20);
    tls.write_all(&sent).await?;
    tls.close().await?;
    let mut got = Vec::new();
    tls.read_to_end(&mut got).await?;
    expect(got, sent.to_vec(), "the bytes")?;

    let stream = TcpStream::connect(&reactor, addr).await?;
    let distrustful = TlsConnector::with_roots(RootCertStore::empty())?;
    let refused = distrustful.connect("localhost", stream).await;
    expect(
        refused.is_err_and(|error| error.is_untrusted()),
        true,
        "that a stranger is refused",
    )?;
    expect(serving.await?, true, "that the server is told")
}
