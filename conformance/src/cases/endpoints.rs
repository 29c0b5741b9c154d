//! Endpoints of protocols: where they listen and connect to, on real sockets and descriptors.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    net::{TcpListener as StdListener, TcpStream as StdStream},
    os::unix::net::UnixStream as StdUnixStream,
    time::Duration,
};

use futures_util::{
    future::try_join_all,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{
    Reactor,
    protocol::{
        Address, Channel, Port, Protocol, Transport,
        endpoint::{
            AdoptedClient, AdoptedServer, Backoff, ClientEndpoint, ClientService, Parser, Retrying, ServerEndpoint,
            Stdio, TcpClient, TcpServer, UnixClient, UnixServer,
        },
    },
};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, MILLISECOND, TempPath, full, on_thread, turn},
};

/// Sends back what comes, in capitals.
struct Shout;

impl Protocol for Shout {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(&data.to_ascii_uppercase());
    }
}

/// Closes the connection at once.
struct Close;

impl Protocol for Close {
    fn connection_made(&mut self, transport: &Transport) {
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

async fn shouts(channel: &mut Box<dyn Channel>) {
    channel.write_all(b"hello").await.unwrap();
    channel.flush().await.unwrap();
    let mut received = [0; 5];
    channel.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"HELLO");
}

fn number(port: &Port) -> u16 {
    match port.local_addr() {
        Some(Address::Ip(addr)) => addr.port(),
        other => panic!("{other:?} is no address of TCP"),
    }
}

async fn listen(reactor: &Reactor) -> Port {
    let server = TcpServer::new(0).interface("127.0.0.1");
    server.listen(reactor, || Shout).await.unwrap()
}

async fn stop(port: Port) {
    port.stop();
    port.stopped().await.unwrap();
}

pub fn a_server_on_tcp_is_connected_to_by_name_and_by_address(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let server = TcpServer::new(0).interface("localhost").backlog(5);
        let port = server.listen(&reactor, || Shout).await.unwrap();
        for host in ["localhost", "127.0.0.1"] {
            let client = TcpClient::new(host, number(&port)).timeout(HOUR);
            shouts(&mut client.open(&reactor).await.unwrap()).await;
            let transport = client.connect(&reactor, Shout).await.unwrap();
            assert!(matches!(transport.peer_addr(), Some(Address::Ip(addr)) if addr.port() == number(&port)));
            transport.lose_connection();
        }
        stop(port).await;
    });
}

pub fn a_client_connects_from_an_address(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let port = listen(&reactor).await;
        let client = TcpClient::new("localhost", number(&port));
        let from = client.clone().bind_address([127, 0, 0, 1].into());
        let mut channel = from.open(&reactor).await.unwrap();
        assert!(matches!(channel.local_address(), Some(Address::Ip(addr)) if addr.ip().is_loopback()));
        shouts(&mut channel).await;
        // None of the machine's own.
        let from = client.bind_address([192, 0, 2, 1].into());
        assert_eq!(
            from.open(&reactor).await.err().unwrap().kind(),
            ErrorKind::AddrNotAvailable
        );
        stop(port).await;
    });
}

pub fn a_unix_server_has_its_path_as_long_as_it_listens(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let client = UnixClient::new(path.as_ref());
        let port = UnixServer::new(path.as_ref()).lockfile(false);
        let port = port.listen(&reactor, || Shout).await.unwrap();
        let mut channel = client.open(&reactor).await.unwrap();
        shouts(&mut channel).await;
        stop(port).await;
        assert!(!path.as_ref().exists());
        // Who is connected stays so.
        shouts(&mut channel).await;
        assert_eq!(client.open(&reactor).await.err().unwrap().kind(), ErrorKind::NotFound);
    });
}

pub fn a_client_gives_up_when_its_time_has_passed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let _full = full(&path);
    subject.block_on(async {
        let client = UnixClient::new(path.as_ref()).timeout(MILLISECOND);
        let error = client.open(&reactor).await.err().unwrap();
        // Linux has a client wait here, others refuse it.
        let kinds: &[ErrorKind] = match cfg!(target_os = "linux") {
            true => &[ErrorKind::TimedOut],
            false => &[ErrorKind::ConnectionRefused],
        };
        assert!(kinds.contains(&error.kind()), "{error}");
        let waiting = UnixClient::new(path.as_ref()).timeout(HOUR).connect(&reactor, Shout);
        waiting.cancel();
        assert!(waiting.await.is_err());
    });
}

pub fn a_server_that_is_stopped_frees_its_port(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let port = listen(&reactor).await;
        let number = number(&port);
        stop(port).await;
        // A child that is being started has a copy of the listener until it is another program.
        let client = TcpClient::new("127.0.0.1", number);
        while client.open(&reactor).await.is_ok() {
            turn(&reactor).await;
        }
        let taken = StdListener::bind(("127.0.0.1", 0)).unwrap();
        let server = TcpServer::new(taken.local_addr().unwrap().port()).interface("127.0.0.1");
        let error = server.listen(&reactor, || Shout).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&server.to_string()), "{error}");
    });
}

pub fn text_says_where_to_listen_and_connect(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let path_text = path.as_ref().to_str().unwrap();
    subject.block_on(async {
        let parser = Parser::new();
        let server = parser.server(&format!("unix:{path_text}:mode=600:lockfile=0")).unwrap();
        let port = server.listen(&reactor, || Shout).await.unwrap();
        let client = parser.client(&format!("unix:path={path_text}")).unwrap();
        shouts(&mut client.open(&reactor).await.unwrap()).await;
        stop(port).await;
        let server = parser.server("tcp:0:interface=127.0.0.1").unwrap();
        let port = server.listen(&reactor, || Shout).await.unwrap();
        let client = parser.client(&format!("tcp:localhost:{}", number(&port))).unwrap();
        shouts(&mut client.open(&reactor).await.unwrap()).await;
        stop(port).await;
    });
}

