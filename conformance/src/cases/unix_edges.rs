//! Connections of one machine at their edges: how long a path may be, who has a name, and what is handed over beside bytes.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream as StdStream,
    },
    path::{Path, PathBuf},
};

use futures_util::{
    StreamExt,
    future::{join, poll_fn, try_join},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::net::{UnixDatagram, UnixListener, UnixStream};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, on_thread, parked, wait},
};

/// As long as a path may be, on Linux, without the zero at its end.
const LONGEST: usize = 107;

/// A path of a length, made of one that is nobody's; gone when this is dropped.
struct PathOf(PathBuf);

impl PathOf {
    fn length(length: usize) -> Self {
        let mut path = TempPath::new().as_ref().as_os_str().to_owned();
        path.push("x".repeat(length - path.len()));
        Self(path.into())
    }
}

impl AsRef<Path> for PathOf {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for PathOf {
    fn drop(&mut self) {
        // Nothing may have been made there.
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn a_path_is_as_long_as_the_system_allows(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("other systems allow other lengths, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let (stream_path, here, there) = (
        PathOf::length(LONGEST),
        PathOf::length(LONGEST),
        PathOf::length(LONGEST),
    );
    let listener = UnixListener::bind(&reactor, &stream_path).unwrap();
    let one = UnixDatagram::bind(&reactor, &here).unwrap();
    let other = UnixDatagram::bind(&reactor, &there).unwrap();
    subject.block_on(async {
        let connecting = UnixStream::connect(&reactor, &stream_path);
        let (client, _) = try_join(connecting, listener.accept()).await.unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(stream_path.as_ref()));
        one.send_to(b"hello", &there).await.unwrap();
        let (length, sender) = other.recv_from(&mut [0; 16]).await.unwrap();
        assert_eq!((length, sender.as_pathname()), (5, Some(here.as_ref())));
    });
}

pub fn a_path_that_is_too_long_is_refused(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = PathOf::length(256);
    subject.block_on(async {
        let errors = [
            UnixListener::bind(&reactor, &path).unwrap_err(),
            UnixDatagram::bind(&reactor, &path).unwrap_err(),
            UnixStream::connect(&reactor, &path).await.unwrap_err(),
            UnixDatagram::unbound(&reactor).unwrap().connect(&path).unwrap_err(),
            UnixDatagram::unbound(&reactor)
                .unwrap()
                .send_to(b"", &path)
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        }
    });
}

pub fn a_path_with_a_zero_is_no_abstract_name(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let error = UnixStream::connect(&reactor, "\0name").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let error = UnixListener::bind(&reactor, "\0name").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

pub fn the_ends_of_a_pair_know_their_process(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = UnixStream::pair(&reactor).unwrap();
        assert!(one.local_addr().unwrap().is_unnamed() && other.peer_addr().unwrap().is_unnamed());
        let peer = one.peer_cred().unwrap();
        assert_eq!(peer, other.peer_cred().unwrap());
        assert_eq!(peer.uid(), rustix::process::geteuid().as_raw());
        assert_eq!(peer.gid(), rustix::process::getegid().as_raw());
    });
}

pub fn a_client_with_a_path_of_its_own_is_known_by_it(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (path, own) = (TempPath::new(), TempPath::new());
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&own).unwrap()).unwrap();
    socket.connect(&SockAddr::unix(&path).unwrap()).unwrap();
    let mut client = UnixStream::from_std(&reactor, OwnedFd::from(socket).into()).unwrap();
    subject.block_on(async {
        let (mut server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_pathname(), Some(own.as_ref()));
        assert_eq!(server.peer_addr().unwrap().as_pathname(), Some(own.as_ref()));
        assert_eq!(client.local_addr().unwrap().as_pathname(), Some(own.as_ref()));
        client.write_all(b"hello").await.unwrap();
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"hello");
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    });
}

pub fn two_plain_threads_play_ping_pong(subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    let serving = on_thread(move || {
        wait(async {
            let mut incoming = listener.incoming();
            for _ in 0..16 {
                let (mut stream, _) = incoming.next().await.unwrap()?;
                let mut received = [0; 4];
                stream.read_exact(&mut received).await?;
                assert_eq!(&received, b"ping");
                stream.write_all(b"pong").await?;
            }
            Ok::<_, io::Error>(())
        })
    });
    let to = path.as_ref().to_owned();
    let playing = on_thread(move || {
        wait(async {
            for _ in 0..16 {
                let mut stream = UnixStream::connect(&reactor, &to).await?;
                stream.write_all(b"ping").await?;
                let mut received = [0; 4];
                stream.read_exact(&mut received).await?;
                assert_eq!(&received, b"pong");
            }
            Ok::<_, io::Error>(())
        })
    });
    // Nobody drives the loop meanwhile, where it needs that.
    let mut subject = subject;
    subject.block_on(async {
        serving.await.unwrap().unwrap();
        playing.await.unwrap().unwrap();
    });
}

