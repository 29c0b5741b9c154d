//! Real sockets: interloop's under what is written for tokio, on two loops, and tokio's under what is written for futures.

use std::io;

use futures_util::{
    StreamExt as _, TryStreamExt as _,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};
use interloop_tokio::io::{AsFutures, AsTokio};
use tokio_util::codec::{Framed, FramedRead, LinesCodec};

/// Echoes lines in capitals until the client has closed its side; the client tells what it got.
async fn lines_by_codec(reactor: &Reactor) -> Vec<String> {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = reactor.spawn(async move {
        let (stream, _) = listener.accept().await?;
        let stream = AsTokio::new(stream).with_vectored_writes();
        let (reading, mut writing) = tokio::io::split(stream);
        let mut lines = FramedRead::new(reading, LinesCodec::new());
        while let Some(line) = lines.next().await {
            let line = line.map_err(io::Error::other)?.to_uppercase() + "\n";
            tokio::io::AsyncWriteExt::write_all(&mut writing, line.as_bytes()).await?;
        }
        tokio::io::AsyncWriteExt::shutdown(&mut writing).await
    });
    let stream = TcpStream::connect(reactor, addr).await.unwrap();
    let mut framed = Framed::new(AsTokio::new(stream), LinesCodec::new());
    for n in 0..100 {
        use futures_util::SinkExt as _;
        framed.send(format!("line {n}")).await.unwrap();
    }
    // Half-closed: the answers still come.
    tokio::io::AsyncWriteExt::shutdown(framed.get_mut()).await.unwrap();
    let lines = framed.try_collect().await.unwrap();
    server.await.unwrap();
    lines
}

fn expected() -> Vec<String> {
    (0..100).map(|n| format!("LINE {n}")).collect()
}

#[test]
fn a_codec_of_tokio_util_runs_over_a_stream_of_ours_on_tokio() {
    let lines = interloop_tokio::block_on(async |reactor| lines_by_codec(&reactor).await);
    assert_eq!(lines.unwrap(), expected());
}

#[test]
fn a_codec_of_tokio_util_runs_over_a_stream_of_ours_on_smol() {
    assert_eq!(smol::block_on(lines_by_codec(&interloop_smol::global())), expected());
}

#[tokio::test]
async fn lines_of_futures_come_from_a_stream_of_tokios() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let (reading, mut writing) = AsFutures::new(stream).split();
        let mut lines = BufReader::new(reading).lines();
        while let Some(line) = lines.try_next().await? {
            writing.write_all((line.to_uppercase() + "\n").as_bytes()).await?;
        }
        writing.close().await
    });
    let mut client = AsFutures::new(tokio::net::TcpStream::connect(addr).await.unwrap());
    for n in 0..100 {
        client.write_all(format!("line {n}\n").as_bytes()).await.unwrap();
    }
    client.close().await.unwrap();
    let lines: Vec<_> = BufReader::new(client).lines().try_collect().await.unwrap();
    assert_eq!(lines, expected());
    server.await.unwrap().unwrap();
}
