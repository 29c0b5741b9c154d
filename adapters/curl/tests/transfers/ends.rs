//! The end of a loop, and of the handles.

use std::{cell::RefCell, sync::Arc, time::Duration};

use futures_executor::LocalPool;
use interloop::{AsAborted, Reactor};
use interloop_curl::Curl;
use tokio::runtime::Builder;

use crate::{
    World,
    bodies::bytes,
    easy,
    loops::{Loop, on_every_loop, on_loops},
    server::Server,
};

on_every_loop![transfers_outlive_the_last_handle];

async fn transfers_outlive_the_last_handle(world: World) {
    let transfers: Vec<_> = (0..10)
        .map(|_| world.curl.perform(world.easy("/bytes/1000000")))
        .collect();
    let World { curl, server } = world;
    drop(curl);
    for transfer in transfers {
        assert!(transfer.await.unwrap().get_ref().bytes() == bytes(1_000_000));
    }
    // After them, nobody keeps the connections.
    server.waited(|counts| counts.open == 0).await;
}

/// On loops that run by themselves.
mod by_themselves {
    use super::{Loop, World, bytes, on_loops};

    on_loops!(
        [tokio_multi_thread, smol_global, async_std_global, thread_pool],
        crate::ends::by_themselves::from_a_thread,
        [a_plain_thread_waits_for_a_transfer]
    );

    fn from_a_thread(event_loop: Box<dyn Loop>, test: fn(World)) {
        test(World::new(&*event_loop));
    }

    fn a_plain_thread_waits_for_a_transfer(world: World) {
        let easy = world.curl.get(&world.server.url("/bytes/1000")).wait().unwrap();
        assert!(easy.get_ref().bytes() == bytes(1000));
    }
}

/// Begins transfers, ends the loop, and begins one more.
fn shut_down(reactor: Reactor, run: impl FnOnce(), end: impl FnOnce()) {
    let server = Server::start();
    let curl = Curl::new(&reactor);
    let transfers: Vec<_> = (0..5).map(|_| curl.perform(easy(&server.url("/begin")))).collect();
    run();
    if server.counts().requests < 5 {
        server.wait(|counts| counts.requests == 5);
    }
    end();
    for transfer in transfers {
        let error = transfer.try_take().unwrap().unwrap_err();
        assert!(error.as_aborted().unwrap().is_shut_down(), "{error:?}");
    }
    // Their connections are closed, though there still is a handle.
    server.wait(|counts| counts.open == 0);
    let late = curl.perform(easy(&server.url("/bytes/1")));
    assert!(
        late.try_take()
            .unwrap()
            .unwrap_err()
            .as_aborted()
            .unwrap()
            .is_shut_down()
    );
}

#[test]
fn a_tokio_runtime_that_shuts_down_ends_them() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    shut_down(reactor, || (), move || drop(runtime));
}

#[test]
fn a_current_thread_runtime_that_shuts_down_ends_them() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let sleep = reactor.sleep(Duration::from_millis(100));
    let runtime = RefCell::new(Some(runtime));
    let run = || runtime.borrow().as_ref().unwrap().block_on(sleep).unwrap();
    shut_down(reactor, run, || drop(runtime.take()));
}

#[test]
fn an_executor_that_is_dropped_ends_them() {
    let executor = Arc::new(smol::Executor::new());
    let reactor = interloop_smol::from_executor(&executor);
    let (running, sleep) = (executor.clone(), reactor.sleep(Duration::from_millis(100)));
    shut_down(
        reactor,
        move || smol::block_on(running.run(sleep)).unwrap(),
        move || drop(executor),
    );
}

#[test]
fn a_local_pool_that_is_dropped_ends_them() {
    let pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let sleep = reactor.sleep(Duration::from_millis(100));
    let pool = RefCell::new(Some(pool));
    let run = || pool.borrow_mut().as_mut().unwrap().run_until(sleep).unwrap();
    shut_down(reactor, run, || drop(pool.take()));
}

#[test]
fn a_pool_that_runs_until_nothing_is_left_comes_to_its_end() {
    let server = Server::start();
    let executor = smol::Executor::new();
    let executor: &'static smol::Executor<'static> = Box::leak(Box::new(executor));
    let curl = Curl::new(&interloop_smol::from_static(executor));
    let transfer = curl.get(&server.url("/bytes/10"));
    smol::block_on(executor.run(transfer)).unwrap();
    // What is idle is no task.
    while !executor.is_empty() {
        smol::block_on(executor.tick());
    }
}
