//! Many connections that wait, then are all used at once, then are closed. Their other ends are in a process of their own, as each takes a
//! descriptor, and limits are for a process.

use std::{
    env, io,
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
};

use futures_util::{
    StreamExt, TryStreamExt,
    future::{Either, select, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    stream,
};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
    testing::Watch,
};

use crate::{
    loops::Loop,
    system::{allow_descriptors, alone, connect, descriptors, size, until},
};

/// Where the other process finds this one.
const ADDRESS: &str = "INTERLOOP_HARDSHIP_ADDRESS";

/// Beside the connections: those of loops, and of the process.
const OTHERS: usize = 100;

/// How often all connections are used.
const ROUNDS: u32 = 3;

pub(crate) fn check(on: Loop, test: &str) {
    let _alone = alone();
    let count = size("INTERLOOP_HARDSHIP_IDLE", 500);
    allow_descriptors(count + OTHERS);
    match env::var(ADDRESS) {
        Ok(addr) => on.run(|reactor| other_ends(reactor, addr.parse().unwrap(), count)),
        Err(_) => on.run(|reactor| these_ends(reactor, test, count)),
    }
}

async fn these_ends(reactor: Reactor, test: &str, count: usize) {
    let watch = Watch::new();
    let watched = watch.on(&reactor);
    warm_up(&reactor).await;
    let before = descriptors();
    {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into()).unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(ADDRESS, listener.local_addr().unwrap().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let child = reactor.spawn_blocking(move || child.wait());
        let served = Box::pin(serve(&watched, &watch, &listener, count, before));
        let status = match select(served, child).await {
            Either::Left(((), child)) => child.await.unwrap(),
            Either::Right((status, _)) => panic!("the process with the other ends has ended: {status:?}"),
        };
        assert!(status.success(), "the process with the other ends: {status}");
    }
    until(&reactor, "tasks are left", || watch.tasks() == 0).await;
    until(&reactor, "descriptors are left", || descriptors() <= before).await;
}

async fn serve(reactor: &Reactor, watch: &Watch, listener: &TcpListener, count: usize, before: usize) {
    let incoming = listener.incoming().take(count).map_ok(|(stream, _)| Arc::new(stream));
    let streams: Vec<_> = incoming.try_collect().await.unwrap();
    assert!(descriptors() >= before + count);
    for round in 0..ROUNDS {
        // A task waits on each, and nothing happens.
        let reading = streams.iter().cloned().zip(0_u32..).map(|(stream, number)| {
            reactor.spawn(async move {
                let mut answer = [0; 8];
                (&*stream).read_exact(&mut answer).await?;
                assert_eq!(answer, message(round, number));
                Ok::<_, io::Error>(())
            })
        });
        let reading: Vec<_> = reading.collect();
        reactor.sleep(std::time::Duration::from_millis(10)).await.unwrap();
        assert_eq!(watch.tasks(), count);
        let writing = streams.iter().zip(0..).map(|(stream, number)| async move {
            let mut stream = &**stream;
            stream.write_all(&message(round, number)).await
        });
        try_join_all(writing).await.unwrap();
        try_join_all(reading).await.unwrap();
    }
}

fn message(round: u32, number: u32) -> [u8; 8] {
    (u64::from(round) << 32 | u64::from(number)).to_be_bytes()
}

/// Connects, sends back what comes, and ends when all that is over.
async fn other_ends(reactor: Reactor, to: SocketAddr, count: usize) {
    let watch = Watch::new();
    let watched = watch.on(&reactor);
    warm_up(&reactor).await;
    let before = descriptors();
    let connecting = stream::iter(0..count).map(|number| connect(&reactor, to, number));
    let streams: Vec<_> = connecting.buffered(64).try_collect().await.unwrap();
    let echoing = streams.into_iter().map(|mut stream| {
        watched.spawn(async move {
            let mut buf = [0; 8];
            for _ in 0..ROUNDS {
                stream.read_exact(&mut buf).await?;
                stream.write_all(&buf).await?;
            }
            assert_eq!(stream.read(&mut buf).await?, 0);
            Ok::<_, io::Error>(())
        })
    });
    try_join_all(echoing.collect::<Vec<_>>()).await.unwrap();
    until(&reactor, "tasks are left", || watch.tasks() == 0).await;
    until(&reactor, "descriptors are left", || descriptors() <= before).await;
}

/// Loops open descriptors of their own, once.
async fn warm_up(reactor: &Reactor) {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let mut client = TcpStream::connect(reactor, listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    reactor.spawn_blocking(|| Ok::<_, io::Error>(())).await.unwrap();
    reactor.sleep(std::time::Duration::from_millis(1)).await.unwrap();
}
