//! TLS that starts in the middle of a connection of protocols.

use std::io;

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Deferred, Reactor,
    net::TcpStream,
    protocol::{
        self, Address, Port, Protocol, Transport,
        endpoint::{ServerEndpoint, TcpServer},
    },
};
use interloop_rustls::TlsAcceptor;

use crate::{
    certificates::{Authority, Identity},
    endpoints::Shout,
    on_each_loop,
    openssl::{Files, ask, has_openssl},
};

/// As much of SMTP as comes before TLS.
struct Plain {
    acceptor: TlsAcceptor,
    received: Vec<u8>,
}

impl Plain {
    fn line(&mut self, transport: &Transport, line: &[u8], rest: &[u8]) {
        match line {
            b"STARTTLS" => {
                transport.unread(rest);
                transport.write(b"220 go on\r\n");
                start(transport, self.acceptor.clone()).detach();
            }
            _ if line.starts_with(b"EHLO") => transport.write(b"250-hello\r\n250 STARTTLS\r\n"),
            _ => transport.write(b"502 no\r\n"),
        }
    }
}

fn start(transport: &Transport, acceptor: TlsAcceptor) -> Deferred<(), io::Error> {
    let (stream, reactor) = (transport.detach(), Reactor::current().unwrap());
    reactor.clone().spawn(async move {
        let stream = acceptor.accept(stream.await?).await?;
        protocol::attach(&reactor, stream, ShoutLine);
        Ok(())
    })
}

impl Protocol for Plain {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"220 ready\r\n");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.received.extend_from_slice(data);
        while let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
            let rest = self.received.split_off(end + 2);
            let line = std::mem::take(&mut self.received);
            self.line(transport, &line[..end], &rest);
            if !transport.is_reading() {
                return;
            }
            self.received = rest;
        }
    }
}

/// Shouts once, and closes.
struct ShoutLine;

impl Protocol for ShoutLine {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(&data.to_ascii_uppercase());
        transport.lose_connection();
    }
}

async fn serve(reactor: &Reactor, identity: &Identity) -> (Port, std::net::SocketAddr) {
    let acceptor = identity.acceptor();
    let plain = move || Plain {
        acceptor: acceptor.clone(),
        received: Vec::new(),
    };
    let listening = TcpServer::new(0).interface("127.0.0.1").listen(reactor, plain);
    let port = listening.await.unwrap();
    let Some(&Address::Ip(addr)) = port.local_addr() else {
        panic!("an address of TCP");
    };
    (port, addr)
}

/// Reads a line, and nothing behind it.
async fn line(stream: &mut TcpStream) -> String {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        line.push(byte[0].into());
    }
    line
}

#[test]
fn tls_starts_when_it_is_asked_for() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let (port, addr) = serve(&reactor, &authority.localhost()).await;
        let mut stream = TcpStream::connect(&reactor, addr).await.unwrap();
        assert_eq!(line(&mut stream).await, "220 ready\r\n");
        stream.write_all(b"STARTTLS\r\n").await.unwrap();
        assert_eq!(line(&mut stream).await, "220 go on\r\n");
        let mut stream = authority.connector().connect("localhost", stream).await.unwrap();
        stream.write_all(b"secret").await.unwrap();
        stream.flush().await.unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).await.unwrap();
        assert_eq!(received, "SECRET");
        port.stop();
        port.stopped().await.unwrap();
    });
}

#[test]
fn words_that_were_put_behind_the_request_do_not_count_as_the_clients() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let (port, addr) = serve(&reactor, &authority.localhost()).await;
        let mut stream = TcpStream::connect(&reactor, addr).await.unwrap();
        assert_eq!(line(&mut stream).await, "220 ready\r\n");
        stream.write_all(b"STARTTLS\r\nMAIL FROM:<mallory>\r\n").await.unwrap();
        assert_eq!(line(&mut stream).await, "220 go on\r\n");
        assert!(authority.connector().connect("localhost", stream).await.is_err());
        port.stop();
        port.stopped().await.unwrap();
    });
}

#[test]
fn openssl_starts_tls_with_a_server_of_protocols() {
    if !has_openssl() {
        return;
    }
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let identity = authority.localhost();
        let (port, addr) = serve(&reactor, &identity).await;
        let files = Files::new(&authority, &identity);
        let answer = ask(&reactor, addr, files, "authority", &["-starttls", "smtp"])
            .await
            .unwrap();
        assert!(answer.ends_with("HELLO\n"), "{answer:?}");
        port.stop();
        port.stopped().await.unwrap();
    });
}

#[test]
fn a_client_of_protocols_starts_tls() {
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let (port, addr) = serve(&reactor, &authority.localhost()).await;
        let mut stream = TcpStream::connect(&reactor, addr).await.unwrap();
        assert_eq!(line(&mut stream).await, "220 ready\r\n");
        let transport = protocol::attach(&reactor, stream, Shout);
        transport.pause_reading();
        transport.write(b"STARTTLS\r\n");
        let mut stream = transport.detach().await.unwrap();
        let mut answer = [0; 11];
        stream.read_exact(&mut answer).await.unwrap();
        let stream = authority.connector().connect("localhost", stream).await.unwrap();
        let (sender, received) = Deferred::<Vec<u8>>::pair();
        let transport = protocol::attach(&reactor, stream, Hear(Some(sender)));
        transport.write(b"secret");
        assert_eq!(received.await.unwrap(), b"SECRET");
        port.stop();
        port.stopped().await.unwrap();
    });
}

/// Tells what it hears first.
struct Hear(Option<interloop::Completer<Vec<u8>>>);

impl Protocol for Hear {
    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        if let Some(sender) = self.0.take() {
            sender.complete(data.to_vec());
        }
    }
}
