//! Connections with a rustls at each end.

use std::{io, sync::Arc};

use futures_util::{
    future::{join, try_join},
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
};
use interloop_rustls::{
    TlsAcceptor, TlsConnector, TlsError,
    rustls::{AlertDescription, ClientConfig, ProtocolVersion, ServerConfig, server::WebPkiClientVerifier},
};
use interloop_tokio::io::AsFutures;

use crate::{
    certificates::{Authority, trusting},
    connected, on_each_loop,
};

#[test]
fn a_half_closed_connection_still_carries_the_answer() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        let serving = reactor.spawn(async move {
            let mut stream = acceptor.accept(server).await?;
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await?;
            stream.write_all(&all).await?;
            stream.close().await
        });
        let mut stream = connector.connect("localhost", client).await.unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        stream.write_all(&bytes).await.unwrap();
        stream.close().await.unwrap();
        stream.close().await.unwrap();
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let mut echoed = Vec::new();
        stream.read_to_end(&mut echoed).await.unwrap();
        assert!(echoed == bytes);
        // The end stays one.
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        serving.await.unwrap();
    });
}

#[test]
fn both_directions_are_used_at_once() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        let echoing = reactor.spawn(async move {
            let (reading, mut writing) = acceptor.accept(server).await?.split();
            futures_util::io::copy(reading, &mut writing).await?;
            writing.close().await
        });
        let (mut reading, mut writing) = connector.connect("localhost", client).await.unwrap().split();
        let bytes: Vec<u8> = (0..=255).cycle().take(1 << 21).collect();
        let mut echoed = Vec::new();
        let sent = async {
            writing.write_all(&bytes).await?;
            writing.close().await
        };
        try_join(sent, reading.read_to_end(&mut echoed)).await.unwrap();
        assert!(echoed == bytes);
        echoing.await.unwrap();
    });
}

#[test]
fn a_connection_that_is_cut_off_is_an_unexpected_end_after_what_came() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        server.write_all(b"the first half").await.unwrap();
        server.flush().await.unwrap();
        drop(server);
        let mut read = Vec::new();
        let error = client.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read, b"the first half");
        // It does not become a good one by asking again.
        let error = client.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn the_ends_agree_on_a_protocol_and_know_each_other() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let identity = authority.localhost();
        let connector = authority.connector().with_alpn(["h2", "http/1.1"]);
        let acceptor = identity.acceptor().with_alpn(["http/1.1"]);
        let (client, server) = connected(&reactor).await;
        let addr = client.local_addr().unwrap();
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        let (client, server) = (client.unwrap(), server.unwrap());
        assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(server.alpn_protocol(), client.alpn_protocol());
        assert_eq!(client.peer_certificates(), Some(&[identity.certificate()][..]));
        assert!(server.peer_certificates().is_none());
        assert_eq!(client.connection().protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(client.get_ref().local_addr().unwrap(), addr);
    });
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks_for_one() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let (identity, client_identity) = (authority.localhost(), authority.localhost());
        let provider = authority.connector().config().crypto_provider().clone();
        let roots = Arc::new(authority.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let acceptor = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.unwrap())
            .with_single_cert(vec![identity.certificate()], identity.key())
            .unwrap();
        let acceptor = TlsAcceptor::from_config(Arc::new(acceptor));
        let connector = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![client_identity.certificate()], client_identity.key())
            .unwrap();
        let connector = TlsConnector::from_config(Arc::new(connector));

        let (client, server) = connected(&reactor).await;
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        assert_eq!(
            server.unwrap().peer_certificates(),
            Some(&[client_identity.certificate()][..])
        );
        assert_eq!(client.unwrap().peer_certificates(), Some(&[identity.certificate()][..]));

        // In TLS 1.3 a client without one learns of the refusal when it reads.
        let (client, server) = connected(&reactor).await;
        let connector = authority.connector();
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        assert!(server.unwrap_err().as_rustls().is_some());
        let error = client.unwrap().read(&mut [0]).await.unwrap_err();
        let alert = TlsError::in_io_error(&error).unwrap().alert();
        assert_eq!(alert, Some(AlertDescription::CertificateRequired));
    });
}

#[test]
fn lines_are_read_without_another_buffer() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        client.write_all(b"one\ntwo\n").await.unwrap();
        client.close().await.unwrap();
        let mut line = String::new();
        while server.read_line(&mut line).await.unwrap() != 0 {}
        assert_eq!(line, "one\ntwo\n");
    });
}

#[test]
fn what_a_client_sent_before_it_went_is_there() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        let going = async {
            let mut client = connector.connect("localhost", client).await?;
            client.write_all(b"good-bye").await?;
            client.close().await
        };
        let ((), mut server) = try_join(going, async { Ok(acceptor.accept(server).await?) })
            .await
            .unwrap();
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"good-bye");
    });
}

#[test]
fn sockets_of_tokios_own_are_as_good() {
    interloop_tokio::block_on(async |_| {
        let (connector, acceptor) = trusting();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap());
        let (client, (server, _)) = try_join(client, listener.accept()).await.unwrap();
        let (client, server) = (AsFutures::new(client), AsFutures::new(server));
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        let mut read = String::new();
        let sent = async {
            client.write_all(b"hello").await?;
            client.close().await
        };
        try_join(sent, server.read_to_string(&mut read)).await.unwrap();
        assert_eq!(read, "hello");
    })
    .unwrap();
}
