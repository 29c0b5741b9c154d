//! What goes wrong, and how it is told.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use interloop::AsAborted;
use interloop_curl::Collect;

use crate::{World, easy, loops::on_every_loop};

on_every_loop![
    a_refused_connection_says_so,
    a_reset_connection_says_so,
    an_answer_that_is_cut_short_says_so_and_gives_its_beginning,
    a_connection_without_an_answer_says_so,
    redirects_beyond_the_limit_say_so,
    a_status_is_a_failure_if_the_handle_says_so,
    what_is_no_url_says_so,
    a_time_limit_of_the_handle_says_so,
    a_time_limit_of_the_deferred_says_so,
    a_body_beyond_the_limit_says_so,
];

async fn a_refused_connection_says_so(world: World) {
    // A port that was free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let error = world.curl.get(&format!("http://{port}/")).await.unwrap_err();
    assert!(
        error.is_refused() && error.is_connect() && !error.is_timeout(),
        "{error:?}"
    );
    assert_eq!(error.code(), Some(7));
    assert_eq!(std::io::Error::from(error).kind(), ErrorKind::ConnectionRefused);
}

async fn a_reset_connection_says_so(world: World) {
    let error = world.curl.get(&world.server.url("/reset")).await.unwrap_err();
    assert!(error.is_reset() && !error.is_connect(), "{error:?}");
    assert_eq!(std::io::Error::from(error).kind(), ErrorKind::ConnectionReset);
}

async fn an_answer_that_is_cut_short_says_so_and_gives_its_beginning(world: World) {
    let error = world.curl.get(&world.server.url("/cut")).await.unwrap_err();
    assert!(error.is_cut_short() && !error.is_reset(), "{error:?}");
    assert!(error.take_easy::<()>().is_none());
    let easy = error.take_easy::<Collect>().unwrap();
    assert_eq!(easy.get_ref().bytes(), b"beginning");
    assert!(error.take_easy::<Collect>().is_none());
}

async fn a_connection_without_an_answer_says_so(world: World) {
    let error = world.curl.get(&world.server.url("/empty")).await.unwrap_err();
    assert!(error.is_cut_short(), "{error:?}");
}

async fn redirects_beyond_the_limit_say_so(world: World) {
    let mut easy = world.easy("/redirect/4");
    easy.follow_location(true).unwrap();
    easy.max_redirections(3).unwrap();
    let error = world.curl.perform(easy).await.unwrap_err();
    assert!(error.is_redirect_limit(), "{error:?}");
    assert_eq!(error.code(), Some(47));
}

async fn a_status_is_a_failure_if_the_handle_says_so(world: World) {
    let mut easy = world.easy("/status/503");
    let answered = world.curl.get(&world.server.url("/status/503")).await.unwrap();
    assert_eq!(answered.response_code().unwrap(), 503);
    easy.fail_on_error(true).unwrap();
    let error = world.curl.perform(easy).await.unwrap_err();
    assert!(error.is_http_status(), "{error:?}");
    assert_eq!(error.take_easy::<Collect>().unwrap().response_code().unwrap(), 503);
}

async fn what_is_no_url_says_so(world: World) {
    for url in ["http://[::1", "gopher://127.0.0.1/"] {
        let error = world.curl.get(url).await.unwrap_err();
        assert!(error.is_url(), "{url}: {error:?}");
    }
}

async fn a_time_limit_of_the_handle_says_so(world: World) {
    for path in ["/never", "/begin"] {
        let mut easy = world.easy(path);
        easy.timeout(Duration::from_millis(30)).unwrap();
        let error = world.curl.perform(easy).await.unwrap_err();
        assert!(error.is_timeout() && !error.is_aborted(), "{error:?}");
        world.server.waited(|counts| counts.open == 0).await;
    }
}

async fn a_time_limit_of_the_deferred_says_so(world: World) {
    let transfer = world.curl.perform(world.easy("/never"));
    let limited = transfer.timeout(world.curl.reactor(), Duration::from_millis(30));
    let error = limited.await.unwrap_err();
    assert!(error.is_timeout() && error.as_aborted().is_some(), "{error:?}");
    world.server.waited(|counts| counts.open == 0).await;
}

async fn a_body_beyond_the_limit_says_so(world: World) {
    let mut fits = easy(&world.server.url("/bytes/1000"));
    *fits.get_mut() = Collect::with_limit(1000);
    world.curl.perform(fits).await.unwrap();
    let mut exceeds = easy(&world.server.url("/bytes/1001"));
    *exceeds.get_mut() = Collect::with_limit(1000);
    let error = world.curl.perform(exceeds).await.unwrap_err();
    assert!(error.is_handler(), "{error:?}");
}
