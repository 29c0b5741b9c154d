//! A descriptor that is lent, whose owner closes its number under a waiting task, and opens something else by that number, as a C library
//! may do. In a binary of its own, with one test: the number is that of the standard input, the one that can be closed like this
//! by safe code.

#![cfg(target_os = "linux")]

#[path = "tools/loops.rs"]
mod loops;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use futures_util::{future::try_join, poll};
use interloop::{Reactor, net::Descriptor};
use rustix::stdio::{dup2_stdin, stdin};

async fn check(reactor: Reactor) {
    for round in 0..20_u8 {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        dup2_stdin(&here).unwrap();
        let lent = Descriptor::new(&reactor, stdin()).unwrap();
        let mut readable = Box::pin(lent.readable());
        assert!(poll!(&mut readable).is_pending());

        // The owner closes it, and another one takes its number, with something to read.
        let (mut other, mut others_peer) = UnixStream::pair().unwrap();
        others_peer.write_all(b"for another").unwrap();
        dup2_stdin(&other).unwrap();
        let others = Descriptor::new(&reactor, stdin()).unwrap();
        others.readable().await.unwrap();
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
        assert!(poll!(&mut readable).is_pending(), "this is not what was lent");
        other.read_exact(&mut [0; 11]).unwrap();

        // Who waits is woken by what was lent, and nobody else is in the way.
        let ping = async {
            let mut waiting = Box::pin(others.readable());
            assert!(poll!(&mut waiting).is_pending());
            others_peer.write_all(&[round])?;
            waiting.await?;
            there.write_all(&[round])
        };
        try_join(readable, ping).await.unwrap();
        let mut byte = [0];
        here.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [round]);

        // The end is seen as well, when nothing keeps it open but the duplicate.
        drop((here, others));
        let mut readable = Box::pin(lent.readable());
        assert!(poll!(&mut readable).is_pending());
        drop(there);
        readable.await.unwrap();
        drop(lent);
        other.read_exact(&mut byte).unwrap();
    }
}

#[test]
fn a_number_that_is_closed_under_a_waiting_task_wakes_it_for_what_was_lent_only() {
    for on in loops::ALL {
        on.run(check);
    }
}
