//! HTTP/2, which both ends agree on: many transfers over one connection.

use interloop::gather;

use crate::{World, bodies::bytes, loops::on_every_loop};

on_every_loop![
    both_ends_agree_on_http2,
    many_transfers_share_a_connection,
    cancelling_one_of_them_leaves_the_others,
];

async fn both_ends_agree_on_http2(world: World) {
    let easy = world.curl.perform(world.easy("/version/")).await.unwrap();
    assert_eq!(easy.get_ref().bytes(), b"2");
}

async fn many_transfers_share_a_connection(world: World) {
    let transfers = (0..50).map(|_| {
        let mut easy = world.easy("/bytes/50000");
        easy.pipewait(true).unwrap();
        world.curl.perform(easy)
    });
    for easy in gather(transfers).await.unwrap() {
        assert!(easy.get_ref().bytes() == bytes(50_000));
    }
    world.connections(1).await;
}

async fn cancelling_one_of_them_leaves_the_others(world: World) {
    world.curl.perform(world.easy("/bytes/10")).await.unwrap();
    let never = world.curl.perform(world.easy("/never/"));
    for _ in 0..5 {
        world.curl.perform(world.easy("/bytes/50000")).await.unwrap();
    }
    world.connections(1).await;
    never.cancel();
    assert!(never.await.unwrap_err().is_aborted());
    let easy = world.curl.perform(world.easy("/bytes/50000")).await.unwrap();
    assert!(easy.get_ref().bytes() == bytes(50_000));
    world.connections(1).await;
}
