//! Writing to a connection that is gone is an error and no signal, on every loop. In a binary of its own, with one test, as signals are
//! for the whole process.

#![cfg(feature = "signal")]

#[path = "tools/loops.rs"]
mod loops;

use std::{
    fs::File,
    io::{IoSlice, Write},
    time::Duration,
};

use futures_util::{io::AsyncWriteExt, poll};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream, UnixDatagram, UnixStream},
    signal::{SignalKind, Signals},
};

async fn check(reactor: Reactor) {
    // With a handler of its own the signal is not ignored any more, as it is in most Rust programs, and would be seen.
    let mut signals = Signals::new(&reactor, [SignalKind::pipe()]).unwrap();

    let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let mut tcp = TcpStream::connect(&reactor, listener.local_addr().unwrap())
        .await
        .unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    peer.set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let (mut unix, peer) = UnixStream::pair(&reactor).unwrap();
    drop(peer);
    let (datagram, peer) = UnixDatagram::pair(&reactor).unwrap();
    drop(peer);
    for _ in 0..3 {
        while tcp.write_all(&[7; 4096]).await.is_ok() {}
        tcp.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")])
            .await
            .unwrap_err();
        tcp.try_write(b"!").unwrap_err();
        tcp.split_ref().1.write(b"!").await.unwrap_err();
        unix.write_all(b"!").await.unwrap_err();
        unix.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")])
            .await
            .unwrap_err();
        unix.try_write(b"!").unwrap_err();
        datagram.send(b"!").await.unwrap_err();
        datagram.try_send(b"!").unwrap_err();
    }
    reactor.sleep(Duration::from_millis(1)).await.unwrap();
    assert!(poll!(Box::pin(signals.recv())).is_pending());

    // It would have been seen: this is what a pipe does.
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    File::from(writer).write_all(b"!").unwrap_err();
    assert_eq!(signals.recv().await.unwrap(), SignalKind::pipe());
}

#[test]
fn writing_to_what_is_gone_raises_no_signal_on_any_loop() {
    for on in loops::ALL {
        on.run(check);
    }
}
