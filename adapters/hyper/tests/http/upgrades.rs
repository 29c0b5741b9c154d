//! Connections that become something else.

use async_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};
use bytes::Bytes;
use futures_util::{
    StreamExt,
    io::{AsyncReadExt, AsyncWriteExt},
};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE},
};
use interloop::{Reactor, net::TcpStream};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Io, Server};

use crate::tools::{HOUR, Raw, serve, stop};

on_every_loop!(
    a_websocket_answers_each_message,
    bytes_that_were_sent_too_early_are_not_lost,
    what_was_upgraded_outlives_the_server,
);

/// Switches to something that sends back what it gets.
fn switching(reactor: &Reactor, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, "upgrade".parse().unwrap());
    let websocket = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
    let protocol = if websocket.is_some() { "websocket" } else { "echo" };
    response.headers_mut().insert(UPGRADE, protocol.parse().unwrap());
    if let Some(key) = &websocket {
        let accept = derive_accept_key(key.as_bytes()).parse().unwrap();
        response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let upgrading = hyper::upgrade::on(&mut request);
    let echoing = reactor.spawn_infallible(async move {
        let upgraded = Io::new(upgrading.await.unwrap());
        if websocket.is_none() {
            let (reading, mut writing) = upgraded.split();
            futures_util::io::copy(reading, &mut writing).await.unwrap();
            return writing.close().await.unwrap();
        }
        let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        while let Some(message) = socket.next().await {
            if let message @ (Message::Text(_) | Message::Binary(_)) = message.unwrap() {
                socket.send(message).await.unwrap();
            }
        }
    });
    echoing.detach();
    response
}

fn serve_switching(reactor: &Reactor) -> (interloop_hyper::Serving, std::net::SocketAddr) {
    serve(Server::new(reactor), reactor, {
        let reactor = reactor.clone();
        move |request| std::future::ready(switching(&reactor, request))
    })
}

async fn a_websocket_answers_each_message(reactor: Reactor) {
    let (serving, addr) = serve_switching(&reactor);
    let stream = TcpStream::connect(&reactor, addr).await.unwrap();
    let (mut socket, response) = client_async(format!("ws://{addr}/"), stream).await.unwrap();
    assert_eq!(response.status(), 101);
    for length in [0, 1, 125, 126, 70_000] {
        let message = Message::binary(vec![7; length]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    drop(socket);
    stop(serving).await;
}

const UPGRADING: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

async fn bytes_that_were_sent_too_early_are_not_lost(reactor: Reactor) {
    let (serving, addr) = serve_switching(&reactor);
    let mut client = Raw::connect(&reactor, addr).await;
    client.say(&format!("{UPGRADING}too early")).await;
    assert!(
        client
            .header()
            .await
            .unwrap()
            .starts_with("http/1.1 101 switching protocols")
    );
    client.say(", and in time").await;
    client.shut_down_writing();
    assert_eq!(client.rest().await, b"too early, and in time");
    stop(serving).await;
}

async fn what_was_upgraded_outlives_the_server(reactor: Reactor) {
    let (serving, addr) = serve_switching(&reactor);
    let mut client = Raw::connect(&reactor, addr).await;
    client.say(UPGRADING).await;
    client.header().await.unwrap();
    let handle = serving.handle();
    let shutdown = serving.shut_down(HOUR).await.unwrap();
    assert_eq!(shutdown.cut(), 0);
    assert_eq!(handle.connections(), 1);
    let mut stream = client.into_stream();
    stream.write_all(b"still here").await.unwrap();
    stream.close().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"still here");
}
