//! Limits that a server sets.

use interloop::Reactor;
use interloop_conformance::on_every_loop;
use interloop_hyper::Server;

use crate::tools::{Counter, Raw, SOON, echo, serve, stop};

on_every_loop!(
    a_client_that_says_nothing_is_given_up,
    a_client_that_says_half_a_preface_is_given_up,
    a_client_that_says_half_a_header_is_given_up,
    a_client_that_says_nothing_more_is_given_up,
    a_request_takes_as_long_as_it_takes,
    no_more_connections_than_the_limit_are_served,
);

async fn is_given_up(reactor: Reactor, begin: &str) {
    let (serving, addr) = serve(Server::new(&reactor).header_read_timeout(SOON), &reactor, echo);
    let mut client = Raw::connect(&reactor, addr).await;
    client.say(begin).await;
    client.rest().await;
    stop(serving).await;
}

async fn a_client_that_says_nothing_is_given_up(reactor: Reactor) {
    is_given_up(reactor, "").await;
}

async fn a_client_that_says_half_a_preface_is_given_up(reactor: Reactor) {
    is_given_up(reactor, "PRI * HT").await;
}

async fn a_client_that_says_half_a_header_is_given_up(reactor: Reactor) {
    is_given_up(reactor, "GET / HTTP/1.1\r\nhost: local").await;
}

async fn a_client_that_says_nothing_more_is_given_up(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor).header_read_timeout(SOON), &reactor, echo);
    let mut client = Raw::connect(&reactor, addr).await;
    for _ in 0..3 {
        client.get("/").await;
        assert_eq!(client.response().await.unwrap().1, "GET /\n");
    }
    assert!(client.rest().await.is_empty());
    stop(serving).await;
}

async fn a_request_takes_as_long_as_it_takes(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor).header_read_timeout(SOON), &reactor, {
        let reactor = reactor.clone();
        move |request| {
            let waiting = reactor.sleep(3 * SOON);
            async move {
                waiting.await.unwrap();
                echo(request).await
            }
        }
    });
    let mut client = Raw::connect(&reactor, addr).await;
    client
        .say("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhel")
        .await;
    reactor.sleep(4 * SOON).await.unwrap();
    client.say("lo").await;
    assert_eq!(client.response().await.unwrap().1, "POST /\nhello");
    drop(client);
    stop(serving).await;
}

async fn no_more_connections_than_the_limit_are_served(reactor: Reactor) {
    let asked = Counter::default();
    let (serving, addr) = serve(Server::new(&reactor).max_connections(2), &reactor, {
        let asked = asked.clone();
        move |request| {
            asked.add(1);
            echo(request)
        }
    });
    let mut first = Raw::connect(&reactor, addr).await;
    let mut second = Raw::connect(&reactor, addr).await;
    first.get("/").await;
    first.response().await.unwrap();
    second.get("/").await;
    second.response().await.unwrap();
    let mut third = Raw::connect(&reactor, addr).await;
    third.get("/third").await;
    for _ in 0..100 {
        first.get("/").await;
        first.response().await.unwrap();
    }
    assert_eq!(asked.count(), 102);
    assert_eq!(serving.handle().connections(), 2);
    drop(second);
    assert_eq!(third.response().await.unwrap().1, "GET /third\n");
    drop((first, third));
    stop(serving).await;
}
