//! Sockets and descriptors whose loop has shut down: what waits ends, what is made fails, and all is closed.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::Ipv4Addr,
    os::unix::net::UnixStream as StdStream,
};

use futures_util::{
    TryStreamExt,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{
    Aborted,
    net::{Connector, Descriptor, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream},
};

use crate::{
    AnyShutsDown, ShutsDown, Subject,
    tools::{TempPath, full, listen, on_thread, parked, silent, wait},
};

#[track_caller]
pub(super) fn assert_shut_down<T>(result: io::Result<T>) {
    let Err(error) = result else {
        panic!("the loop has shut down")
    };
    assert!(
        Aborted::in_io_error(&error).is_some_and(Aborted::is_shut_down),
        "{error:?}"
    );
}

pub fn tasks_that_receive_fail_and_close_their_sockets(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (mut stream, mut peer) = {
        let (end, peer) = StdStream::pair().unwrap();
        (UnixStream::from_std(&reactor, end).unwrap(), peer)
    };
    let udp = UdpSocket::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (datagram, _other) = UnixDatagram::pair(&reactor).unwrap();
    let (pipe, mut its_reader) = {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (
            Descriptor::new(&reactor, File::from(writer)).unwrap(),
            File::from(reader),
        )
    };
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    while pipe.get_ref().write(&[0; 4096]).is_ok() {}
    let (waits, future): (Vec<_>, Vec<_>) = [
        boxed(async move { stream.read(&mut [0]).await.map(drop) }),
        boxed(async move { udp.recv(&mut [0]).await.map(drop) }),
        boxed(async move { datagram.recv(&mut [0]).await.map(drop) }),
        boxed(async move { pipe.writable().await }),
        boxed(async move { listener.accept().await.map(drop) }),
    ]
    .into_iter()
    .map(parked)
    .unzip();
    let tasks: Vec<_> = future.into_iter().map(|future| reactor.spawn(future)).collect();
    for waits in waits {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    for task in tasks {
        assert_shut_down(wait(task));
    }
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    its_reader.read_to_end(&mut Vec::new()).unwrap();
    let refused = StdStream::connect(&path).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

pub fn tasks_on_connections_fail_and_close_them(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let connect = || {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = TcpStream::from_std(&reactor, listener.accept().unwrap().0).unwrap();
        (stream, peer)
    };
    let (mut reads, reads_peer) = connect();
    let (mut writes, writes_peer) = connect();
    let (peeks, peeks_peer) = connect();
    let (waits, waits_peer) = connect();
    let peers = [reads_peer, writes_peer, peeks_peer, waits_peer];
    let (end, mut unix_peer) = StdStream::pair().unwrap();
    let mut unix = UnixStream::from_std(&reactor, end).unwrap();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let udp = UdpSocket::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (_silent, silent) = silent();
    let connecting = reactor.clone();
    let by_name = reactor.clone();
    let (waiting, futures): (Vec<_>, Vec<_>) = [
        boxed(async move { reads.read(&mut [0]).await.map(drop) }),
        boxed(async move { writes.write_all(&vec![7; 16 << 20]).await }),
        boxed(async move { peeks.peek(&mut [0]).await.map(drop) }),
        boxed(async move { waits.readable().await }),
        boxed(async move { unix.write_all(&vec![7; 16 << 20]).await }),
        boxed(async move { listener.into_incoming().try_next().await.map(drop) }),
        boxed(async move { udp.recv_from(&mut [0]).await.map(drop) }),
        boxed(async move { TcpStream::connect(&connecting, silent).await.map(drop) }),
        boxed(async move { Connector::new().connect_any(&by_name, [silent, silent]).await.map(drop) }),
    ]
    .into_iter()
    .map(parked)
    .unzip();
    let tasks: Vec<_> = futures.into_iter().map(|future| reactor.spawn(future)).collect();
    for waits in waiting {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    for task in tasks {
        assert_shut_down(wait(task));
    }
    for mut peer in peers {
        peer.read_to_end(&mut Vec::new()).unwrap();
    }
    unix_peer.read_to_end(&mut Vec::new()).unwrap();
    let refused = std::net::TcpStream::connect(addr).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

fn boxed<F>(future: F) -> std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    Box::pin(future)
}

pub fn a_receive_that_a_plain_thread_waits_for_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (one, other) = UnixDatagram::pair(&reactor).unwrap();
    let (waits, receiving) = parked(async move { other.recv(&mut [0; 16]).await });
    let receiving = on_thread(move || wait(receiving));
    subject.block_on(waits).unwrap();
    subject.shut_down();
    // It fails, or goes on.
    let _ = one.try_send(b"hello");
    let _ = wait(receiving).unwrap();
}

pub fn a_connection_that_waits_for_room_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let (_listener, waiting) = full(&path);
    let to = path.as_ref().to_owned();
    let (waits, connecting) = parked({
        let reactor = reactor.clone();
        async move { UnixStream::connect(&reactor, to).await.map(drop) }
    });
    let task = reactor.spawn(connecting);
    if cfg!(target_os = "linux") {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    if cfg!(target_os = "linux") {
        assert_shut_down(wait(task));
    }
    drop(waiting);
}

pub fn what_is_made_afterwards_fails_and_is_closed(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let path = TempPath::new();
    let listening = TempPath::new();
    let _listener = std::os::unix::net::UnixListener::bind(&listening).unwrap();
    assert_shut_down(UdpSocket::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()));
    assert_shut_down(UnixListener::bind(&reactor, &path));
    assert_shut_down(wait(UnixStream::connect(&reactor, &listening)));
    assert_shut_down(UnixStream::pair(&reactor));
    assert_shut_down(UnixDatagram::pair(&reactor));
    assert_shut_down(UnixDatagram::unbound(&reactor));
    let (end, mut peer) = StdStream::pair().unwrap();
    // Lent, it stays open; given, it is closed.
    assert_shut_down(Descriptor::new(&reactor, &end));
    peer.set_nonblocking(true).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_shut_down(Descriptor::new(&reactor, end));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

pub fn descriptors_from_before_work_or_fail_and_are_given_back(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (end, mut peer) = StdStream::pair().unwrap();
    let descriptor = Descriptor::new(&reactor, end).unwrap();
    let (stream, mut streams_peer) = {
        let (end, peer) = StdStream::pair().unwrap();
        (UnixStream::from_std(&reactor, end).unwrap(), peer)
    };
    subject.shut_down();
    peer.write_all(b"!").unwrap();
    let _ = wait(descriptor.readable());
    let mut end = descriptor.into_inner();
    assert_eq!(end.read(&mut [0]).unwrap(), 1);
    drop(end);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    drop(stream.into_std().unwrap());
    assert_eq!(streams_peer.read(&mut [0]).unwrap(), 0);
}
