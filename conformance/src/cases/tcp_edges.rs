//! TCP at its edges: every form of an address, limits of time, and ends that come twice.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream},
    time::Duration,
};

use futures_util::{
    future::{join, poll_fn, try_join},
    io::{AsyncReadExt, AsyncWriteExt, copy},
    poll,
};
use interloop::net::{Connector, HostPort, TcpListener, TcpStream, lookup_host};
use socket2::{Domain, Socket, Type};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, connection, listen, on_thread, parked},
};

pub fn every_form_of_an_address_is_connected_to(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let (text, port, ip) = (addr.to_string(), addr.port(), addr.ip());
        let forms: [HostPort; 9] = [
            addr.into(),
            (ip, port).into(),
            (IpAddr::from(Ipv4Addr::LOCALHOST), port).into(),
            text.as_str().into(),
            text.clone().into(),
            ("127.0.0.1", port).into(),
            ("127.0.0.1".to_owned(), port).into(),
            ("localhost", port).into(),
            format!("localhost:{port}").into(),
        ];
        for form in forms {
            let connecting = TcpStream::connect_host(&reactor, form.clone());
            let (client, (server, peer)) = try_join(connecting, listener.accept()).await.unwrap();
            assert_eq!(client.peer_addr().unwrap(), addr, "{form}");
            assert_eq!(server.peer_addr().unwrap(), peer);
            assert_eq!(client.local_addr().unwrap(), peer);
        }
    });
}

pub fn a_name_is_looked_up_and_listened_on(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let addrs = lookup_host(&reactor, "localhost:0").await.unwrap();
        let listener = addrs.iter().find_map(|addr| TcpListener::bind(&reactor, *addr).ok());
        let listener = listener.expect("one of the addresses of this machine");
        let connecting = TcpStream::connect(&reactor, listener.local_addr().unwrap());
        try_join(connecting, listener.accept()).await.unwrap();
    });
}

pub fn an_address_of_another_machine_cannot_be_listened_on(subject: AnySubject) {
    let reactor = subject.reactor();
    // One that is for examples, so that it is nobody's.
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = TcpListener::bind(&reactor, elsewhere).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

pub fn a_connection_to_no_address_in_particular_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // Bound, so that nobody else takes the port, and not listening.
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    reserved
        .bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())
        .unwrap();
    let addr = reserved.local_addr().unwrap().as_socket().unwrap();
    let error = subject.block_on(TcpStream::connect(&reactor, addr)).unwrap_err();
    // Linux takes it for this machine.
    let kinds = [io::ErrorKind::ConnectionRefused, io::ErrorKind::AddrNotAvailable];
    assert!(kinds.contains(&error.kind()), "{error}");
}

pub fn what_is_there_ends_a_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        let mut buf = [0; 10];
        let (waits, read) = parked(server.read(&mut buf));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            client.write_all(&[10]).await.unwrap();
        })
        .await;
        assert_eq!(read.unwrap(), 1);
        server.write_all(&[1]).await.unwrap();
        assert_eq!(client.read(&mut buf).await.unwrap(), 1);
    });
}

pub fn peers_of_std_are_talked_to(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let echo = |mut stream: StdStream| {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        stream.write_all(&byte)
    };
    subject.block_on(async {
        let std_listener = StdListener::bind("127.0.0.1:0").unwrap();
        let addr = std_listener.local_addr().unwrap();
        let peer = on_thread(move || echo(std_listener.accept()?.0));
        let mut client = TcpStream::connect(&reactor, addr).await.unwrap();
        client.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        peer.await.unwrap().unwrap();

        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let peer = on_thread(move || echo(StdStream::connect(addr)?));
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"!").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        peer.await.unwrap().unwrap();
    });
}

pub fn closing_is_repeated_and_survives_a_reset(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        for _ in 0..3 {
            client.close().await.unwrap();
        }
        server.close().await.unwrap();
        client.close().await.unwrap();

        let (mut client, server) = connection(&reactor).await;
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        client.readable().await.unwrap();
        client.close().await.unwrap();
        client.close().await.unwrap();
    });
}

pub fn a_limit_of_zero_is_up_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // As many connections wait to be accepted as may, so it does not answer.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    silent.listen(0).unwrap();
    let addr = silent.local_addr().unwrap().as_socket().unwrap();
    let _first = StdStream::connect(addr).unwrap();
    subject.block_on(async {
        let connector = Connector::new().limit(Duration::ZERO);
        let error = connector.connect(&reactor, addr).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = reactor.timeout(Duration::ZERO, TcpStream::connect(&reactor, addr));
        assert_eq!(error.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    });
}

pub fn a_connection_in_its_time_limit_is_made(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let limited = Connector::new().limit(HOUR);
        limited.connect(&reactor, addr).await.unwrap();
        let limited = reactor.timeout(HOUR, TcpStream::connect(&reactor, addr));
        limited.await.unwrap();
    });
}

pub fn an_echo_copies_from_one_half_to_the_other(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let serving = reactor.spawn(async move {
        let (reader, mut writer) = server.split_ref();
        let copied = copy(reader, &mut writer).await?;
        writer.close().await?;
        Ok::<_, io::Error>(copied)
    });
    subject.block_on(async {
        for _ in 0..1000 {
            client.write_all(b"foo bar baz").await.unwrap();
            let mut echoed = [0; 11];
            client.read_exact(&mut echoed).await.unwrap();
            assert_eq!(&echoed, b"foo bar baz");
        }
        client.close().await.unwrap();
        assert_eq!(serving.await.unwrap(), 11_000);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

pub fn the_other_half_reads_on_when_the_writing_one_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, mut server) = connection(&reactor).await;
        let (mut reader, writer) = client.into_split();
        server.write_all(b"split").await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(reader.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(reader.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(reader.read(&mut buf).await.unwrap(), 5);
        let (waits, read) = parked(reader.read(&mut buf));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            // On another thread, as it may be.
            on_thread(move || drop(writer)).await.unwrap();
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            drop(server);
        })
        .await;
        assert_eq!(read.unwrap(), 0);
    });
}

pub fn who_waits_for_readiness_holds_no_buffer(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let reading = async move {
        loop {
            server.readable().await?;
            let mut buf = [0; 4096];
            match server.try_read(&mut buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    };
    assert!(size_of_val(&reading) < 1000, "{} bytes", size_of_val(&reading));
    subject.block_on(async {
        client.write_all(b"hello").await.unwrap();
        assert_eq!(reading.await.unwrap(), 5);
    });
}

pub fn what_is_polled_does_what_is_awaited(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        assert!(poll!(poll_fn(|cx| listener.poll_accept(cx))).is_pending());
        let client = TcpStream::connect(&reactor, listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        poll_fn(|cx| client.poll_writable(cx)).await.unwrap();
        assert!(poll!(poll_fn(|cx| server.poll_readable(cx))).is_pending());
        client.try_write(b"ping").unwrap();
        poll_fn(|cx| server.poll_readable(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| server.poll_peek(cx, &mut [0; 8])).await.unwrap(), 4);
    });
}
