//! Graceful shutdown.

use std::{future::pending, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming};
use interloop::{Aborted, Deferred, Reactor, net::TcpStream, sync::Queue};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Server};

use crate::tools::{HOUR, Raw, SOON, echo, serve};

on_every_loop!(
    what_was_asked_is_answered_and_what_is_idle_is_closed,
    what_was_asked_over_http2_is_answered,
    what_is_left_at_the_limit_is_cut,
    a_later_call_brings_an_earlier_limit,
    a_server_without_connections_ends_at_once,
    a_server_that_was_dropped_goes_on_until_it_is_shut_down,
);

/// A service that answers when it is told to, and says when it was asked.
#[derive(Clone)]
struct Gate {
    asked: Arc<Queue<()>>,
    may_answer: interloop::Shared<(), Aborted>,
}

impl Gate {
    fn new() -> (Self, interloop::Completer<(), Aborted>) {
        let (completer, may_answer) = Deferred::pair();
        let gate = Self {
            asked: Arc::new(Queue::new(None, None)),
            may_answer: may_answer.shared(),
        };
        (gate, completer)
    }

    async fn answer(self, request: Request<Incoming>) -> Response<http_body_util::Full<Bytes>> {
        if request.uri().path() == "/gate" {
            self.asked.put(()).unwrap();
            self.may_answer.subscribe().await.unwrap();
        }
        echo(request).await
    }
}

async fn what_was_asked_is_answered_and_what_is_idle_is_closed(reactor: Reactor) {
    let (gate, open) = Gate::new();
    let asked = gate.asked.clone();
    let (serving, addr) = serve(Server::new(&reactor), &reactor, move |request| {
        gate.clone().answer(request)
    });
    let mut silent = Raw::connect(&reactor, addr).await;
    let mut idle = Raw::connect(&reactor, addr).await;
    idle.get("/").await;
    idle.response().await.unwrap();
    let mut busy = Raw::connect(&reactor, addr).await;
    busy.get("/gate").await;
    asked.get().unwrap().await.unwrap();
    // The silent one came before, so it has been accepted.
    let shutting_down = serving.handle().shut_down(HOUR);
    assert!(idle.rest().await.is_empty());
    assert!(silent.rest().await.is_empty());
    serving.await.unwrap();
    let refused = TcpStream::connect(&reactor, addr).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    open.complete(());
    let (_, body) = busy.response().await.unwrap();
    assert_eq!(body, "GET /gate\n");
    assert!(busy.rest().await.is_empty());
    let shutdown = shutting_down.await.unwrap();
    assert_eq!((shutdown.finished(), shutdown.cut()), (3, 0));
}

async fn what_was_asked_over_http2_is_answered(reactor: Reactor) {
    let (gate, open) = Gate::new();
    let asked = gate.asked.clone();
    let (serving, addr) = serve(Server::new(&reactor), &reactor, move |request| {
        gate.clone().answer(request)
    });
    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).http2_only().build();
    let responses = [(); 3].map(|()| client.get(format!("http://{addr}/gate").parse().unwrap()));
    let responses =
        responses.map(|response| reactor.spawn(async { response.await.map_err(|error| error.to_string()) }));
    for _ in 0..3 {
        asked.get().unwrap().await.unwrap();
    }
    let shutting_down = serving.shut_down(HOUR);
    let answers = async {
        open.complete(());
        for response in responses {
            let body = response.await.unwrap().into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes(), "GET /gate\n");
        }
    };
    let (shutdown, ()) = futures_util::future::join(shutting_down, answers).await;
    assert_eq!(shutdown.unwrap().cut(), 0);
}

async fn what_is_left_at_the_limit_is_cut(reactor: Reactor) {
    let asked = Arc::new(Queue::<Deferred<(), Aborted>>::new(None, None));
    let (serving, addr) = serve(Server::new(&reactor), &reactor, {
        let asked = asked.clone();
        move |_: Request<Incoming>| {
            let (completer, dropped) = Deferred::pair();
            asked.put(dropped).unwrap();
            async move {
                let _completer = completer;
                pending().await
            }
        }
    });
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Raw::connect(&reactor, addr).await;
        client.get("/").await;
        clients.push((client, asked.get().unwrap().await.unwrap()));
    }
    let shutdown = serving.shut_down(SOON).await.unwrap();
    assert_eq!((shutdown.finished(), shutdown.cut()), (0, 3));
    for (mut client, dropped) in clients {
        assert!(client.rest().await.is_empty());
        assert!(dropped.await.unwrap_err().is_dropped());
    }
}

async fn a_later_call_brings_an_earlier_limit(reactor: Reactor) {
    let asked = Arc::new(Queue::<()>::new(None, None));
    let (serving, addr) = serve(Server::new(&reactor), &reactor, {
        let asked = asked.clone();
        move |_: Request<Incoming>| {
            asked.put(()).unwrap();
            pending()
        }
    });
    let mut client = Raw::connect(&reactor, addr).await;
    client.get("/").await;
    asked.get().unwrap().await.unwrap();
    let first = serving.handle().shut_down(HOUR);
    let second = serving.shut_down(SOON).await.unwrap();
    assert_eq!(second.cut(), 1);
    assert_eq!(first.await.unwrap(), second);
    assert!(client.rest().await.is_empty());
}

async fn a_server_without_connections_ends_at_once(reactor: Reactor) {
    let (serving, _) = serve(Server::new(&reactor), &reactor, echo);
    let shutdown = serving.shut_down(HOUR).await.unwrap();
    assert_eq!((shutdown.finished(), shutdown.cut()), (0, 0));
}

async fn a_server_that_was_dropped_goes_on_until_it_is_shut_down(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    let handle = serving.handle();
    drop(serving);
    let mut client = Raw::connect(&reactor, addr).await;
    client.get("/").await;
    assert_eq!(client.response().await.unwrap().1, "GET /\n");
    handle.shut_down(Duration::ZERO).await.unwrap();
    client.rest().await;
}
