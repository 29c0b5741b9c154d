//! Many connections, one after the other: descriptors, tasks and memory stay as they are.

use std::io;

use futures_util::{
    TryStreamExt,
    io::{AsyncReadExt, AsyncWriteExt, copy},
};
use interloop::{Reactor, net::TcpListener, testing::Watch};

use crate::{
    loops::Loop,
    system::{alone, connect, descriptors, memory, size, until},
};

/// What an allocator may keep for itself.
const SLACK: usize = 4 << 20;

pub(crate) fn check(on: Loop) {
    let _alone = alone();
    let count = size("INTERLOOP_HARDSHIP_SEQUENTIAL", 2000);
    on.run(|reactor| connect_often(reactor, count));
}

async fn connect_often(reactor: Reactor, count: usize) {
    let watch = Watch::new();
    let watched = watch.on(&reactor);
    let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = watched.spawn({
        let watched = watched.clone();
        async move {
            let mut incoming = listener.into_incoming();
            while let Some((stream, _)) = incoming.try_next().await? {
                let echo = async move {
                    let (mut reads, mut writes) = stream.into_split();
                    copy(&mut reads, &mut writes).await
                };
                watched.spawn(echo).detach();
            }
            Ok::<_, io::Error>(())
        }
    });
    let mut before = None;
    for number in 0..count {
        if number == count.div_ceil(10) {
            until(&reactor, "tasks are left", || watch.tasks() == 1).await;
            before = Some((descriptors(), memory()));
        }
        let mut client = connect(&reactor, addr, number).await.unwrap();
        client.write_all(&number.to_be_bytes()).await.unwrap();
        client.close().await.unwrap();
        let mut echoed = Vec::new();
        client.read_to_end(&mut echoed).await.unwrap();
        assert_eq!(echoed, number.to_be_bytes());
    }
    let (descriptors_before, memory_before) = before.expect("more connections than none");
    until(&reactor, "tasks are left", || watch.tasks() == 1).await;
    until(&reactor, "descriptors are left", || descriptors() <= descriptors_before).await;
    let memory = memory();
    assert!(
        memory <= memory_before + SLACK,
        "memory has grown from {memory_before} to {memory} bytes on {reactor:?}"
    );
    serving.cancel();
    until(&reactor, "the server is left", || watch.tasks() == 0).await;
}
