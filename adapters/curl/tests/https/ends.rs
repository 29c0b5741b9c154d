//! Transfers that end before their time, and what is left of those that have ended.

use curl::easy::HttpVersion;
use interloop::AsAborted;
use interloop_curl::Curl;

use crate::{
    World,
    loops::{on_every_loop, smol_global},
};

on_every_loop![
    cancelling_closes_the_connection_at_once,
    a_connection_that_is_not_kept_is_closed,
    connections_are_closed_with_the_last_handle,
];

async fn cancelling_closes_the_connection_at_once(world: World) {
    let mut easy = world.easy("/never/");
    // One of HTTP/2 stays, for other transfers.
    easy.http_version(HttpVersion::V11).unwrap();
    let transfer = world.curl.perform(easy);
    world.connections(1).await;
    transfer.cancel();
    let error = transfer.await.unwrap_err();
    assert!(error.as_aborted().unwrap().is_cancelled(), "{error:?}");
    world.connections(0).await;
}

async fn a_connection_that_is_not_kept_is_closed(world: World) {
    let mut easy = world.easy("/bytes/1000");
    easy.forbid_reuse(true).unwrap();
    world.curl.perform(easy).await.unwrap();
    world.connections(0).await;
}

async fn connections_are_closed_with_the_last_handle(world: World) {
    let World { curl, .. } = &world;
    let other = Curl::new(curl.reactor());
    other.perform(world.easy("/bytes/1000")).await.unwrap();
    world.connections(1).await;
    drop(other);
    world.connections(0).await;
}

/// That a connection says goodbye is no reason for the driver to stay.
#[test]
fn an_executor_that_runs_until_nothing_is_left_comes_to_its_end() {
    let world = World::new(&*smol_global());
    let executor: &'static smol::Executor<'static> = Box::leak(Box::default());
    let curl = Curl::new(&interloop_smol::from_static(executor));
    let kept = curl.perform(world.easy("/bytes/1000"));
    let mut easy = world.easy("/bytes/1000");
    easy.forbid_reuse(true).unwrap();
    let closed = curl.perform(easy);
    smol::block_on(executor.run(async {
        kept.await.unwrap();
        closed.await.unwrap();
    }));
    while !executor.is_empty() {
        smol::block_on(executor.tick());
    }
}
