//! Sending and receiving datagrams, given up after every number of polls: none is lost, and none comes twice.

use futures_util::poll;
use interloop::net::{UdpSocket, UnixDatagram};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, give_up, turn},
};

/// Receives by every function in turn, on a socket that is sent numbers; for both kinds of sockets.
macro_rules! check_receives {
    ($reactor:expr, $receiver:expr, $send:expr) => {{
        let (reactor, receiver) = ($reactor, $receiver);
        let (mut sent, mut expected) = (0_u32, 0_u32);
        let mut outcomes = [0, 0];
        for round in 0..200_usize {
            let mut buf = [0; 16];
            let receiving = async {
                match round % 5 {
                    0 => receiver.recv(&mut buf).await.map(|len| (len, true)),
                    1 => receiver.recv_from(&mut buf).await.map(|(len, _)| (len, true)),
                    2 => receiver.peek(&mut buf).await.map(|len| (len, false)),
                    3 => receiver.peek_from(&mut buf).await.map(|(len, _)| (len, false)),
                    _ => receiver.readable().await.map(|()| (0, false)),
                }
            };
            let mut is_sent = false;
            let send = async || {
                if !is_sent {
                    assert_eq!($send(&sent.to_be_bytes()).await.unwrap(), 4);
                    (sent, is_sent) = (sent + 1, true);
                }
                turn(reactor).await;
            };
            let received = give_up(round % 4, receiving, send).await;
            outcomes[usize::from(received.is_some())] += 1;
            if let Some(received) = received {
                let (len, is_taken) = received.unwrap();
                assert!(len == 0 || buf[..len] == expected.to_be_bytes());
                expected += u32::from(is_taken);
            }
        }
        while expected < sent {
            let mut buf = [0; 16];
            assert_eq!(receiver.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf[..4], expected.to_be_bytes());
            expected += 1;
        }
        assert!(poll!(Box::pin(receiver.recv(&mut [0]))).is_pending());
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    }};
}

pub fn receives_lose_and_repeat_no_datagram(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let any = "127.0.0.1:0".parse().unwrap();
        let receiver = UdpSocket::bind(&reactor, any).unwrap();
        let sender = UdpSocket::bind(&reactor, any).unwrap();
        let to = receiver.local_addr().unwrap();
        check_receives!(&reactor, &receiver, async |bytes| sender.send_to(bytes, to).await);
        let (receiver, sender) = UnixDatagram::pair(&reactor).unwrap();
        check_receives!(&reactor, &receiver, async |bytes| sender.send(bytes).await);
    });
}

pub fn sends_have_sent_what_they_said(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let any = "127.0.0.1:0".parse().unwrap();
        let udp = UdpSocket::bind(&reactor, any).unwrap();
        let sender = UdpSocket::bind(&reactor, any).unwrap();
        let to = udp.local_addr().unwrap();
        sender.connect(to).unwrap();
        let unix = UnixDatagram::bind(&reactor, &path).unwrap();
        let unix_sender = UnixDatagram::unbound(&reactor).unwrap();
        unix_sender.connect(&path).unwrap();
        for polls in (0..3).cycle().take(30) {
            let (mut on_udp, mut on_unix) = (0, 0);
            let other = async || turn(&reactor).await;
            on_udp += usize::from(give_up(polls, sender.send(b"1"), other).await.is_some());
            let other = async || turn(&reactor).await;
            on_udp += usize::from(give_up(polls, sender.send_to(b"2", to), other).await.is_some());
            let other = async || turn(&reactor).await;
            on_unix += usize::from(give_up(polls, unix_sender.send(b"1"), other).await.is_some());
            let other = async || turn(&reactor).await;
            let sending = unix_sender.send_to(b"2", &path);
            on_unix += usize::from(give_up(polls, sending, other).await.is_some());
            for _ in 0..on_udp {
                assert_eq!(udp.recv(&mut [0; 8]).await.unwrap(), 1);
            }
            for _ in 0..on_unix {
                assert_eq!(unix.recv(&mut [0; 8]).await.unwrap(), 1);
            }
            assert!(poll!(Box::pin(udp.recv(&mut [0]))).is_pending());
            assert!(poll!(Box::pin(unix.recv(&mut [0]))).is_pending());
        }
    });
}

pub fn sends_that_wait_for_room_have_sent_what_they_said(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("this system drops or refuses such datagrams, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let receiver = UnixDatagram::bind(&reactor, &path).unwrap();
        let connected = UnixDatagram::unbound(&reactor).unwrap();
        connected.connect(&path).unwrap();
        let unconnected = UnixDatagram::unbound(&reactor).unwrap();
        let (mut sent, mut expected) = (0_u32, 0_u32);
        let mut outcomes = [0, 0];
        for round in 0..200_usize {
            while connected.try_send(&sent.to_be_bytes()).is_ok() {
                sent += 1;
            }
            let number = sent.to_be_bytes();
            let sending = async {
                match round % 2 {
                    0 => connected.send(&number).await,
                    _ => unconnected.send_to(&number, &path).await,
                }
            };
            let mut polls = 0;
            let receive = async || {
                polls += 1;
                if polls == 2 {
                    let mut buf = [0; 8];
                    assert_eq!(receiver.recv(&mut buf).await.unwrap(), 4);
                    assert_eq!(buf[..4], expected.to_be_bytes());
                    expected += 1;
                }
                turn(&reactor).await;
            };
            let done = give_up(round % 6, sending, receive).await;
            outcomes[usize::from(done.is_some())] += 1;
            if let Some(done) = done {
                assert_eq!(done.unwrap(), 4);
                sent += 1;
            }
        }
        while expected < sent {
            let mut buf = [0; 8];
            assert_eq!(receiver.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf[..4], expected.to_be_bytes());
            expected += 1;
        }
        assert!(poll!(Box::pin(receiver.recv(&mut [0]))).is_pending());
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    });
}
