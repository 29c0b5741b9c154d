//! The one timer that libcurl asks for.

use std::time::Duration;

use interloop::gather;

use crate::{World, loops::on_every_loop};

on_every_loop![
    what_happens_on_a_socket_does_not_use_the_timer_up,
    a_hundred_time_limits_pass,
    a_timer_leaves_no_call_behind,
];

async fn what_happens_on_a_socket_does_not_use_the_timer_up(world: World) {
    let mut easy = world.easy("/trickle");
    easy.timeout(Duration::from_millis(200)).unwrap();
    let error = world.curl.perform(easy).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let easy = error.take_easy::<interloop_curl::Collect>().unwrap();
    assert!(easy.total_time().unwrap() >= Duration::from_millis(200));
    assert!(!easy.get_ref().bytes().is_empty());
}

async fn a_hundred_time_limits_pass(world: World) {
    let transfers: Vec<_> = (0..100)
        .map(|number| {
            let mut easy = world.easy("/never");
            easy.timeout(Duration::from_millis(20 + number % 7)).unwrap();
            let transfer = world.curl.perform(easy);
            transfer.then(|result| Ok::<_, interloop_curl::Error>(result.unwrap_err().is_timeout()))
        })
        .collect();
    assert_eq!(gather(transfers).await.unwrap(), [true; 100]);
}

async fn a_timer_leaves_no_call_behind(world: World) {
    world.curl.perform(world.easy("/bytes/10")).await.unwrap();
    let reactor = world.curl.reactor();
    // libcurl may have asked for a moment that is about to come.
    while reactor.metrics().delayed > 0 {
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
    }
}
