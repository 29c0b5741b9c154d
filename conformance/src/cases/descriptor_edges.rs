//! Descriptors at their edges: registered again, waited for by many, and ready in more than one way.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
};

use futures_util::{
    future::{join, try_join_all},
    poll,
};
use interloop::{Interest, Reactor, net::Descriptor};

use crate::{
    AnySubject, Subject,
    tools::{parked, spawn_parked},
};

const BOTH: &[Interest] = &[Interest::Readable, Interest::Writable];

fn pair(reactor: &Reactor) -> (Descriptor<UnixStream>, UnixStream) {
    let (end, peer) = UnixStream::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    (Descriptor::new(reactor, end).unwrap(), peer)
}

/// Fills a descriptor until it takes no more, and says how much it took.
fn fill(descriptor: &Descriptor<UnixStream>) -> usize {
    let mut written = 0;
    while let Ok(moved) = descriptor.get_ref().write(&[0; 512]) {
        written += moved;
    }
    written
}

fn drain(mut peer: &UnixStream, mut left: usize) {
    while left > 0 {
        left -= peer.read(&mut [0; 512]).unwrap();
    }
}

pub fn a_new_descriptor_is_ready_as_it_is(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (descriptor, mut peer) = pair(&reactor);
        let ready = descriptor.ready(BOTH).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable(), "{ready:?}");
        assert!(poll!(Box::pin(descriptor.readable())).is_pending());
        peer.write_all(b"0").unwrap();
        let ready = descriptor.ready(BOTH).await.unwrap();
        assert!(ready.is_writable() && ready.is_readable(), "{ready:?}");
        fill(&descriptor);
        let ready = descriptor.ready(BOTH).await.unwrap();
        assert!(!ready.is_writable() && ready.is_readable(), "{ready:?}");
        descriptor.get_ref().read_exact(&mut [0]).unwrap();
        assert!(poll!(Box::pin(descriptor.ready(BOTH))).is_pending());
    });
}

/// Waits for a byte that comes meanwhile, and takes it.
async fn wait_for_a_byte(descriptor: &Descriptor<UnixStream>, peer: &mut UnixStream) {
    let (waits, readable) = parked(descriptor.readable());
    let (readable, ()) = join(readable, async {
        waits.await.unwrap();
        peer.write_all(b"0").unwrap();
    })
    .await;
    readable.unwrap();
    descriptor.get_ref().read_exact(&mut [0]).unwrap();
}

pub fn readiness_is_waited_for_again_when_it_was_used_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (descriptor, mut peer) = pair(&reactor);
        for _ in 0..5 {
            wait_for_a_byte(&descriptor, &mut peer).await;

            let filled = fill(&descriptor);
            let (waits, writable) = parked(descriptor.writable());
            let (writable, ()) = join(writable, async {
                waits.await.unwrap();
                drain(&peer, filled);
            })
            .await;
            writable.unwrap();
        }
    });
}

pub fn an_attempt_that_finds_nothing_leaves_readiness_as_it_is(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (descriptor, mut peer) = pair(&reactor);
        peer.write_all(b"0").unwrap();
        // It says that there is nothing, which is not true.
        let mut attempts = 0;
        let read = descriptor.read_with(|mut end| {
            attempts += 1;
            match attempts {
                1 => {
                    end.read_exact(&mut [0])?;
                    peer.write_all(b"1")?;
                    end.set_nonblocking(true)?;
                    Err(io::ErrorKind::WouldBlock.into())
                }
                _ => end.read(&mut [0]),
            }
        });
        assert_eq!(read.await.unwrap(), 1);
        assert!(poll!(Box::pin(descriptor.readable())).is_pending());
        peer.write_all(b"2").unwrap();
        descriptor.readable().await.unwrap();
    });
}

pub fn a_descriptor_is_registered_again_when_it_was_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut descriptor, mut peer) = pair(&reactor);
        for _ in 0..20 {
            descriptor = Descriptor::new(&reactor, descriptor.into_inner()).unwrap();
            wait_for_a_byte(&descriptor, &mut peer).await;
        }
    });
}

pub fn all_who_wait_for_readiness_are_woken(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (descriptor, mut peer) = pair(&reactor);
    let descriptor = Arc::new(descriptor);
    let (waiting, readable) = spawn_parked(&reactor, 10, || {
        let descriptor = descriptor.clone();
        async move { descriptor.readable().await }
    });
    subject.block_on(async {
        try_join_all(waiting).await.unwrap();
        peer.write_all(b"0").unwrap();
        // Nobody reads it.
        try_join_all(readable).await.unwrap();
    });
}

pub fn what_wakes_readers_leaves_writers_waiting(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (descriptor, mut peer) = pair(&reactor);
    let descriptor = Arc::new(descriptor);
    let filled = fill(&descriptor);
    let (read_waits, readable) = parked({
        let descriptor = descriptor.clone();
        async move { descriptor.readable().await }
    });
    let (write_waits, writable) = parked({
        let descriptor = descriptor.clone();
        async move { descriptor.writable().await }
    });
    let reading = reactor.spawn(readable);
    let mut writing = reactor.spawn(writable);
    subject.block_on(async {
        try_join_all([read_waits, write_waits]).await.unwrap();
        peer.write_all(b"0").unwrap();
        reading.await.unwrap();
        assert!(poll!(&mut writing).is_pending());
        drain(&peer, filled);
        writing.await.unwrap();
    });
}

pub fn urgent_data_is_waited_for_through_a_descriptor_that_waits_for_it(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        use rustix::event::epoll;

        // A loop waits to read and to write. What waits for something else can itself be read.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let waiting = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        epoll::add(&waiting, &client, epoll::EventData::new_u64(0), epoll::EventFlags::PRI).unwrap();
        let waiting = Descriptor::new(&reactor, waiting).unwrap();
        subject.block_on(async {
            (&server).write_all(b"ordinary").unwrap();
            let (waits, readable) = parked(waiting.readable());
            let (readable, ()) = join(readable, async {
                waits.await.unwrap();
                rustix::net::send(&server, b"!", rustix::net::SendFlags::OOB).unwrap();
            })
            .await;
            readable.unwrap();
        });
    }
}
