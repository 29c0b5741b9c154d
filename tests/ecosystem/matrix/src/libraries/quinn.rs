//! QUIC, by a runtime trait.

use std::sync::Arc;

use ::quinn::{ClientConfig, ServerConfig};
use bytes::Bytes;
use interloop::{Deferred, Reactor};
use rustls::RootCertStore;

use super::{Library, bytes, expect};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "quinn",
    package: "quinn",
    by: "`interloop-quinn`",
    exchanges: "1 MiB on a stream to a server and back, datagrams, and a close with its reason",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = own.key_pair.serialize_der().try_into()?;
    let config = ServerConfig::with_single_cert(vec![own.cert.der().clone()], key)?;
    let server = interloop_quinn::server(&reactor, config, "127.0.0.1:0".parse()?)?;
    let addr = server.local_addr()?;
    let serving = reactor.spawn(async move {
        let connection = server.accept().await.ok_or("the endpoint has ended")?.await?;
        let (mut send, mut receive) = connection.accept_bi().await?;
        while let Some(chunk) = receive.read_chunk(1 << 16, true).await? {
            send.write_chunk(chunk.bytes).await?;
        }
        send.finish()?;
        for _ in 0..3 {
            connection.send_datagram(connection.read_datagram().await?)?;
        }
        Ok::<_, Failure>(connection.closed().await.to_string())
    });

    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone())?;
    let client = interloop_quinn::client(&reactor, "127.0.0.1:0".parse()?)?;
    let config = ClientConfig::with_root_certificates(Arc::new(roots))?;
    let connection = client.connect_with(config, addr, "localhost")?.await?;
    let sent = bytes(1 << 20);
    let (mut send, mut receive) = connection.open_bi().await?;
    let sending: Deferred<(), Failure> = reactor.spawn({
        let sent = sent.clone();
        async move {
            send.write_chunk(sent).await?;
            Ok(send.finish()?)
        }
    });
    let got = receive.read_to_end(sent.len()).await?;
    sending.await?;
    expect(got == sent, true, "that the bytes are the same")?;
    for number in 0..3_u8 {
        let datagram = Bytes::from(vec![number; 1000]);
        connection.send_datagram(datagram.clone())?;
        expect(connection.read_datagram().await?, datagram, "the datagram")?;
    }
    connection.close(7_u8.into(), b"enough");
    client.wait_idle().await;
    expect(
        serving.await?,
        "closed by peer: enough (code 7)".to_owned(),
        "why it was closed",
    )
}
