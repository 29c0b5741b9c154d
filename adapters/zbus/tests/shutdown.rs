//! A connection whose loop has shut down, seen from elsewhere.

use std::{os::unix::net::UnixStream, sync::mpsc, thread, time::Duration};

use futures_executor::block_on;
use futures_util::StreamExt;
use interloop::{Aborted, Reactor};
use interloop_zbus::runtime;
use tokio::runtime::{self as tokio_rt, Runtime as Tokio};
use zbus::{
    Connection, Guid, MessageStream,
    connection::Builder,
    runtime::traits::{Runtime, TaskHandle},
};

fn tokio() -> (Tokio, Reactor) {
    let rt = Tokio::new().unwrap();
    let reactor = interloop_tokio::from_handle(rt.handle()).unwrap();
    (rt, reactor)
}

/// Two ends, each on a reactor of its own.
fn connected(one: &Reactor, other: &Reactor) -> (Connection, Connection) {
    let (here, there) = UnixStream::pair().unwrap();
    let service = Builder::unix_stream(here).server(Guid::generate()).p2p();
    let client = Builder::unix_stream(there)
        .p2p()
        .method_timeout(Duration::from_secs(3600));
    let service = service.runtime(runtime(one)).build();
    let client = client.runtime(runtime(other)).build();
    block_on(async { futures_util::try_join!(service, client) }).unwrap()
}

#[test]
fn a_call_that_waits_fails_with_its_loop() {
    let (server_rt, server) = tokio();
    let (client_rt, client) = tokio();
    // Without an object server, it answers no calls.
    let (service, caller) = connected(&server, &client);
    // Before anything comes: it has what comes from here on.
    let mut messages = MessageStream::from(&service);
    let waiting = thread::spawn(move || {
        block_on(caller.call_method(None::<&str>, "/words", Some("test.Words"), "Shout", &"hello")).map(drop)
    });
    let call = block_on(messages.next()).unwrap().unwrap();
    assert_eq!(call.header().member().unwrap().as_str(), "Shout");
    drop(client_rt);
    assert!(waiting.join().unwrap().is_err());
    drop((messages, service));
    drop(server_rt);
}

#[test]
fn a_connection_is_refused_by_a_loop_that_has_shut_down() {
    let (rt, reactor) = tokio();
    drop(rt);
    let (here, _there) = UnixStream::pair().unwrap();
    for builder in [
        Builder::unix_stream(here),
        Builder::address("unix:path=/nowhere/bus"),
        Builder::address("tcp:host=localhost,port=1"),
        Builder::address("unixexec:path=cat"),
    ] {
        assert!(block_on(builder.runtime(runtime(&reactor)).build()).is_err());
    }
}

#[test]
fn a_task_is_lost_with_its_loop() {
    let (rt, reactor) = tokio();
    let runtime = runtime(&reactor);
    let early = runtime.spawn("test", std::future::pending::<()>());
    drop(rt);
    let late = runtime.spawn("test", async {});
    for task in [block_on(early), block_on(late)] {
        assert!(Aborted::in_io_error(&task.unwrap_err()).unwrap().is_shut_down());
    }
    // Nobody is told.
    runtime.spawn("test", async {}).detach();
}

#[test]
fn a_time_limit_is_over_with_its_loop() {
    let (rt, reactor) = tokio();
    let sleep = runtime(&reactor).sleep(Duration::from_secs(3600));
    drop(rt);
    block_on(sleep);
    block_on(runtime(&reactor).sleep(Duration::from_secs(3600)));
}

#[test]
fn blocking_work_is_done_though_its_loop_has_shut_down() {
    let (rt, reactor) = tokio();
    drop(rt);
    assert_eq!(block_on(runtime(&reactor).spawn_blocking(|| 42)), 42);
    let (sender, receiver) = mpsc::channel();
    drop(runtime(&reactor).spawn_blocking(move || sender.send(42).unwrap()));
    assert_eq!(receiver.recv(), Ok(42));
}

#[test]
fn blocking_work_that_has_not_begun_is_done_when_its_loop_shuts_down() {
    let rt = tokio_rt::Builder::new_multi_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(rt.handle()).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let first = runtime(&reactor).spawn_blocking(move || held.recv());
    let second = runtime(&reactor).spawn_blocking(|| 42);
    rt.shutdown_background();
    release.send(()).unwrap();
    assert!(block_on(first).is_ok());
    assert_eq!(block_on(second), 42);
}
