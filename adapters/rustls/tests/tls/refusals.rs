//! Connections that do not come about, and what is said of that.

use std::{error::Error, io};

use futures_util::{
    future::join,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{Reactor, net::memory};
use interloop_rustls::{TlsAcceptor, TlsConnector, TlsError, rustls::AlertDescription};

use crate::{
    certificates::{Authority, trusting},
    connected, on_each_loop,
};

/// What each end says when they do not come together.
async fn refused(
    reactor: &Reactor,
    connector: &TlsConnector,
    acceptor: &TlsAcceptor,
    name: &str,
) -> (TlsError, TlsError) {
    let (client, server) = connected(reactor).await;
    let (client, server) = join(connector.connect(name, client), acceptor.accept(server)).await;
    (client.unwrap_err(), server.unwrap_err())
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (error, theirs) = refused(&reactor, &connector, &acceptor, "example.org").await;
        assert!(error.is_wrong_name() && error.is_certificate() && !error.is_expired() && !error.is_untrusted());
        assert!(error.to_string().contains("not for this name"));
        assert!(error.source().unwrap().to_string().contains("localhost"));
        assert!(theirs.alert().is_some());
        assert!(theirs.to_string().contains("BadCertificate"), "{theirs}");
    });
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let acceptor = authority.issue(2000, 2001).acceptor();
        let (error, theirs) = refused(&reactor, &authority.connector(), &acceptor, "localhost").await;
        assert!(error.is_expired() && error.is_certificate() && !error.is_wrong_name());
        assert!(error.to_string().contains("expired"));
        assert_eq!(theirs.alert(), Some(AlertDescription::CertificateExpired));
    });
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let acceptor = authority.issue(4000, 4001).acceptor();
        let (error, _) = refused(&reactor, &authority.connector(), &acceptor, "localhost").await;
        assert!(error.is_not_valid_yet() && !error.is_expired());
        assert!(error.to_string().contains("clock"));
    });
}

#[test]
fn a_certificate_from_nobody_who_is_trusted_is_refused() {
    on_each_loop(async |reactor| {
        let (_, acceptor) = trusting();
        let (connector, _) = trusting();
        let (error, theirs) = refused(&reactor, &connector, &acceptor, "localhost").await;
        assert!(error.is_untrusted() && error.is_certificate());
        assert!(error.to_string().contains("nobody who is trusted"));
        assert_eq!(theirs.alert(), Some(AlertDescription::UnknownCA));
        // As an error of I/O it is the same.
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(TlsError::in_io_error(&error).unwrap().is_untrusted());
    });
}

#[test]
fn somebody_of_the_same_name_as_who_is_trusted_is_not_trusted() {
    on_each_loop(async |reactor| {
        let connector = Authority::named("the same").connector();
        let acceptor = Authority::named("the same").localhost().acceptor();
        let (error, _) = refused(&reactor, &connector, &acceptor, "localhost").await;
        assert!(error.is_untrusted() && error.is_certificate());
    });
}

#[cfg(feature = "webpki-roots")]
#[test]
fn the_public_authorities_do_not_vouch_for_a_test() {
    on_each_loop(async |reactor| {
        let (_, acceptor) = trusting();
        let (error, _) = refused(&reactor, &TlsConnector::new().unwrap(), &acceptor, "localhost").await;
        assert!(error.is_untrusted());
    });
}

#[cfg(feature = "platform-roots")]
#[test]
fn the_systems_authorities_do_not_vouch_for_a_test() {
    let connector = match TlsConnector::with_platform_roots() {
        Ok(connector) => connector,
        Err(error) => {
            // A system may have none; it says so then.
            assert!(error.to_string().contains("SSL_CERT_FILE"));
            return;
        }
    };
    on_each_loop(async |reactor| {
        let (_, acceptor) = trusting();
        let (error, _) = refused(&reactor, &connector, &acceptor, "localhost").await;
        assert!(error.is_untrusted());
    });
}

#[test]
fn protocols_that_are_not_the_same_are_refused() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (connector, acceptor) = (connector.with_alpn(["h2"]), acceptor.with_alpn(["http/1.1"]));
        let (error, theirs) = refused(&reactor, &connector, &acceptor, "localhost").await;
        assert_eq!(error.alert(), Some(AlertDescription::NoApplicationProtocol));
        assert!(theirs.as_rustls().is_some());
    });
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_sent() {
    let (near, mut far) = memory::pair(64);
    let (connector, _) = trusting();
    let error = smol::block_on(connector.connect("localhost:443", near)).unwrap_err();
    assert!(error.is_invalid_name());
    assert!(error.to_string().contains("without a port"));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    assert_eq!(smol::block_on(far.read(&mut [0])).unwrap(), 0);
}

#[test]
fn what_speaks_no_tls_is_refused_and_told_so() {
    on_each_loop(async |reactor| {
        let (_, acceptor) = trusting();
        let (mut client, server) = connected(&reactor).await;
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let error = acceptor.accept(server).await.unwrap_err();
        assert!(error.as_rustls().is_some() && !error.is_certificate());
        let mut alert = [0];
        assert_eq!(client.read(&mut alert).await.unwrap(), 1);
        // The type of a record that is an alert.
        assert_eq!(alert, [21]);
    });
}

#[test]
fn an_end_before_the_handshake_is_complete_is_an_error_of_the_stream() {
    on_each_loop(async |reactor| {
        let (_, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        drop(client);
        let error = acceptor.accept(server).await.unwrap_err();
        assert_eq!(error.as_io().unwrap().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn what_is_no_pem_is_an_error() {
    let error = TlsAcceptor::from_pem(b"", b"no key").unwrap_err();
    assert!(error.to_string().contains("PEM"));
}

#[test]
fn what_was_changed_on_the_way_is_an_error_for_ever() {
    on_each_loop(async |reactor| {
        let (connector, acceptor) = trusting();
        let (client, server) = connected(&reactor).await;
        let (client, server) = join(connector.connect("localhost", client), acceptor.accept(server)).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        // A record of data that nobody has encrypted, past the TLS of this end.
        let forged = [&[23, 3, 3, 0, 32][..], &[0; 32]].concat();
        server.get_mut().write_all(&forged).await.unwrap();
        for _ in 0..2 {
            let error = client.read(&mut [0]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(TlsError::in_io_error(&error).unwrap().as_rustls().is_some());
        }
        assert!(client.write(b"x").await.is_err());
        let error = server.read(&mut [0]).await.unwrap_err();
        assert_eq!(
            TlsError::in_io_error(&error).unwrap().alert(),
            Some(AlertDescription::BadRecordMac)
        );
    });
}