pub fn a_client_is_tried_until_somebody_listens(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let policy = Backoff::new().initial(MILLISECOND).max(16 * MILLISECOND);
        let client = Retrying::new(UnixClient::new(path.as_ref()), policy.clone());
        let connecting = client.open(&reactor);
        let early = Retrying::new(UnixClient::new(path.as_ref()), policy.attempts(2)).open(&reactor);
        assert_eq!(early.await.err().unwrap().kind(), ErrorKind::NotFound);
        let server = UnixServer::new(path.as_ref()).lockfile(false);
        let port = server.listen(&reactor, || Shout).await.unwrap();
        shouts(&mut connecting.await.unwrap()).await;
        stop(port).await;
    });
}

pub fn a_client_service_comes_back_until_it_is_stopped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let port = listen(&reactor).await;
        let endpoint = TcpClient::new("127.0.0.1", number(&port));
        let policy = Backoff::new().initial(MILLISECOND);
        let service = ClientService::start(&reactor, endpoint, || Shout, policy);
        let mut former = None;
        for _ in 0..5 {
            let transport = service.when_connected().await.unwrap();
            let from = match transport.local_addr() {
                Some(Address::Ip(addr)) => addr.port(),
                other => panic!("{other:?} is no address of TCP"),
            };
            assert_ne!(former.replace(from), Some(from), "another connection");
            let closed = transport.closed();
            transport.abort();
            closed.await.unwrap();
            // The service hears of it as soon as its task runs.
            while service.when_connected().await.is_ok_and(|next| next.is_closing()) {
                reactor.sleep(MILLISECOND).await.unwrap();
            }
        }
        service.stop().await.unwrap();
        assert!(service.when_connected().await.is_err());
        stop(port).await;
    });
}

pub fn a_server_that_closes_each_connection_is_come_back_to(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (count, counted) = futures_util::future::abortable(std::future::pending::<()>());
        let mut connections = 0;
        let factory = move || {
            connections += 1;
            if connections == 3 {
                counted.abort();
            }
            Close
        };
        let server = TcpServer::new(0).interface("127.0.0.1");
        let port = server.listen(&reactor, factory).await.unwrap();
        let endpoint = TcpClient::new("127.0.0.1", number(&port));
        let policy = Backoff::new().initial(MILLISECOND);
        let service = ClientService::start(&reactor, endpoint, || Shout, policy);
        assert!(count.await.is_err());
        service.stop().await.unwrap();
        stop(port).await;
    });
}

pub fn sockets_are_adopted(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = StdListener::bind(("127.0.0.1", 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    subject.block_on(async {
        let port = AdoptedServer::new(listener).unwrap();
        let port = port.listen(&reactor, || Shout).await.unwrap();
        let client = AdoptedClient::new(StdStream::connect(addr).unwrap()).unwrap();
        shouts(&mut client.open(&reactor).await.unwrap()).await;
        stop(port).await;
    });
}

pub fn a_pair_of_descriptors_is_a_connection(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        // Two pipes, whose other ends are a thread's; each is there once.
        let ((input, to), (from, output)) = (rustix::pipe::pipe().unwrap(), rustix::pipe::pipe().unwrap());
        let (mut to, mut from) = (File::from(to), File::from(from));
        let speaking = on_thread(move || {
            to.write_all(b"hello").unwrap();
            let mut received = [0; 5];
            from.read_exact(&mut received).unwrap();
            drop(to);
            // The end, when the protocol has heard of that.
            assert_eq!(from.read(&mut [0]).unwrap(), 0);
            received
        });
        let channel = Stdio::channel(&reactor, input, output).unwrap();
        let transport = interloop::protocol::attach(&reactor, channel, Shout);
        assert_eq!(&speaking.await.unwrap(), b"HELLO");
        assert!(transport.closed().await.unwrap().is_closed());
    });
}

pub fn what_was_lent_is_in_blocking_mode_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (here, there) = StdUnixStream::pair().unwrap();
    let is_blocking = |socket: &StdUnixStream| !socket2::SockRef::from(socket).nonblocking().unwrap();
    subject.block_on(async {
        let lent = || here.try_clone().unwrap().into();
        let channel = Stdio::channel(&reactor, lent(), lent()).unwrap();
        assert!(!is_blocking(&here));
        drop(channel);
        assert!(is_blocking(&here));
        drop(there);
    });
}

pub fn connections_are_upgraded_side_by_side(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let server = TcpServer::new(0).interface("127.0.0.1");
        let listening = server.bind(&reactor).await.unwrap();
        let greet = |mut channel: Box<dyn Channel>| async move {
            let mut greeting = [0];
            channel.read_exact(&mut greeting).await?;
            Ok(channel)
        };
        let limit = Duration::from_secs(60 * 60);
        let port = listening.upgrade(&reactor, limit, greet).serve(&reactor, || Shout);
        let client = TcpClient::new("127.0.0.1", number(&port));
        let opened = try_join_all((0..50).map(|_| client.open(&reactor))).await.unwrap();
        // The last to come are the first to speak.
        for mut channel in opened.into_iter().rev().take(25) {
            channel.write_all(b"g").await.unwrap();
            shouts(&mut channel).await;
        }
        stop(port).await;
    });
}
