//! What arrives, and who is trusted.

use curl::easy::Easy2;
use interloop::gather;
use interloop_curl::Collect;

use crate::{
    World,
    bodies::{Upload, bytes},
    loops::on_every_loop,
};

on_every_loop![
    a_body_arrives_whole,
    large_bodies_arrive_whole_side_by_side,
    an_upload_arrives_whole,
    a_connection_is_used_again,
    a_server_that_nobody_vouches_for_is_refused,
    a_server_by_another_name_is_refused,
];

async fn a_body_arrives_whole(world: World) {
    let easy = world.curl.perform(world.easy("/bytes/100000")).await.unwrap();
    assert_eq!(easy.response_code().unwrap(), 200);
    assert!(easy.get_ref().bytes() == bytes(100_000));
}

/// A record of TLS is more than what one read of libcurl's takes, so that the socket has nothing while there still is something.
async fn large_bodies_arrive_whole_side_by_side(world: World) {
    let transfers: Vec<_> = (0..4)
        .map(|_| world.curl.perform(world.easy("/bytes/3000000")))
        .collect();
    let expected = bytes(3_000_000);
    for transfer in transfers {
        assert!(transfer.await.unwrap().get_ref().bytes() == expected);
    }
}

async fn an_upload_arrives_whole(world: World) {
    let mut easy = Easy2::new(Upload::new(bytes(1_000_000)));
    easy.url(&world.url("/echo/")).unwrap();
    easy.ssl_cainfo_blob(world.authority.as_bytes()).unwrap();
    easy.upload(true).unwrap();
    easy.in_filesize(1_000_000).unwrap();
    let easy = world.curl.perform(easy).await.unwrap();
    assert!(easy.get_ref().answer == bytes(1_000_000));
}

async fn a_connection_is_used_again(world: World) {
    for _ in 0..5 {
        let easy = world.curl.perform(world.easy("/bytes/1000")).await.unwrap();
        assert!(easy.get_ref().bytes() == bytes(1000));
    }
    world.connections(1).await;
    let both = gather((0..2).map(|_| world.curl.perform(world.easy("/bytes/1000"))));
    both.await.unwrap();
}

async fn a_server_that_nobody_vouches_for_is_refused(world: World) {
    let mut easy = Easy2::new(Collect::new());
    easy.url(&world.url("/bytes/10")).unwrap();
    let error = world.curl.perform(easy).await.unwrap_err();
    assert!(error.is_tls(), "{error:?}");
    assert!(error.to_string().contains("authorities"), "{error}");
    world.connections(0).await;
}

async fn a_server_by_another_name_is_refused(world: World) {
    let mut easy = world.easy("/bytes/10");
    easy.url(&format!("https://localhost:{}/bytes/10", world.port)).unwrap();
    let error = world.curl.perform(easy).await.unwrap_err();
    assert!(error.is_tls(), "{error:?}");
}
