//! Endpoints that speak TLS, made by code and of text.

use std::{fs, path::PathBuf};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Reactor,
    net::TcpStream,
    protocol::{
        Address, Channel, Port, Protocol, Transport,
        endpoint::{ClientEndpoint, Parser, ServerEndpoint, TcpClient, TcpServer},
    },
};
use interloop_rustls::{TlsClient, TlsError, TlsFiles, TlsServer};

use crate::{
    certificates::{Authority, Identity},
    on_each_loop,
};

/// Sends back what comes, in capitals.
pub(crate) struct Shout;

impl Protocol for Shout {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(&data.to_ascii_uppercase());
    }
}

fn number(port: &Port) -> u16 {
    match port.local_addr() {
        Some(Address::Ip(addr)) => addr.port(),
        other => panic!("{other:?} is no address of TCP"),
    }
}

async fn serve(reactor: &Reactor, identity: &Identity) -> Port {
    let endpoint = TcpServer::new(0).interface("127.0.0.1");
    let listening = TlsServer::new(endpoint, identity.acceptor()).listen(reactor, || Shout);
    listening.await.unwrap()
}

fn client(authority: &Authority, port: &Port) -> TlsClient<TcpClient> {
    TlsClient::new(
        TcpClient::new("127.0.0.1", number(port)),
        authority.connector(),
        "localhost",
    )
}

async fn shouts(mut channel: Box<dyn Channel>) {
    channel.write_all(b"hello").await.unwrap();
    channel.flush().await.unwrap();
    let mut received = [0; 5];
    channel.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"HELLO");
    channel.close().await.unwrap();
    assert_eq!(channel.read(&mut received).await.unwrap(), 0, "an end in good order");
}

#[test]
fn protocols_speak_tls_through_endpoints() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let port = serve(&reactor, &authority.localhost()).await;
        let client = client(&authority, &port);
        shouts(client.open(&reactor).await.unwrap()).await;
        let transport = client.connect(&reactor, Shout).await.unwrap();
        assert!(matches!(transport.peer_addr(), Some(Address::Ip(addr)) if addr.port() == number(&port)));
        transport.set_nodelay(true).await.unwrap();
        assert!(transport.nodelay().await.unwrap(), "of the socket below");
        let closed = transport.closed();
        transport.lose_connection();
        assert!(closed.await.unwrap().is_closed());
        port.stop();
        port.stopped().await.unwrap();
    });
}

#[test]
fn a_client_that_says_nothing_holds_up_no_other() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let port = serve(&reactor, &authority.localhost()).await;
        let addr = ([127, 0, 0, 1], number(&port)).into();
        let mut silent = TcpStream::connect(&reactor, addr).await.unwrap();
        shouts(client(&authority, &port).open(&reactor).await.unwrap()).await;
        // Given up with the rest when nobody listens any more.
        port.stop();
        port.stopped().await.unwrap();
        let ended = silent.read(&mut [0]).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    });
}

#[test]
fn a_handshake_that_fails_is_the_clients_error_and_not_the_servers() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let port = serve(&reactor, &authority.localhost()).await;
        let error = client(&Authority::new(), &port).open(&reactor).await.err().unwrap();
        assert!(TlsError::in_io_error(&error).unwrap().is_untrusted());
        shouts(client(&authority, &port).open(&reactor).await.unwrap()).await;
        port.stop();
        port.stopped().await.unwrap();
    });
}

/// A directory that is gone with it.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The files of a server and its client.
fn files(name: &str, authority: &Authority) -> Directory {
    let path = std::env::temp_dir().join(format!("interloop-tls-{name}-{}", std::process::id()));
    fs::create_dir(&path).unwrap();
    let identity = authority.localhost();
    fs::create_dir(path.join("roots")).unwrap();
    fs::write(path.join("roots/root.pem"), authority.pem()).unwrap();
    fs::write(path.join("roots/notes.txt"), "no certificate").unwrap();
    fs::write(path.join("chain.pem"), &identity.chain).unwrap();
    fs::write(path.join("key.pem"), &identity.key).unwrap();
    fs::write(path.join("server.pem"), format!("{}{}", identity.key, identity.chain)).unwrap();
    Directory(path)
}

#[test]
fn text_names_the_files() {
    let authority = Authority::new();
    let directory = files("text", &authority);
    let path = directory.0.to_str().unwrap();
    let parser = Parser::new().tls(TlsFiles::new());
    on_each_loop(async |reactor| {
        for server in [
            format!("ssl:0:privateKey={path}/key.pem:certKey={path}/chain.pem:interface=127.0.0.1"),
            format!("ssl:0:interface=127.0.0.1:privateKey={path}/server.pem"),
        ] {
            let server = parser.server(&server).unwrap();
            let again = parser.server(&server.to_string()).unwrap();
            assert_eq!(server.to_string(), again.to_string());
            let port = server.listen(&reactor, || Shout).await.unwrap();
            let number = number(&port);
            for client in [
                format!("tls:localhost:{number}:trustRoots={path}/roots"),
                format!("tls:host=localhost:port={number}:trustRoots={path}/roots/root.pem:timeout=60"),
                format!(r"tls:localhost:1:trustRoots={path}/roots:endpoint=tcp\:127.0.0.1\:{number}"),
                format!("ssl:127.0.0.1:{number}:caCertsDir={path}/roots:hostname=localhost"),
                format!("tls:localhost:{number}:trustRoots={path}/roots:certificate={path}/server.pem"),
            ] {
                let client = parser.client(&client).unwrap();
                shouts(client.open(&reactor).await.unwrap()).await;
            }
            let untrusting = parser.client(&format!("tls:localhost:{number}")).unwrap();
            let error = untrusting.open(&reactor).await.err().unwrap();
            assert!(TlsError::in_io_error(&error).unwrap().is_untrusted());
            port.stop();
            port.stopped().await.unwrap();
        }
    });
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let authority = Authority::new();
    let directory = files("wrong", &authority);
    let path = directory.0.to_str().unwrap();
    let parser = Parser::new().tls(TlsFiles::new());
    let server = |text: &str| parser.server(text).err().unwrap().to_string();
    let client = |text: &str| parser.client(text).err().unwrap().to_string();
    let missing = server(&format!("ssl:0:privateKey={path}/none.pem:certKey={path}/chain.pem"));
    assert!(missing.starts_with(&format!("{path}/none.pem: ")), "{missing}");
    let no_key = server(&format!("ssl:0:privateKey={path}/chain.pem:certKey={path}/chain.pem"));
    assert!(no_key.starts_with(&format!("{path}/chain.pem: ")), "{no_key}");
    let no_roots = client(&format!("tls:localhost:443:trustRoots={path}/key.pem"));
    assert!(
        no_roots.starts_with(&format!("{path}/key.pem: there is no certificate")),
        "{no_roots}"
    );
}

#[test]
fn who_is_trusted_can_be_said_once_for_all() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let port = serve(&reactor, &authority.localhost()).await;
        let parser = Parser::new().tls(TlsFiles::with_roots(authority.roots()));
        let client = parser.client(&format!("tls:localhost:{}", number(&port))).unwrap();
        shouts(client.open(&reactor).await.unwrap()).await;
        port.stop();
        port.stopped().await.unwrap();
    });
}
