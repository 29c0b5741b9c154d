//! Connecting, accepting and looking names up, given up after every number of polls: nothing is lost, and nothing is left.

use std::{io, net::SocketAddr};

use futures_util::{
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    net::{Connector, TcpListener, TcpStream, UnixListener, UnixStream, lookup_host},
};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, full, give_up, listen, silent, turn},
};

/// More polls than any of these takes.
const MANY: usize = 1000;

/// Whether a connection has ended, as that of an attempt has which was given up.
async fn has_ended(mut stream: TcpStream) -> bool {
    match stream.read(&mut [0]).await {
        Ok(read) => read == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

/// Of the connections that wait at a listener, the last is alive, and all others have ended.
async fn only_the_last_lives(reactor: &Reactor, listener: &TcpListener, addr: SocketAddr) {
    let mut last = TcpStream::connect(reactor, addr).await.unwrap();
    loop {
        let (mut server, peer) = listener.accept().await.unwrap();
        if peer == last.local_addr().unwrap() {
            last.write_all(b"!").await.unwrap();
            server.read_exact(&mut [0]).await.unwrap();
            break;
        }
        assert!(
            has_ended(server).await,
            "an attempt that was given up has left a connection"
        );
    }
    assert!(poll!(Box::pin(listener.accept())).is_pending());
}

pub fn an_attempt_to_connect_leaves_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(leaves_nothing(&reactor, |addr| TcpStream::connect(&reactor, addr)));
}

pub fn an_attempt_by_name_leaves_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let connect = |addr: SocketAddr| TcpStream::connect_host(&reactor, ("localhost", addr.port()));
    subject.block_on(leaves_nothing(&reactor, connect));
}

/// Attempts that are given up after ever more polls, until one has come to its end.
async fn leaves_nothing<F>(reactor: &Reactor, connect: impl Fn(SocketAddr) -> F)
where
    F: Future<Output = io::Result<TcpStream>>,
{
    let listener = listen(reactor);
    let addr = listener.local_addr().unwrap();
    for polls in 0..MANY {
        let connected = give_up(polls, connect(addr), async || turn(reactor).await).await;
        let is_connected = connected.is_some_and(|stream| stream.is_ok());
        only_the_last_lives(reactor, &listener, addr).await;
        if is_connected {
            return;
        }
    }
    panic!("it never connects");
}

pub fn an_attempt_that_waits_in_vain_leaves_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (_silent, addr) = silent();
        let listener = listen(&reactor);
        let other = listener.local_addr().unwrap();
        for polls in 0..20 {
            // The second address has its turn when the first has failed, or for so long not answered; so there are states in
            // which one attempt waits, and both do.
            let connector = Connector::new().attempt_delay(std::time::Duration::from_millis(3));
            let connecting = connector.connect_any(&reactor, [addr, addr, other]);
            drop(give_up(polls, connecting, async || turn(&reactor).await).await);
            only_the_last_lives(&reactor, &listener, other).await;
        }
    });
}

pub fn an_attempt_that_waits_for_room_leaves_nothing(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("this system refuses such connections, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = TempPath::new();
    let (listener, waiting) = full(&path);
    listener.set_nonblocking(true).unwrap();
    subject.block_on(async {
        for polls in 0..8 {
            let connecting = UnixStream::connect(&reactor, &path);
            let connected = give_up(polls, connecting, async || turn(&reactor).await).await;
            assert!(connected.is_none(), "there is no room");
        }
        // One of these comes too late, and finds that there is room by now.
        for _ in &waiting {
            listener.accept().unwrap();
        }
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let _client = UnixStream::connect(&reactor, &path).await.unwrap();
        listener.accept().unwrap();
    });
}

pub fn a_look_up_leaves_others_alone(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        for polls in 0..MANY {
            let looking_up = lookup_host(&reactor, ("localhost", 80)).cancel_on_drop();
            let looked_up = give_up(polls, looking_up, async || turn(&reactor).await).await;
            let addrs = lookup_host(&reactor, ("localhost", 81)).await.unwrap();
            assert!(!addrs.is_empty() && addrs.iter().all(|addr| addr.port() == 81));
            if looked_up.is_some() {
                return;
            }
        }
        panic!("it never looks the name up");
    });
}

pub fn an_accept_loses_no_connection(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let tcp = listen(&reactor);
        let unix = UnixListener::bind(&reactor, &path).unwrap();
        let addr = tcp.local_addr().unwrap();
        let mut outcomes = [0, 0];
        for polls in (0..5).cycle().take(50) {
            let mut client = None;
            let connect = async || {
                if client.is_none() {
                    client = Some(TcpStream::connect(&reactor, addr).await.unwrap());
                }
                turn(&reactor).await;
            };
            let accepted = give_up(polls, tcp.accept(), connect).await;
            outcomes[usize::from(accepted.is_some())] += 1;
            if let Some(client) = client {
                let (_server, peer) = match accepted {
                    Some(accepted) => accepted.unwrap(),
                    None => tcp.accept().await.unwrap(),
                };
                assert_eq!(peer, client.local_addr().unwrap());
            }
            assert!(poll!(Box::pin(tcp.accept())).is_pending(), "each comes once");
        }
        for (round, polls) in (0..50_u8).zip((0..5).cycle()) {
            let mut client = None;
            let connect = async || {
                if client.is_none() {
                    let mut stream = UnixStream::connect(&reactor, &path).await.unwrap();
                    stream.write_all(&[round]).await.unwrap();
                    client = Some(stream);
                }
                turn(&reactor).await;
            };
            let accepted = give_up(polls, unix.accept(), connect).await;
            outcomes[usize::from(accepted.is_some())] += 1;
            if client.is_some() {
                let (mut server, _) = match accepted {
                    Some(accepted) => accepted.unwrap(),
                    None => unix.accept().await.unwrap(),
                };
                let mut byte = [0];
                server.read_exact(&mut byte).await.unwrap();
                assert_eq!(byte, [round]);
            }
            assert!(poll!(Box::pin(unix.accept())).is_pending(), "each comes once");
        }
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    });
}
