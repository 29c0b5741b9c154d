//! The client and its connector.

use std::{collections::HashSet, error::Error, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Response;
use hyper_util::client::legacy;
use interloop::{Reactor, net, net::TcpListener};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, ConnectError, ConnectionInfo, HttpConnector, Server};

use crate::tools::{echo, listen, serve, stop};

on_every_loop!(
    a_connection_is_used_again,
    a_connection_that_is_idle_for_long_is_closed,
    a_server_is_found_by_its_name,
    a_server_is_found_at_an_address_of_ipv6,
    a_refusal_says_who_refused,
    an_uri_that_cannot_be_connected_to_says_why,
    a_client_is_used_from_another_loop,
);

fn info<B>(response: &Response<B>) -> ConnectionInfo {
    *response.extensions().get::<ConnectionInfo>().unwrap()
}

async fn get(client: &Client<Empty<Bytes>>, uri: &str) -> (ConnectionInfo, Bytes) {
    let response = client.get(uri.parse().unwrap()).await.unwrap();
    let info = info(&response);
    (info, response.into_body().collect().await.unwrap().to_bytes())
}

async fn a_connection_is_used_again(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    let mut connections = HashSet::new();
    for number in 0..100 {
        let (info, body) = get(&client, &format!("http://{addr}/{number}")).await;
        assert_eq!(body, format!("GET /{number}\n"));
        assert_eq!(info.remote_addr(), addr);
        connections.insert(info.local_addr());
    }
    // It goes back to the pool in a task; on a loop of several threads, the next request may be faster.
    assert!(connections.len() < 100);
    drop(client);
    stop(serving).await;
}

async fn a_connection_that_is_idle_for_long_is_closed(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor)
        .pool_idle_timeout(Duration::from_millis(20))
        .build();
    get(&client, &format!("http://{addr}/")).await;
    let handle = serving.handle();
    while handle.connections() > 0 {
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
    }
    drop(client);
    stop(serving).await;
}

async fn a_server_is_found_by_its_name(reactor: Reactor) {
    // The name may stand for the address of IPv6 first, where nobody listens.
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    let (info, body) = get(&client, &format!("http://localhost:{}/name", addr.port())).await;
    assert_eq!(info.remote_addr(), addr);
    assert_eq!(body, "GET /name\n");
    drop(client);
    stop(serving).await;
}

async fn a_server_is_found_at_an_address_of_ipv6(reactor: Reactor) {
    let addr: SocketAddr = "[::1]:0".parse().unwrap();
    let listener = match TcpListener::bind(&reactor, addr) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            eprintln!("skipped: there is no IPv6 here");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let addr = listener.local_addr().unwrap();
    let app = axum::Router::new().route("/", axum::routing::get(async || "six"));
    let serving = Server::new(&reactor).serve_tower(listener, app);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    assert_eq!(get(&client, &format!("http://{addr}/")).await.1, "six");
    drop(client);
    stop(serving).await;
}

/// Why the client of hyper-util did not connect.
fn connect_error(error: &legacy::Error) -> &ConnectError {
    assert!(error.is_connect(), "{error:?}");
    error.source().unwrap().downcast_ref().unwrap()
}

async fn a_refusal_says_who_refused(reactor: Reactor) {
    let (listener, addr) = listen(&reactor);
    drop(listener);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    let error = client
        .get(format!("http://{addr}/").parse().unwrap())
        .await
        .unwrap_err();
    let error = connect_error(&error);
    assert!(!error.is_uri() && !error.is_tls() && !error.is_timeout());
    let error = error.as_io().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let failed = error.get_ref().unwrap().downcast_ref::<net::ConnectError>().unwrap();
    assert_eq!(failed.failures().map(|(addr, _)| addr).collect::<Vec<_>>(), [addr]);
}

async fn an_uri_that_cannot_be_connected_to_says_why(reactor: Reactor) {
    let connector = HttpConnector::new(&reactor);
    for (uri, says) in [
        (
            "ftp://localhost/",
            "cannot connect by `ftp`: only `http` and `https` are spoken here",
        ),
        (
            "/path",
            "the URI names no scheme: begin it with `http://` or `https://`",
        ),
        (
            "https://localhost/",
            "cannot connect by `https`: turn on the feature `rustls`",
        ),
    ] {
        let error = connector.connect(&uri.parse().unwrap()).await.unwrap_err();
        assert!(error.is_uri());
        assert!(error.to_string().starts_with(says), "{error}");
    }
}

async fn a_client_is_used_from_another_loop(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    let asked = reactor.spawn_blocking(move || {
        let asking = async |_| get(&client, &format!("http://{addr}/from/elsewhere")).await.1;
        Ok::<_, io::Error>(interloop_smol::block_on(asking)?)
    });
    assert_eq!(asked.await.unwrap(), "GET /from/elsewhere\n");
    stop(serving).await;
}
