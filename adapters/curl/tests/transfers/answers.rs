//! Answers as they should be.

use curl::easy::Easy2;
use interloop::{Deferred, gather};
use interloop_curl::Error;

use crate::{
    World,
    bodies::{Upload, bytes},
    loops::on_every_loop,
};

on_every_loop![
    a_body_arrives_whole,
    large_bodies_arrive_whole_side_by_side,
    an_upload_arrives_whole,
    redirects_are_followed_if_the_handle_says_so,
    two_hundred_transfers_run_at_once,
    a_connection_is_used_again,
    a_handle_is_used_again,
    limits_on_connections_hold,
    many_short_transfers_one_after_the_other,
];

async fn a_body_arrives_whole(world: World) {
    let mut easy = world.curl.get(&world.server.url("/bytes/100000")).await.unwrap();
    assert_eq!(easy.response_code().unwrap(), 200);
    assert_eq!(easy.download_size().unwrap(), 100000.0);
    assert!(easy.total_time().unwrap() >= easy.connect_time().unwrap());
    assert!(easy.get_mut().take() == bytes(100_000));
}

async fn large_bodies_arrive_whole_side_by_side(world: World) {
    let expected = bytes(8 << 20);
    let transfers: Vec<_> = (0..4)
        .map(|_| world.curl.perform(world.easy("/bytes/8388608")))
        .collect();
    for transfer in transfers {
        assert!(transfer.await.unwrap().get_ref().bytes() == expected);
    }
}

async fn an_upload_arrives_whole(world: World) {
    let mut easy = Easy2::new(Upload::new(bytes(3 << 20)));
    easy.url(&world.server.url("/echo")).unwrap();
    easy.upload(true).unwrap();
    easy.in_filesize(3 << 20).unwrap();
    let easy = world.curl.perform(easy).await.unwrap();
    assert!(easy.get_ref().answer == bytes(3 << 20));
}

async fn redirects_are_followed_if_the_handle_says_so(world: World) {
    let easy = world.curl.get(&world.server.url("/redirect/3")).await.unwrap();
    assert_eq!(easy.get_ref().bytes(), b"there");
    assert_eq!(easy.redirect_count().unwrap(), 3);
    let easy = world.curl.perform(world.easy("/redirect/3")).await.unwrap();
    assert_eq!(easy.response_code().unwrap(), 302);
}

async fn two_hundred_transfers_run_at_once(world: World) {
    // Nobody gets an answer before all have asked.
    world.server.admit_when(200);
    let transfers: Vec<_> = (0..200)
        .map(|number| world.curl.perform(world.easy(&format!("/gate/{number}"))))
        .collect();
    for (number, easy) in gather(transfers).await.unwrap().into_iter().enumerate() {
        assert_eq!(easy.get_ref().bytes(), number.to_string().as_bytes());
    }
}

async fn a_connection_is_used_again(world: World) {
    for _ in 0..10 {
        world.curl.perform(world.easy("/bytes/1000")).await.unwrap();
    }
    assert_eq!(world.server.counts().accepted, 1);
}

async fn a_handle_is_used_again(world: World) {
    let mut easy = world.easy("/bytes/1000");
    for count in [10, 20, 30] {
        easy.url(&world.server.url(&format!("/bytes/{count}"))).unwrap();
        easy = world.curl.transfer(easy).await.unwrap();
        assert!(easy.get_mut().take() == bytes(count));
    }
}

async fn limits_on_connections_hold(world: World) {
    let curl = interloop_curl::Curl::options()
        .max_connections(3)
        .on(world.curl.reactor());
    let transfers: Vec<Deferred<_, Error>> = (0..30).map(|_| curl.perform(world.easy("/bytes/10"))).collect();
    gather(transfers).await.unwrap();
    assert!(world.server.counts().accepted <= 3, "{:?}", world.server.counts());
}

async fn many_short_transfers_one_after_the_other(world: World) {
    // Each on a connection of its own, so that their numbers are given to one socket after the other.
    for _ in 0..50 {
        let mut easy = world.easy("/bytes/100");
        easy.forbid_reuse(true).unwrap();
        assert!(world.curl.perform(easy).await.unwrap().get_ref().bytes() == bytes(100));
    }
    assert_eq!(world.server.counts().accepted, 50);
}
