//! Bodies that come piece by piece, and what follows them.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{HeaderValue, TE, TRAILER},
    service::service_fn,
};
use interloop::{Aborted, Deferred, Reactor};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Server};

use crate::tools::{Counter, Raw, listen, serve, stop};

on_every_loop!(
    a_request_is_sent_no_faster_than_it_is_read,
    a_request_is_sent_no_faster_than_it_is_read_over_http2,
    a_response_comes_as_it_is_made,
    megabytes_come_back_as_they_were,
    trailers_follow_both_bodies,
    trailers_follow_both_bodies_over_http2,
    a_client_that_waits_for_leave_to_send_gets_it,
    a_client_that_is_refused_does_not_send,
);

const PIECE: usize = 64 * 1024;
const PIECES: usize = 768;
/// More than the buffers of both sockets, and a fraction of the whole.
const UNDER_WAY: usize = 16 * 1024 * 1024;

async fn a_request_is_sent_no_faster_than_it_is_read(reactor: Reactor) {
    back_pressure(&reactor, ClientBuilder::new(&reactor)).await;
}

async fn a_request_is_sent_no_faster_than_it_is_read_over_http2(reactor: Reactor) {
    back_pressure(&reactor, ClientBuilder::new(&reactor).http2_only()).await;
}

async fn back_pressure(reactor: &Reactor, client: ClientBuilder) {
    let sent = Counter::default();
    let (serving, addr) = serve(Server::new(reactor), reactor, {
        let (reactor, sent) = (reactor.clone(), sent.clone());
        move |request| {
            let (reactor, sent) = (reactor.clone(), sent.clone());
            async move {
                let mut body = request.into_body();
                let (mut read, mut most) = (0, 0);
                while let Some(frame) = body.frame().await {
                    most = most.max(sent.count() - read);
                    read += frame.unwrap().data_ref().map_or(0, Bytes::len);
                    if read < UNDER_WAY {
                        // The sender has time to run ahead.
                        reactor.sleep(Duration::from_millis(1)).await.unwrap();
                    }
                }
                Response::new(format!("{read} {}", most < UNDER_WAY).into())
            }
        }
    });
    let pieces = stream::iter(0..PIECES).map(move |_| {
        sent.add(PIECE);
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[7; PIECE])))
    });
    let client: Client<_> = client.build();
    let request = Request::post(format!("http://{addr}/"))
        .body(StreamBody::new(pieces))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, format!("{} true", PIECE * PIECES));
    drop(client);
    stop(serving).await;
}

async fn a_response_comes_as_it_is_made(reactor: Reactor) {
    let (listener, addr) = listen(&reactor);
    let (go_on, may_go_on) = Deferred::<(), Aborted>::pair();
    let may_go_on = may_go_on.shared();
    let serving = Server::new(&reactor).serve(
        listener,
        service_fn(move |_: Request<Incoming>| {
            let second = may_go_on.clone();
            let pieces =
                stream::once(async { Ok(Frame::data(Bytes::from("first "))) }).chain(stream::once(async move {
                    second.subscribe().await.map(|()| Frame::data(Bytes::from("second")))
                }));
            async { Ok::<_, Infallible>(Response::new(StreamBody::new(pieces.boxed()))) }
        }),
    );
    let client: Client<Full<Bytes>> = ClientBuilder::new(&reactor).build();
    let mut response = client.get(format!("http://{addr}/").parse().unwrap()).await.unwrap();
    let first = response.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first ");
    go_on.complete(());
    assert_eq!(response.collect().await.unwrap().to_bytes(), "second");
    drop(client);
    stop(serving).await;
}

async fn megabytes_come_back_as_they_were(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.unwrap();
        Response::new(Full::from(body.to_bytes()))
    });
    let bytes: Bytes = (0..=250_u8).cycle().take(8 << 20).collect();
    for builder in [ClientBuilder::new(&reactor), ClientBuilder::new(&reactor).http2_only()] {
        let client: Client<Full<Bytes>> = builder.build();
        let request = Request::post(format!("http://{addr}/")).body(Full::from(bytes.clone()));
        let response = client.request(request.unwrap()).await.unwrap();
        assert!(response.into_body().collect().await.unwrap().to_bytes() == bytes);
    }
    stop(serving).await;
}

async fn trailers_follow_both_bodies(reactor: Reactor) {
    trailers(&reactor, ClientBuilder::new(&reactor)).await;
}

async fn trailers_follow_both_bodies_over_http2(reactor: Reactor) {
    trailers(&reactor, ClientBuilder::new(&reactor).http2_only()).await;
}

type Body = BoxBody<Bytes, Infallible>;

/// A body, and how many bytes it has.
fn counted(text: &'static str) -> Body {
    let length = HeaderMap::from_iter([("x-length".parse().unwrap(), HeaderValue::from(text.len()))]);
    let frames = [Frame::data(Bytes::from(text)), Frame::trailers(length)];
    BodyExt::boxed(StreamBody::new(stream::iter(frames.map(Ok))))
}

async fn read_counted(body: Incoming) -> (Bytes, HeaderValue) {
    let body = body.collect().await.unwrap();
    let length = body.trailers().expect("there are trailers")["x-length"].clone();
    (body.to_bytes(), length)
}

async fn trailers(reactor: &Reactor, client: ClientBuilder) {
    let (listener, addr) = listen(reactor);
    let serving = Server::new(reactor).serve(
        listener,
        service_fn(async |request: Request<Incoming>| {
            let (body, length) = read_counted(request.into_body()).await;
            assert_eq!((&*body, length), (&b"ping"[..], HeaderValue::from(4)));
            let response = Response::builder().header(TRAILER, "x-length").body(counted("pong!"));
            Ok::<_, Infallible>(response.unwrap())
        }),
    );
    let client: Client<Body> = client.build();
    let request = Request::post(format!("http://{addr}/"))
        .header(TE, "trailers")
        .header(TRAILER, "x-length")
        .body(counted("ping"));
    let response = client.request(request.unwrap()).await.unwrap();
    let (body, length) = read_counted(response.into_body()).await;
    assert_eq!((&*body, length), (&b"pong!"[..], HeaderValue::from(5)));
    drop(client);
    stop(serving).await;
}

const EXPECTING: &str = "POST / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";

async fn a_client_that_waits_for_leave_to_send_gets_it(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, crate::tools::echo);
    let mut client = Raw::connect(&reactor, addr).await;
    client.say(EXPECTING).await;
    assert!(client.header().await.unwrap().starts_with("http/1.1 100 continue"));
    client.say("hello").await;
    assert_eq!(client.response().await.unwrap().1, "POST /\nhello");
    drop(client);
    stop(serving).await;
}

async fn a_client_that_is_refused_does_not_send(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, async |_: Request<Incoming>| {
        let mut response = Response::new(Full::from("too long"));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        response
    });
    let mut client = Raw::connect(&reactor, addr).await;
    client.say(EXPECTING).await;
    let (header, body) = client.response().await.unwrap();
    assert!(header.starts_with("http/1.1 413"), "{header}");
    assert_eq!(body, "too long");
    stop(serving).await;
}
