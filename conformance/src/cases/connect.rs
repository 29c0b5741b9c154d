//! Connecting by name, and to whichever of several addresses answers.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{io::AsyncReadExt, poll};
use interloop::{
    Aborted, AsAborted,
    net::{ConnectError, Connector, HostPort, LookupError, TcpListener, TcpStream, lookup_host},
};
use socket2::{Domain, Socket, Type};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, listen, nowhere, on_thread, silent, wait},
};

/// An address that refuses connections, as long as the socket is there: bound, so that nobody else takes the port, and not
/// listening.
fn refusing() -> (Socket, SocketAddr) {
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = "127.0.0.1:0".parse::<SocketAddr>().unwrap();
    reserved.bind(&any.into()).unwrap();
    let addr = reserved.local_addr().unwrap().as_socket().unwrap();
    (reserved, addr)
}

fn connect_error(error: &io::Error) -> &ConnectError {
    let inner = error.get_ref().unwrap();
    inner
        .downcast_ref()
        .unwrap_or_else(|| panic!("another error: {inner:?}"))
}

pub fn a_name_is_looked_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for host in [HostPort::from("localhost:80"), HostPort::from(("localhost", 80))] {
        let addrs = subject.block_on(lookup_host(&reactor, host)).unwrap();
        assert!(!addrs.is_empty());
        for addr in addrs {
            assert!(addr.ip().is_loopback() && addr.port() == 80, "{addr}");
        }
    }
}

pub fn an_address_is_not_looked_up(mut subject: AnySubject) {
    // Where nothing runs.
    let reactor = nowhere();
    let expected = "[::1]:80".parse::<SocketAddr>().unwrap();
    for host in [HostPort::from("[::1]:80"), ("::1", 80).into(), expected.into()] {
        let addrs = subject.block_on(lookup_host(&reactor, host)).unwrap();
        assert_eq!(addrs, [expected]);
    }
}

pub fn a_name_that_cannot_be_looked_up_is_an_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // The first has no port; the second is longer than names are, so that no server is asked.
    for host in ["localhost".to_owned(), format!("{}:80", "x".repeat(300))] {
        let error = subject.block_on(lookup_host(&reactor, &*host)).unwrap_err();
        let inner = error.get_ref().unwrap().downcast_ref::<LookupError>().unwrap();
        assert_eq!(inner.host(), &HostPort::from(&*host));
        assert!(error.to_string().contains(&host), "{error}");

        let error = subject.block_on(TcpStream::connect_host(&reactor, &*host)).unwrap_err();
        assert!(error.get_ref().unwrap().is::<LookupError>(), "{error:?}");
    }
    let error = subject.block_on(lookup_host(&reactor, "localhost")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

pub fn a_look_up_is_cancelled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let looking_up = lookup_host(&reactor, "localhost:80");
        looking_up.cancel();
        // It may have been there already.
        if let Err(error) = subject.block_on(looking_up) {
            assert!(error.as_aborted().is_some_and(Aborted::is_cancelled), "{error:?}");
        }
        drop(lookup_host(&reactor, "localhost:80"));
        drop(TcpStream::connect_host(&reactor, "localhost:80"));
    }
    subject.block_on(lookup_host(&reactor, "localhost:80")).unwrap();
}

pub fn a_name_is_connected_to(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        // Only one of the two addresses that the name may have.
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect_host(&reactor, ("localhost", addr.port()));
        assert_eq!(stream.await.unwrap().peer_addr().unwrap(), addr);
        let stream = TcpStream::connect_host(&reactor, addr).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        let limited = Connector::new().limit(HOUR);
        let stream = limited.connect(&reactor, addr.to_string()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    });
}

pub fn an_address_that_refuses_makes_way_for_the_next(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_reserved, refusing) = refusing();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        // Nothing but the refusal ends the first attempt before the case hangs.
        let connector = Connector::new().attempt_delay(HOUR);
        let stream = connector.connect_any(&reactor, [refusing, addr, refusing]).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), addr);
    });
}

pub fn an_address_that_does_not_answer_does_not_hold_others_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_first, first) = silent();
    let (_second, second) = silent();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        for delay in [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(250)] {
            let connector = Connector::new().attempt_delay(delay);
            let stream = connector.connect_any(&reactor, [first, second, addr]).await;
            assert_eq!(stream.unwrap().peer_addr().unwrap(), addr);
        }
    });
}

pub fn the_attempts_that_lose_are_closed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // The first listener answers late: when its queue has room again.
    let (late, addr) = silent();
    let late = {
        let (socket, _first) = late;
        TcpListener::from_std(&reactor, socket.into()).unwrap()
    };
    subject.block_on(async {
        let listener = listen(&reactor);
        let connector = Connector::new().attempt_delay(Duration::from_millis(1));
        let addrs = [addr, listener.local_addr().unwrap()];
        let mut stream = connector.connect_any(&reactor, addrs).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
        // What made the queue full is the only one in it, and the one that connects now the next.
        late.accept().await.unwrap();
        let client = TcpStream::connect(&reactor, addr).await.unwrap();
        let (_server, peer) = late.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        // The winner is not affected.
        drop(listener.accept().await.unwrap());
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    });
}

pub fn every_address_that_failed_is_named(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_one, one) = refusing();
    let (_other, other) = refusing();
    // Twice the same is tried once.
    let connector = Connector::new();
    let error = subject.block_on(async { connector.connect_any(&reactor, [one, other, one]).await.unwrap_err() });
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let failures = connect_error(&error).failures();
    let failures = failures.map(|(addr, error)| (addr, error.kind()));
    let refused = io::ErrorKind::ConnectionRefused;
    assert_eq!(failures.collect::<Vec<_>>(), [(one, refused), (other, refused)]);
    let message = error.to_string();
    assert!(
        message.contains(&one.to_string()) && message.contains(&other.to_string()),
        "{message}"
    );
}

pub fn addresses_that_do_not_answer_in_time_are_named(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_refusing, refusing) = refusing();
    let (_silent, silent) = silent();
    let connector = Connector::new().limit(Duration::from_millis(20));
    let error = subject.block_on(async { connector.connect_any(&reactor, [refusing, silent]).await.unwrap_err() });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let error = connect_error(&error);
    assert_eq!(error.failures().map(|(addr, _)| addr).collect::<Vec<_>>(), [refusing]);
    assert_eq!(error.unanswered().collect::<Vec<_>>(), [silent]);
    // By name, or what stands for one, the same.
    let error = subject.block_on(async { connector.connect(&reactor, silent).await.unwrap_err() });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(connect_error(&error).unanswered().collect::<Vec<_>>(), [silent]);
}

pub fn no_address_is_an_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let connector = Connector::new();
    let error = subject.block_on(async { connector.connect_any(&reactor, []).await.unwrap_err() });
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

pub fn an_attempt_is_given_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_silent, addr) = silent();
    subject.block_on(async {
        for _ in 0..20 {
            let mut connecting = Box::pin(TcpStream::connect(&reactor, addr));
            assert!(poll!(&mut connecting).is_pending());
            drop(connecting);
            let connector = Connector::new().limit(HOUR);
            let mut connecting = Box::pin(connector.connect_any(&reactor, [addr]));
            assert!(poll!(&mut connecting).is_pending());
        }
    });
}

pub fn a_plain_thread_connects_by_name(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let connecting =
        on_thread(move || wait(async { TcpStream::connect_host(&reactor, ("localhost", addr.port())).await }));
    let stream = subject.block_on(connecting).unwrap().unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addr);
}
