//! gRPC: a server and a client that are made for tokio.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use ::tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    client,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen,
    server::{self, NamedService},
    transport::{Channel, Server, server::TcpIncoming},
};
use bytes::{Buf, BufMut, Bytes};
use futures_channel::mpsc;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::uri::PathAndQuery;
use interloop::{Aborted, Completer, Deferred, Reactor};
use tower::{Service, service_fn};

use super::{Library, expect, tokio_context};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "tonic",
    package: "tonic",
    by: "`interloop_tokio::context`",
    exchanges: "a unary call, a stream of 1000 answers, streams in both directions, and a status; server and client, which is also asked from the outside",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let context = tokio_context()?;
    let inside = context.reactor(&reactor);
    let (bound, addr) = Deferred::<SocketAddr, Failure>::pair();
    let (stop, stopped) = Deferred::<(), Aborted>::pair();
    let serving = inside.spawn(serve(bound, stopped));
    let connecting = inside.spawn(async {
        let endpoint = Channel::from_shared(format!("http://{}", addr.await?))?;
        Ok::<_, Failure>(endpoint.connect().await?)
    });
    let channel = connecting.await?;
    inside.spawn(exchange(client::Grpc::new(channel.clone()))).await?;
    // The channel is a service, and so it is when it is wrapped: here a task on the outside asks.
    let wrapped = client::Grpc::new(context.wrap(channel));
    reactor.spawn(ask(wrapped)).await?;
    stop.complete(());
    serving.await
}

async fn serve(bound: Completer<SocketAddr, Failure>, stopped: Deferred<(), Aborted>) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    bound.complete(listener.local_addr()?);
    let serving = Server::builder()
        .add_service(Words)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async { drop(stopped.await) });
    Ok(serving.await?)
}

async fn ask<S>(mut client: client::Grpc<S>) -> Result<(), Failure>
where
    S: client::GrpcService<Body, ResponseBody: codegen::Body<Error: Into<Failure>> + Send + 'static>,
{
    client.ready().await.map_err(Into::into)?;
    let request = Request::new(Bytes::from_static(b"hello"));
    let answer: Response<Bytes> = client.unary(request, path("Shout"), Plain).await?;
    expect(answer.into_inner(), "HELLO".into(), "the answer")
}

async fn exchange(mut client: client::Grpc<Channel>) -> Result<(), Failure> {
    ask(client.clone()).await?;

    client.ready().await?;
    let request = Request::new(Bytes::from_static(b"1000"));
    let answers: Response<Streaming<Bytes>> = client.server_streaming(request, path("Count"), Plain).await?;
    let answers: Vec<Bytes> = answers.into_inner().try_collect().await?;
    let expected: Vec<Bytes> = (0..1000).map(|number: u32| number.to_string().into()).collect();
    expect(answers, expected, "the answers")?;

    // Each is sent when the answer to the one before has come.
    client.ready().await?;
    let (words, to_send) = mpsc::unbounded();
    words.unbounded_send(Bytes::from("one"))?;
    let answers: Response<Streaming<Bytes>> = client.streaming(Request::new(to_send), path("Chat"), Plain).await?;
    let mut answers = answers.into_inner();
    for (answer, next) in [("ONE", "two"), ("TWO", "three")] {
        expect(answers.message().await?, Some(answer.into()), "the answer in the chat")?;
        words.unbounded_send(next.into())?;
    }
    drop(words);
    expect(
        answers.message().await?,
        Some("THREE".into()),
        "the last answer in the chat",
    )?;
    expect(answers.message().await?, None, "the end of the chat")?;

    client.ready().await?;
    let request = Request::new(Bytes::new());
    let refused: Result<Response<Bytes>, _> = client.unary(request, path("Elsewhere"), Plain).await;
    let code = refused.err().map(|status| status.code());
    expect(code, Some(Code::Unimplemented), "the status of what there is not")
}

fn path(method: &str) -> PathAndQuery {
    PathAndQuery::try_from(format!("/test.Words/{method}")).expect("it is a path")
}

#[derive(Clone)]
struct Words;

impl NamedService for Words {
    const NAME: &'static str = "test.Words";
}

impl Service<http::Request<Body>> for Words {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = server::Grpc::new(Plain);
            Ok(match request.uri().path() {
                "/test.Words/Shout" => grpc.unary(service_fn(shout), request).await,
                "/test.Words/Count" => grpc.server_streaming(service_fn(count), request).await,
                "/test.Words/Chat" => grpc.streaming(service_fn(chat), request).await,
                _ => Status::unimplemented("there is no such method").into_http(),
            })
        })
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

async fn shout(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Ok(Response::new(upper(&request.into_inner())))
}

async fn count(request: Request<Bytes>) -> Result<Response<Answers>, Status> {
    let text = String::from_utf8_lossy(request.get_ref()).into_owned();
    let count: u32 = text.parse().map_err(|_| Status::invalid_argument("it is no number"))?;
    let numbers = (0..count).map(|number| Ok(number.to_string().into()));
    Ok(Response::new(stream::iter(numbers).boxed()))
}

async fn chat(request: Request<Streaming<Bytes>>) -> Result<Response<Answers>, Status> {
    let answers = request.into_inner().map_ok(|word| upper(&word));
    Ok(Response::new(answers.boxed()))
}

fn upper(word: &[u8]) -> Bytes {
    word.to_ascii_uppercase().into()
}

/// Messages are bytes.
#[derive(Clone, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}
