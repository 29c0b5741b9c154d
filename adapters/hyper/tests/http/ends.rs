//! Clients that stop in the middle, and loops that do.

use std::{
    error::Error,
    future::pending,
    io::{self, Read, Write},
    net::TcpStream as StdStream,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming};
use interloop::{Aborted, Completer, Deferred, Reactor};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Server, Serving};

use crate::tools::{Counter, Raw, echo, serve, stop};

on_every_loop!(
    a_body_that_breaks_off_is_an_error_for_the_service,
    a_client_that_goes_has_its_request_dropped,
);

/// Something to be told once, from a service that is called often.
struct Once<T: 'static>(Arc<Mutex<Option<Completer<T, Aborted>>>>);

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send> Once<T> {
    fn new() -> (Self, Deferred<T, Aborted>) {
        let (completer, deferred) = Deferred::pair();
        (Self(Arc::new(Mutex::new(Some(completer)))), deferred)
    }

    fn tell(&self, value: T) {
        let completer = self.0.lock().unwrap().take();
        completer.expect("it is told once").complete(value);
    }
}

async fn a_body_that_breaks_off_is_an_error_for_the_service(reactor: Reactor) {
    let (once, told) = Once::new();
    let (serving, addr) = serve(Server::new(&reactor), &reactor, move |request: Request<Incoming>| {
        let once = once.clone();
        async move {
            let body = request.into_body().collect().await;
            once.tell(body.map(|body| body.to_bytes()));
            Response::default()
        }
    });
    let mut client = Raw::connect(&reactor, addr).await;
    client
        .say("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhel")
        .await;
    drop(client);
    let error = told.await.unwrap().unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::UnexpectedEof);
    stop(serving).await;
}

async fn a_client_that_goes_has_its_request_dropped(reactor: Reactor) {
    let (once, told) = Once::new();
    let (serving, addr) = serve(Server::new(&reactor), &reactor, move |_: Request<Incoming>| {
        let once = once.clone();
        async move {
            let (completer, dropped) = Deferred::<(), Aborted>::pair();
            once.tell(dropped);
            let _completer = completer;
            pending().await
        }
    });
    let mut client = Raw::connect(&reactor, addr).await;
    client.get("/").await;
    let dropped = told.await.unwrap();
    drop(client);
    assert!(dropped.await.unwrap_err().is_dropped());
    stop(serving).await;
}

/// What a loop is to be shut down with: something is asked of a server that does not answer, by a client of the loop's
/// own and by one that is elsewhere.
struct Scene {
    serving: Serving,
    services: Counter,
    elsewhere: StdStream,
    response: Deferred<(), String>,
}

impl Scene {
    async fn set(reactor: &Reactor) -> Self {
        let services = Counter::default();
        let (serving, addr) = serve(Server::new(reactor), reactor, {
            let services = services.clone();
            move |request: Request<Incoming>| {
                let dropped = services.on_drop();
                async move {
                    if request.uri().path() == "/" {
                        return echo(request).await;
                    }
                    let _dropped = dropped;
                    pending().await
                }
            }
        });
        let mut elsewhere = StdStream::connect(addr).unwrap();
        elsewhere
            .write_all(b"GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .unwrap();
        let client: Client<Empty<Bytes>> = ClientBuilder::new(reactor).build();
        // Answered, so that the server has both connections.
        let response = client.get(format!("http://{addr}/").parse().unwrap()).await.unwrap();
        response.into_body().collect().await.unwrap();
        let never = client.get(format!("http://{addr}/never").parse().unwrap());
        // It has a connection, and so is sent before the next one is answered, on another.
        let (completer, response) = Deferred::<(), String>::pair();
        std::thread::spawn(move || {
            let outcome = futures_executor::block_on(never);
            completer.settle(outcome.map(drop).map_err(|error| error.to_string()));
            drop(client);
        });
        Self {
            serving,
            services,
            elsewhere,
            response,
        }
    }

    /// After the loop has shut down, everything has ended.
    fn check(mut self) {
        let error = futures_executor::block_on(self.serving).unwrap_err();
        assert!(Aborted::in_io_error(&error).unwrap().is_shut_down(), "{error}");
        let mut rest = Vec::new();
        let _ = self.elsewhere.read_to_end(&mut rest);
        assert!(rest.is_empty());
        assert!(!futures_executor::block_on(self.response).unwrap_err().is_empty());
        let _ = self.services;
    }
}

#[test]
fn a_tokio_that_shuts_down_ends_its_server_and_its_requests() {
    for runtime in [
        tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        tokio::runtime::Builder::new_current_thread().enable_all().build(),
    ] {
        let runtime = runtime.unwrap();
        let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
        let scene = runtime.block_on(Scene::set(&reactor));
        drop(runtime);
        scene.check();
        shut_down_afterwards_fails(&reactor);
    }
}

#[test]
fn a_smol_that_is_dropped_ends_its_server_and_its_requests() {
    let executor = Arc::new(smol::Executor::new());
    let reactor = interloop_smol::from_executor(&executor);
    let scene = smol::block_on(executor.run(Scene::set(&reactor)));
    drop(executor);
    scene.check();
    shut_down_afterwards_fails(&reactor);
}

#[test]
fn a_local_pool_that_is_dropped_ends_its_server_and_its_requests() {
    let mut pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let scene = pool.run_until(Scene::set(&reactor));
    drop(pool);
    scene.check();
    shut_down_afterwards_fails(&reactor);
}

/// A server cannot be started there, and says so; nor can anything be asked.
fn shut_down_afterwards_fails(reactor: &Reactor) {
    let client: Client<Empty<Bytes>> = ClientBuilder::new(reactor).build();
    let asked = futures_executor::block_on(client.get("http://127.0.0.1:1/".parse().unwrap()));
    assert!(asked.is_err());
}
