//! With hyper at the other end as hyper-util has it on tokio, on sockets of tokio's own.

use std::{convert::Infallible, net::SocketAddr, thread};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use interloop::{Completer, Deferred, Reactor};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Server};

use crate::tools::{echo, serve, stop};

on_every_loop!(the_client_of_tokio_is_served, the_server_of_tokio_is_asked);

fn request(addr: SocketAddr, number: usize) -> Request<Full<Bytes>> {
    let body = Full::from("x".repeat(number * 1000));
    Request::post(format!("http://{addr}/{number}")).body(body).unwrap()
}

async fn check(response: Response<Incoming>, number: usize) {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, format!("POST /{number}\n{}", "x".repeat(number * 1000)));
}

/// Runs a function on a tokio of its own, on a thread of its own.
fn on_tokio<T: Send + 'static>(main: impl AsyncFnOnce() -> T + Send + 'static) -> Deferred<T> {
    let (completer, deferred) = Deferred::pair();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        completer.complete(runtime.unwrap().block_on(main()));
    });
    deferred
}

async fn the_client_of_tokio_is_served(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    for http2 in [false, true] {
        let asking = on_tokio(async move || {
            let mut builder = legacy::Client::builder(TokioExecutor::new());
            builder.timer(TokioTimer::new()).http2_only(http2);
            let client = builder.build_http();
            let requests = (0..50).map(|number| {
                let responding = client.request(request(addr, number));
                async move { check(responding.await.unwrap(), number).await }
            });
            futures_util::future::join_all(requests).await;
        });
        asking.await.unwrap();
    }
    stop(serving).await;
}

async fn the_server_of_tokio_is_asked(reactor: Reactor) {
    let (completer, addr) = Deferred::pair();
    let (stop, stopped) = Deferred::pair();
    let serving = on_tokio(async move || serve_on_tokio(completer, stopped).await);
    let addr = addr.await.unwrap();
    for builder in [ClientBuilder::new(&reactor), ClientBuilder::new(&reactor).http2_only()] {
        let client: Client<Full<Bytes>> = builder.build();
        let requests = (0..50).map(|number| {
            let responding = client.request(request(addr, number));
            async move { check(responding.await.unwrap(), number).await }
        });
        futures_util::future::join_all(requests).await;
    }
    stop.complete(());
    serving.await.unwrap();
}

async fn serve_on_tokio(addr: Completer<SocketAddr>, stopped: Deferred<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    addr.complete(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let service = service_fn(async |request| Ok::<_, Infallible>(echo(request).await));
                let builder = auto::Builder::new(TokioExecutor::new());
                builder.serve_connection(TokioIo::new(stream), service).await
            });
        }
    });
    stopped.await.unwrap();
}