pub fn an_abstract_name_is_connected_to_again_and_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

        let new_name = || {
            let path = TempPath::new();
            SocketAddr::from_abstract_name(path.as_ref().as_os_str().as_encoded_bytes()).unwrap()
        };
        let addr = new_name();
        let listener = UnixListener::bind_addr(&reactor, &addr).unwrap();
        subject.block_on(async {
            let mut incoming = listener.incoming();
            for round in 0..20 {
                let mut client = UnixStream::connect_addr(&reactor, &addr).await.unwrap();
                assert_eq!(client.peer_addr().unwrap().as_abstract_name(), addr.as_abstract_name());
                client.write_all(&[round]).await.unwrap();
                let (mut server, _) = incoming.next().await.unwrap().unwrap();
                let mut byte = [0];
                server.read_exact(&mut byte).await.unwrap();
                assert_eq!(byte, [round]);
            }
            // Datagrams, first to one and then to another.
            let sender = UnixDatagram::unbound(&reactor).unwrap();
            for addr in [new_name(), new_name()] {
                let receiver = UnixDatagram::bind_addr(&reactor, &addr).unwrap();
                assert_eq!(
                    receiver.local_addr().unwrap().as_abstract_name(),
                    addr.as_abstract_name()
                );
                sender.connect_addr(&addr).unwrap();
                sender.send(b"hello").await.unwrap();
                let (length, from) = receiver.recv_from(&mut [0; 16]).await.unwrap();
                assert!(length == 5 && from.is_unnamed());
            }
        });
    }
}

pub fn what_is_polled_does_what_is_awaited(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    subject.block_on(async {
        assert!(poll!(poll_fn(|cx| listener.poll_accept(cx))).is_pending());
        let _client = UnixStream::connect(&reactor, &path).await.unwrap();
        poll_fn(|cx| listener.poll_readable(cx)).await.unwrap();
        poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();

        let (one, other) = UnixDatagram::pair(&reactor).unwrap();
        let mut buf = [0; 16];
        assert!(poll!(poll_fn(|cx| other.poll_recv(cx, &mut buf))).is_pending());
        poll_fn(|cx| one.poll_writable(cx)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(poll_fn(|cx| one.poll_send(cx, b"hello")).await.unwrap(), 5);
        }
        assert_eq!(poll_fn(|cx| other.poll_peek(cx, &mut buf)).await.unwrap(), 5);
        assert_eq!(poll_fn(|cx| other.poll_recv(cx, &mut buf)).await.unwrap(), 5);
        let (length, sender) = poll_fn(|cx| other.poll_recv_from(cx, &mut buf)).await.unwrap();
        assert!(length == 5 && sender.is_unnamed());
    });
}

fn send_with(fd: BorrowedFd<'_>, passed: BorrowedFd<'_>) -> io::Result<usize> {
    let passed = [passed];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    assert!(beside.push(SendAncillaryMessage::ScmRights(&passed)));
    Ok(sendmsg(
        fd,
        &[IoSlice::new(b"take this")],
        &mut beside,
        SendFlags::empty(),
    )?)
}

fn receive_with(fd: BorrowedFd<'_>) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut buf = [0; 16];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(fd, &mut [IoSliceMut::new(&mut buf)], &mut beside, RecvFlags::empty())?;
    let mut passed = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            passed.extend(fds);
        }
    }
    Ok((received.bytes, passed))
}

pub fn a_descriptor_is_passed_beside_the_bytes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    macro_rules! passes {
        ($one:ident, $other:ident) => {
            let (mine, mut peer) = StdStream::pair().unwrap();
            let (waits, receiving) = parked($other.read_with(receive_with));
            let (received, sent) = join(receiving, async {
                waits.await.unwrap();
                $one.write_with(|fd| send_with(fd, mine.as_fd())).await
            })
            .await;
            assert_eq!(sent.unwrap(), 9);
            let (length, mut passed) = received.unwrap();
            assert_eq!((length, passed.len()), (9, 1));
            drop(mine);
            // What arrived is open, and is the same socket.
            File::from(passed.remove(0)).write_all(b"!").unwrap();
            assert_eq!(peer.read(&mut [0; 8]).unwrap(), 1);
            assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
        };
    }
    subject.block_on(async {
        let (one, other) = UnixStream::pair(&reactor).unwrap();
        passes!(one, other);
        let (one, other) = UnixDatagram::pair(&reactor).unwrap();
        passes!(one, other);
    });
}

pub fn a_socket_shows_its_path(subject: AnySubject) {
    let reactor = subject.reactor();
    let (here, there) = (TempPath::new(), TempPath::new());
    let listener = UnixListener::bind(&reactor, &here).unwrap();
    let socket = UnixDatagram::bind(&reactor, &there).unwrap();
    for (shown, path) in [(format!("{listener:?}"), &here), (format!("{socket:?}"), &there)] {
        assert!(shown.contains(path.as_ref().to_str().unwrap()), "{shown}");
    }
}
