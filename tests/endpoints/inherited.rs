//! Sockets that were there before: adopted, and inherited as from systemd.

use std::{
    env,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Command, Stdio},
};

use futures_executor::block_on;
use interloop::protocol::{
    Address, Lost, Protocol, Transport,
    endpoint::{AdoptedClient, AdoptedServer, ClientEndpoint, Inherited, Parser, ServerEndpoint},
};

use super::Shout;

/// Greets, closes, and says that it has.
struct Greet(std::sync::mpsc::Sender<()>);

impl Protocol for Greet {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"inherited");
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn connection_lost(&mut self, _: &Transport, _: &Lost) {
        let _ = self.0.send(());
    }
}

/// What the child does in which the environment has sockets.
fn serve_once() {
    let reactor = interloop_smol::global();
    let server = Parser::new().server("systemd:domain=INET:name=web").unwrap();
    assert!(Parser::new().server("systemd:domain=INET:index=0").is_ok());
    let error = Parser::new().server("systemd:domain=INET:index=1").err().unwrap();
    assert_eq!(&error.text()[error.span()], "1");
    let (sender, served) = std::sync::mpsc::channel();
    let port = block_on(server.listen(&reactor, move || Greet(sender.clone()))).unwrap();
    assert!(port.local_addr().is_some());
    served.recv().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_sockets_of_the_environment_are_served() {
    if env::var("INTERLOOP_TEST_CHILD").is_ok() {
        return serve_once();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // As systemd does it: descriptor 3, and the process's own number, which stays when it becomes another program.
    let script = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@""#;
    let mut child = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "inherited::the_sockets_of_the_environment_are_served"])
        .env("INTERLOOP_TEST_CHILD", "1")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut received = String::new();
    TcpStream::connect(addr).unwrap().read_to_string(&mut received).unwrap();
    assert_eq!(received, "inherited");
    assert!(child.wait().unwrap().success());
}

#[test]
fn without_an_environment_nothing_was_inherited() {
    if env::var("LISTEN_PID").is_err() {
        let inherited = Inherited::from_env().unwrap();
        assert!(inherited.is_empty() && inherited.get(0).is_none());
    }
    let error = Parser::new()
        .inherited(Inherited::default())
        .server("systemd:domain=INET:name=web")
        .err()
        .unwrap();
    assert_eq!(&error.text()[error.span()], "web");
}

#[cfg(target_os = "linux")]
#[test]
fn descriptors_are_taken_by_their_number() {
    let reactor = interloop_smol::global();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let text = format!("fd:{}:domain=INET", listener.as_raw_fd());
    let server = Parser::new().server(&text).unwrap();
    assert_eq!(server.to_string(), text);
    let port = block_on(server.listen(&reactor, || Shout)).unwrap();
    assert!(matches!(port.local_addr(), Some(Address::Ip(at)) if *at == addr));

    let stream = TcpStream::connect(addr).unwrap();
    let client = Parser::new()
        .client(&format!("fd:fileno={}", stream.as_raw_fd()))
        .unwrap();
    let transport = block_on(client.connect(&reactor, Shout)).unwrap();
    assert_eq!(
        transport.peer_addr().map(|peer| format!("{peer:?}")),
        Some(format!("Ip({addr})"))
    );
    transport.abort();
    block_on(transport.closed()).unwrap();
    drop(client);
    // It had a duplicate, and this one is untouched but for its mode, which the two share: changed any earlier, it
    // would make the loop's next read a blocking one.
    stream.set_nonblocking(false).unwrap();
    (&stream).write_all(b"still open").unwrap();
    let mut received = [0; 10];
    (&stream).read_exact(&mut received).unwrap();
    assert_eq!(&received, b"STILL OPEN");
    port.stop();
    block_on(port.stopped()).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_descriptor_that_does_not_fit_is_pointed_at() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (unix, _other) = UnixStream::pair().unwrap();
    let (listens, connected) = (listener.as_raw_fd(), unix.as_raw_fd());
    let parser = Parser::new();
    let server = |text: String| parser.server(&text).err().unwrap();
    let client = |text: String| parser.client(&text).err().unwrap();
    // None can have this number.
    for (error, part, said) in [
        (
            server(format!("fd:{}", i32::MAX)),
            i32::MAX.to_string(),
            "cannot be duplicated",
        ),
        (
            server(format!("fd:{connected}")),
            connected.to_string(),
            "does not listen",
        ),
        (
            client(format!("fd:fileno={listens}")),
            listens.to_string(),
            "not connected",
        ),
        (
            server(format!("fd:{listens}:UNIX")),
            "UNIX".to_owned(),
            "give INET or INET6",
        ),
        (
            client(format!("fd:{connected}:domain=INET")),
            "INET".to_owned(),
            "give UNIX",
        ),
    ] {
        assert_eq!(&error.text()[error.span()], part, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    let inherited = Inherited::from_fds([("web".to_owned(), listener.into())]);
    let error = Parser::new()
        .inherited(inherited)
        .server("systemd:UNIX:name=web")
        .err()
        .unwrap();
    assert_eq!(&error.text()[error.span()], "UNIX");
}

#[test]
fn sockets_that_listen_are_adopted() {
    let reactor = interloop_smol::global();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let adopted = AdoptedServer::new(listener).unwrap();
    // One after the other, on the same socket.
    for _ in 0..2 {
        let port = block_on(adopted.listen(&reactor, || Shout)).unwrap();
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut received = [0; 5];
        stream.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"HELLO");
        port.stop();
        block_on(port.stopped()).unwrap();
    }
}

#[test]
fn connections_are_adopted() {
    let reactor = interloop_smol::global();
    let (mut here, there) = UnixStream::pair().unwrap();
    let adopted = AdoptedClient::new(there).unwrap();
    let transport = block_on(adopted.connect(&reactor, Shout)).unwrap();
    drop(adopted);
    here.write_all(b"hello").unwrap();
    let mut received = [0; 5];
    here.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"HELLO");
    transport.lose_connection();
    assert_eq!(here.read(&mut received).unwrap(), 0);
}

#[test]
fn what_is_no_such_socket_is_not_adopted() {
    let (connected, _other) = UnixStream::pair().unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kind = |error: std::io::Error| error.kind();
    assert_eq!(
        AdoptedServer::new(connected).map_err(kind).unwrap_err(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        AdoptedServer::new(datagrams.try_clone().unwrap())
            .map_err(kind)
            .unwrap_err(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        AdoptedClient::new(datagrams).map_err(kind).unwrap_err(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        AdoptedClient::new(listener).map_err(kind).unwrap_err(),
        ErrorKind::NotConnected
    );
}
