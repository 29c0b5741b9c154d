//! What a server does with good clients.

use std::{convert::Infallible, net::SocketAddr};

use axum::{Json, Router, extract::Path, routing::get};
use bytes::Bytes;
use futures_util::{
    future::{join_all, try_join_all},
    stream,
};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{Request, Response, StatusCode, Version, body::Incoming, service::service_fn};
use interloop::{Reactor, net::memory};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Executor, Io, Server};

use crate::tools::{HOUR, Raw, echo, listen, serve, stop};

on_every_loop!(
    requests_follow_each_other_on_one_connection,
    requests_are_answered_in_the_order_in_which_they_were_sent_at_once,
    five_hundred_requests_at_once_are_answered,
    five_hundred_requests_on_one_connection_are_answered,
    a_router_of_axum_is_served,
    a_service_is_made_of_the_clients_address,
    a_connection_in_memory_is_served,
    what_is_no_http_ends_its_connection_alone,
);

async fn requests_follow_each_other_on_one_connection(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let mut client = Raw::connect(&reactor, addr).await;
    for number in 0..100 {
        client.get(&format!("/{number}")).await;
        let (header, body) = client.response().await.unwrap();
        assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
        assert_eq!(body, format!("GET /{number}\n"));
    }
    assert_eq!(serving.handle().connections(), 1);
    drop(client);
    stop(serving).await;
}

async fn requests_are_answered_in_the_order_in_which_they_were_sent_at_once(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let mut client = Raw::connect(&reactor, addr).await;
    let requests = (0..20).map(|number| format!("GET /{number} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    client.say(&requests.collect::<String>()).await;
    for number in 0..20 {
        assert_eq!(client.response().await.unwrap().1, format!("GET /{number}\n"));
    }
    drop(client);
    stop(serving).await;
}

async fn five_hundred_requests_at_once_are_answered(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let client: Client<Full<Bytes>> = ClientBuilder::new(&reactor).build();
    let requests = (0..500).map(|number| {
        let request = Request::put(format!("http://{addr}/{number}")).body(Full::from(vec![b'x'; number]));
        let responding = client.request(request.unwrap());
        reactor.spawn(async move {
            let body = responding.await?.into_body().collect().await?.to_bytes();
            assert_eq!(body, format!("PUT /{number}\n{}", "x".repeat(number)));
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })
    });
    try_join_all(requests).await.unwrap();
    drop(client);
    stop(serving).await;
}

async fn five_hundred_requests_on_one_connection_are_answered(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, async |request: Request<Incoming>| {
        assert_eq!(request.version(), Version::HTTP_2);
        echo(request).await
    });
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).http2_only().build();
    let requests = (0..500).map(|number| client.get(format!("http://{addr}/{number}").parse().unwrap()));
    for (number, response) in join_all(requests).await.into_iter().enumerate() {
        let body = response.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, format!("GET /{number}\n"));
    }
    assert_eq!(serving.handle().connections(), 1);
    drop(client);
    stop(serving).await;
}

async fn a_router_of_axum_is_served(reactor: Reactor) {
    let app = Router::new()
        .route(
            "/hello/{name}",
            get(async |Path(name): Path<String>| format!("hello {name}")),
        )
        .route("/json", get(async || Json(vec![1, 2, 3])));
    let (listener, addr) = listen(&reactor);
    let serving = Server::new(&reactor).serve_tower(listener, app);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    for (path, status, text) in [
        ("hello/world", StatusCode::OK, "hello world"),
        ("json", StatusCode::OK, "[1,2,3]"),
        ("missing", StatusCode::NOT_FOUND, ""),
    ] {
        let response = client
            .get(format!("http://{addr}/{path}").parse().unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), text);
    }
    drop(client);
    stop(serving).await;
}

async fn a_service_is_made_of_the_clients_address(reactor: Reactor) {
    let (listener, addr) = listen(&reactor);
    let serving = Server::new(&reactor).serve_with(listener, |peer: SocketAddr| {
        service_fn(move |_: Request<Incoming>| async move {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(peer.to_string())))
        })
    });
    let mut client = Raw::connect(&reactor, addr).await;
    client.get("/").await;
    let (_, peer) = client.response().await.unwrap();
    assert_eq!(peer, client.into_stream().local_addr().unwrap().to_string());
    stop(serving).await;
}

async fn a_connection_in_memory_is_served(reactor: Reactor) {
    let (client, server) = memory::pair(4096);
    let serving = Server::new(&reactor).serve_incoming(stream::iter([Ok((server, "in memory"))]), |name| {
        service_fn(
            move |_: Request<Incoming>| async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(name))) },
        )
    });
    let (mut requests, connection) = hyper::client::conn::http2::handshake(Executor::new(&reactor), Io::new(client))
        .await
        .unwrap();
    let connection = reactor.spawn_infallible(connection);
    let request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
    let response = requests.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "in memory");
    drop(requests);
    connection.await.unwrap().unwrap();
    let handle = serving.handle();
    serving.await.unwrap();
    handle.shut_down(HOUR).await.unwrap();
}

async fn what_is_no_http_ends_its_connection_alone(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let mut good = Raw::connect(&reactor, addr).await;
    for nonsense in [
        "\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense and more of it",
    ] {
        let mut client = Raw::connect(&reactor, addr).await;
        client.say(nonsense).await;
        client.rest().await;
        good.get("/").await;
        assert_eq!(good.response().await.unwrap().1, "GET /\n");
    }
    drop(good);
    stop(serving).await;
}
