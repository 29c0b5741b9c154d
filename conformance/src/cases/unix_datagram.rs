//! Datagrams within one machine: none is lost, and who sends waits for who receives.

use std::{io, net::Shutdown, os::unix::net::UnixDatagram as StdDatagram, sync::Arc};

use futures_util::{
    future::{join, try_join_all},
    poll,
};
use interloop::net::UnixDatagram;

use crate::{
    AnySubject, Subject,
    tools::{TempPath, on_thread, parked, spawn_parked, wait},
};

pub fn datagrams_arrive_in_both_directions(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (here, there) = (TempPath::new(), TempPath::new());
    let one = UnixDatagram::bind(&reactor, &here).unwrap();
    let other = UnixDatagram::bind(&reactor, &there).unwrap();
    subject.block_on(async {
        let mut buf = [0; 16];
        assert_eq!(one.send_to(b"ping", &there).await.unwrap(), 4);
        let (length, sender) = other.recv_from(&mut buf).await.unwrap();
        assert_eq!(&buf[..length], b"ping");
        assert_eq!(sender.as_pathname(), Some(here.as_ref()));
        other.send_to_addr(b"pong!", &sender).await.unwrap();
        assert_eq!(one.recv(&mut buf).await.unwrap(), 5);
    });
}

pub fn sockets_know_their_addresses(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let bound = UnixDatagram::bind(&reactor, &path).unwrap();
    let unbound = UnixDatagram::unbound(&reactor).unwrap();
    assert_eq!(bound.local_addr().unwrap().as_pathname(), Some(path.as_ref()));
    assert!(unbound.local_addr().unwrap().is_unnamed());
    assert_eq!(unbound.peer_addr().unwrap_err().kind(), io::ErrorKind::NotConnected);
    unbound.connect(&path).unwrap();
    assert_eq!(unbound.peer_addr().unwrap().as_pathname(), Some(path.as_ref()));
    subject.block_on(async {
        unbound.send(b"hello").await.unwrap();
        let (length, sender) = bound.recv_from(&mut [0; 16]).await.unwrap();
        assert_eq!(length, 5);
        assert!(sender.is_unnamed());
    });
    let taken = UnixDatagram::bind(&reactor, &path).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
}

pub fn an_abstract_name_needs_no_file(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

        let names =
            [TempPath::new(), TempPath::new()].map(|path| path.as_ref().as_os_str().as_encoded_bytes().to_owned());
        let addrs = names
            .each_ref()
            .map(|name| SocketAddr::from_abstract_name(name).unwrap());
        let [one, other] = addrs
            .each_ref()
            .map(|addr| UnixDatagram::bind_addr(&reactor, addr).unwrap());
        subject.block_on(async {
            one.send_to_addr(b"hello", &addrs[1]).await.unwrap();
            let (length, sender) = other.recv_from(&mut [0; 16]).await.unwrap();
            assert_eq!((length, sender.as_abstract_name()), (5, Some(&*names[0])));
        });
    }
}

pub fn a_pair_is_connected(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = UnixDatagram::pair(&reactor).unwrap();
        let mut buf = [0; 4];
        one.send(b"").await.unwrap();
        one.send(b"hello").await.unwrap();
        assert_eq!(other.peek(&mut buf).await.unwrap(), 0);
        assert_eq!(other.recv(&mut buf).await.unwrap(), 0);
        // The rest is cut off.
        assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(other.try_recv(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(one);
        other.send(b"anybody?").await.unwrap_err();
    });
}

pub fn sending_to_nobody_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let socket = UnixDatagram::unbound(&reactor).unwrap();
    subject.block_on(async {
        let kind = |result: io::Result<usize>| result.unwrap_err().kind();
        assert_eq!(kind(socket.send_to(b"hello", &path).await), io::ErrorKind::NotFound);
        drop(UnixDatagram::bind(&reactor, &path).unwrap());
        assert_eq!(
            kind(socket.send_to(b"hello", &path).await),
            io::ErrorKind::ConnectionRefused
        );
        assert_eq!(
            kind(socket.try_send_to(b"hello", &path)),
            io::ErrorKind::ConnectionRefused
        );
        assert_eq!(kind(socket.send_to(b"hello", "").await), io::ErrorKind::InvalidInput);
        assert_eq!(kind(socket.send(b"hello").await), io::ErrorKind::NotConnected);
    });
}

/// Fills a socket by an attempt that says when it takes no more.
fn fill(mut attempt: impl FnMut(&[u8]) -> io::Result<usize>) -> usize {
    let mut taken = 0;
    loop {
        match attempt(&[0; 64]) {
            Ok(_) => taken += 1,
            Err(error) => {
                // Some systems say that they have no buffers.
                let is_full = error.kind() == io::ErrorKind::WouldBlock || !cfg!(target_os = "linux");
                assert!(is_full, "{error}");
                return taken;
            }
        }
    }
}

