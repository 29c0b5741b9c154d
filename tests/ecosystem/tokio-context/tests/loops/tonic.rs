//! A gRPC server and client, on the loop.

use std::{
    convert::Infallible,
    future::{Future, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use interloop::Completer;
use tonic::{
    Request, Response, Status,
    body::Body,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{NamedService, UnaryService},
    transport::{Channel, Server, server::TcpIncoming},
};
use tower_service::Service;

use super::on_each_loop;

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

#[derive(Clone)]
struct Shouts;

impl NamedService for Shouts {
    const NAME: &'static str = "test.Shouts";
}

impl UnaryService<Bytes> for Shouts {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner().to_ascii_uppercase().into())))
    }
}

impl Service<http::Request<Body>> for Shouts {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(tonic::server::Grpc::new(Plain).unary(Shouts, request).await) })
    }
}

#[test]
fn a_server_and_a_client_run_in_tasks_of_the_loop() {
    on_each_loop(|name, context, reactor| {
        let inside = context.reactor(reactor);
        let (bound, addr) = interloop::Deferred::<_, io::Error>::pair();
        let server = inside.spawn(serve(bound));
        let wrapping = context.clone();
        let plain = reactor.clone();
        let answers = inside.spawn(async move {
            let addr = addr.await?;
            let endpoint = Channel::from_shared(format!("http://{addr}")).map_err(io::Error::other)?;
            let channel = endpoint.connect().await.map_err(io::Error::other)?;
            let first = ask(Grpc::new(channel.clone())).await?;
            // The channel is a service, and so it is when it is wrapped: here a task on the outside asks.
            let second = plain.spawn(ask(Grpc::new(wrapping.wrap(channel)))).await?;
            Ok::<_, io::Error>([first, second])
        });
        assert_eq!(answers.wait().unwrap(), [&b"HELLO"[..]; 2], "{name}");
        server.cancel();
    });
}

async fn serve(bound: Completer<std::net::SocketAddr, io::Error>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    bound.complete(listener.local_addr()?);
    let serving = Server::builder()
        .add_service(Shouts)
        .serve_with_incoming(TcpIncoming::from(listener));
    serving.await.map_err(io::Error::other)
}

async fn ask<S>(mut client: Grpc<S>) -> io::Result<Bytes>
where
    S: tonic::client::GrpcService<Body>,
    S::ResponseBody: tonic::codegen::Body + Send + 'static,
    <S::ResponseBody as tonic::codegen::Body>::Error: Into<tonic::codegen::StdError>,
{
    client.ready().await.map_err(|error| io::Error::other(error.into()))?;
    let path = PathAndQuery::from_static("/test.Shouts/Shout");
    let request = Request::new(Bytes::from_static(b"hello"));
    let answer: Response<Bytes> = client.unary(request, path, Plain).await.map_err(io::Error::other)?;
    Ok(answer.into_inner())
}