pub fn a_connected_sender_waits_for_its_receiver(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let receiver = UnixDatagram::bind(&reactor, &path).unwrap();
    let sender = UnixDatagram::unbound(&reactor).unwrap();
    sender.connect(&path).unwrap();
    for _ in 0..3 {
        let filled = fill(|datagram| sender.try_send(datagram));
        subject.block_on(async {
            let (waits, sending) = parked(sender.send(b"last"));
            let (sent, ()) = join(sending, async {
                waits.await.unwrap();
                for _ in 0..filled {
                    assert_eq!(receiver.recv(&mut [0; 64]).await.unwrap(), 64);
                }
                assert_eq!(receiver.recv(&mut [0; 64]).await.unwrap(), 4);
            })
            .await;
            assert_eq!(sent.unwrap(), 4);
        });
    }
}

pub fn a_sender_that_is_not_connected_waits_for_its_receiver(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let receiver = UnixDatagram::bind(&reactor, &path).unwrap();
    let sender = UnixDatagram::unbound(&reactor).unwrap();
    for _ in 0..3 {
        let filled = fill(|datagram| sender.try_send_to(datagram, &path));
        subject.block_on(async {
            let (waits, sending) = parked(sender.send_to(b"last", &path));
            let (sent, ()) = join(sending, async {
                waits.await.unwrap();
                for _ in 0..filled {
                    assert_eq!(receiver.recv(&mut [0; 64]).await.unwrap(), 64);
                }
                assert_eq!(receiver.recv(&mut [0; 64]).await.unwrap(), 4);
            })
            .await;
            assert_eq!(sent.unwrap(), 4);
        });
    }
}

pub fn a_full_receiver_does_not_keep_others_from_receiving(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (slow, quick) = (TempPath::new(), TempPath::new());
    let _slow = UnixDatagram::bind(&reactor, &slow).unwrap();
    let receiver = UnixDatagram::bind(&reactor, &quick).unwrap();
    let sender = UnixDatagram::unbound(&reactor).unwrap();
    fill(|datagram| sender.try_send_to(datagram, &slow));
    subject.block_on(async {
        let mut given_up = Box::pin(sender.send_to(b"stuck", &slow));
        assert!(poll!(&mut given_up).is_pending());
        for _ in 0..10 {
            sender.send_to(b"hello", &quick).await.unwrap();
            assert_eq!(receiver.recv(&mut [0; 16]).await.unwrap(), 5);
        }
    });
}

pub fn two_tasks_receive_on_one_socket(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (one, other) = UnixDatagram::pair(&reactor).unwrap();
        let other = Arc::new(other);
        let (waiting, receiving) = spawn_parked(&reactor, 2, || {
            let other = other.clone();
            async move { other.recv(&mut [0; 16]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            one.send(b"one").await.unwrap();
            one.send(b"two").await.unwrap();
            assert_eq!(try_join_all(receiving).await.unwrap(), [3, 3]);
        });
    }
}

pub fn a_receive_that_is_given_up_loses_no_datagram(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = UnixDatagram::pair(&reactor).unwrap();
        for round in 0..100_u8 {
            let mut byte = [0];
            let mut receiving = Box::pin(other.recv(&mut byte));
            assert!(poll!(&mut receiving).is_pending());
            one.send(&[round]).await.unwrap();
            drop(receiving);
            assert_eq!(other.recv(&mut byte).await.unwrap(), 1);
            assert_eq!(byte, [round]);
        }
    });
}

pub fn shutting_down_ends_a_receive(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (one, other) = UnixDatagram::pair(&reactor).unwrap();
    subject.block_on(async {
        let mut buf = [0; 16];
        let (waits, receiving) = parked(other.recv(&mut buf));
        let (received, ()) = join(receiving, async {
            waits.await.unwrap();
            other.shutdown(Shutdown::Both).unwrap();
        })
        .await;
        assert_eq!(received.unwrap(), 0);
        one.send(b"late").await.unwrap_err();
    });
}

pub fn a_socket_of_std_is_taken_over_and_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (of_std, peer) = StdDatagram::pair().unwrap();
    let socket = UnixDatagram::from_std(&reactor, of_std).unwrap();
    let mut buf = [0; 16];
    subject.block_on(async {
        let (waits, receiving) = parked(socket.recv(&mut buf));
        let (received, ()) = join(receiving, async {
            waits.await.unwrap();
            peer.send(b"hello").unwrap();
        })
        .await;
        assert_eq!(received.unwrap(), 5);
    });
    let of_std = socket.into_std().unwrap();
    assert_eq!(of_std.recv(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    of_std.set_nonblocking(false).unwrap();
    peer.send(b"again").unwrap();
    assert_eq!(of_std.recv(&mut buf).unwrap(), 5);
}

pub fn a_plain_thread_receives(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (one, other) = UnixDatagram::pair(&reactor).unwrap();
    let receiving = on_thread(move || wait(other.recv(&mut [0; 16])));
    subject.block_on(async {
        one.send(b"hello").await.unwrap();
        assert_eq!(receiving.await.unwrap().unwrap(), 5);
    });
}
