//! The same protocol code over TCP on real loops and over memory on a clock, with the same results.

use std::{
    fmt::Debug,
    future::Future,
    io::{self, ErrorKind},
    time::Duration,
};

use futures_executor::block_on;
use futures_util::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use interloop::{
    Clock, Deferred, Reactor,
    net::{
        TcpListener, TcpStream,
        memory::{MemoryListener, MemoryStream},
    },
};

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug + 'static {}

impl Stream for TcpStream {}
impl Stream for MemoryStream {}

/// Answers each line with the same in capitals, until there are no more or one says "bye".
async fn serve_lines(stream: impl Stream) -> io::Result<usize> {
    let mut stream = BufReader::new(stream);
    let mut count = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            stream.close().await?;
            return Ok(count);
        }
        count += 1;
        stream.get_mut().write_all(line.to_uppercase().as_bytes()).await?;
        if line == "bye\n" {
            return Ok(count);
        }
    }
}

/// Sends lines while it reads the answers, and ends its direction if none of them has ended the conversation.
async fn ask(stream: impl Stream, lines: &[String]) -> io::Result<String> {
    let (mut reader, mut writer) = stream.split();
    let asking = async {
        for line in lines {
            writer.write_all(line.as_bytes()).await?;
        }
        if lines.last().is_none_or(|line| line != "bye\n") {
            writer.close().await?;
        }
        Ok(())
    };
    let mut answers = String::new();
    let reading = reader.read_to_string(&mut answers);
    let both: (io::Result<()>, io::Result<usize>) = futures_util::future::join(asking, reading).await;
    both.0.and(both.1)?;
    Ok(answers)
}

async fn lines_are_answered((client, server): (impl Stream, impl Stream), reactor: Reactor) -> io::Result<()> {
    let mut lines: Vec<_> = (0..2000)
        .map(|n| format!("line {n} {}\n", "x".repeat(n % 50)))
        .collect();
    lines.push("the end without a newline".to_owned());
    let served = reactor.spawn(serve_lines(server));
    assert_eq!(ask(client, &lines).await?, lines.concat().to_uppercase());
    assert_eq!(served.await?, 2001);
    Ok(())
}

async fn a_server_may_end_first((client, server): (impl Stream, impl Stream), reactor: Reactor) -> io::Result<()> {
    let served = reactor.spawn(serve_lines(server));
    let lines = ["hello\n", "bye\n"].map(str::to_owned);
    assert_eq!(ask(client, &lines).await?, "HELLO\nBYE\n");
    assert_eq!(served.await?, 2);
    Ok(())
}

async fn half_a_connection_goes_on((client, server): (impl Stream, impl Stream), _: Reactor) -> io::Result<()> {
    let (mut client, mut server) = (client, server);
    client.write_all(b"ask").await?;
    client.close().await?;
    client.close().await?;
    assert_eq!(client.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut asked = Vec::new();
    server.read_to_end(&mut asked).await?;
    assert_eq!(asked, b"ask");
    assert_eq!(server.read(&mut [0; 8]).await?, 0);
    server.write_all(b"answer").await?;
    server.flush().await?;
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await?;
    assert_eq!(answer, b"answer");
    Ok(())
}

async fn nothing_is_moved_at_once((client, server): (impl Stream, impl Stream), _: Reactor) -> io::Result<()> {
    let (mut client, server) = (client, server);
    assert_eq!(client.read(&mut []).await?, 0);
    assert_eq!(client.write(&[]).await?, 0);
    assert_eq!(client.read_vectored(&mut [io::IoSliceMut::new(&mut [])]).await?, 0);
    client.close().await?;
    assert_eq!(client.write(&[]).await?, 0);
    assert_eq!(client.write_vectored(&[]).await?, 0);
    drop(server);
    Ok(())
}

async fn writes_to_an_end_that_is_gone_fail(
    (client, server): (impl Stream, impl Stream),
    _: Reactor,
) -> io::Result<()> {
    let mut client = client;
    drop(server);
    // A socket takes some until it has heard of it.
    let error = loop {
        if let Err(error) = client.write(&[0; 1024]).await {
            break error;
        }
    };
    let expected = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(expected.contains(&error.kind()), "{error}");
    Ok(())
}

async fn an_idle_client_is_sent_away((client, server): (impl Stream, impl Stream), reactor: Reactor) -> io::Result<()> {
    let mut client = client;
    let limited = reactor.timeout(Duration::from_millis(20), serve_lines(server));
    assert_eq!(limited.await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(client.read(&mut [0; 8]).await?, 0);
    Ok(())
}

async fn tcp_pair(reactor: &Reactor) -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into())?;
    let client = TcpStream::connect(reactor, listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    Ok((client, server))
}

async fn memory_pair() -> io::Result<(MemoryStream, MemoryStream)> {
    let listener = MemoryListener::new(100);
    let client = listener.connector().connect().await?;
    Ok((client, listener.accept().await?))
}

fn over_tcp<F>(reactor: &Reactor, test: fn((TcpStream, TcpStream), Reactor) -> F) -> Deferred<(), io::Error>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let reactor = reactor.clone();
    reactor
        .clone()
        .spawn(async move { test(tcp_pair(&reactor).await?, reactor).await })
}

fn over_memory<F>(reactor: &Reactor, test: fn((MemoryStream, MemoryStream), Reactor) -> F) -> Deferred<(), io::Error>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let reactor = reactor.clone();
    reactor
        .clone()
        .spawn(async move { test(memory_pair().await?, reactor).await })
}

/// Tests of what a protocol sees, each over sockets and memory on real loops, and over memory on clocks.
macro_rules! everywhere {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            use super::*;

            #[test]
            fn on_tokio() {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
                block_on(over_tcp(&reactor, super::$name)).unwrap();
                block_on(over_memory(&reactor, super::$name)).unwrap();
            }

            #[test]
            fn on_smol() {
                let reactor = interloop_smol::global();
                block_on(over_tcp(&reactor, super::$name)).unwrap();
                block_on(over_memory(&reactor, super::$name)).unwrap();
            }

            #[test]
            fn on_clocks() {
                let seeded = (0..10).map(Clock::with_seed);
                for clock in [Clock::new()].into_iter().chain(seeded) {
                    let ended = over_memory(&clock.reactor(), super::$name);
                    clock.run_until(ended).unwrap().unwrap();
                }
            }
        }
    )* };
}

everywhere! {
    lines_are_answered,
    a_server_may_end_first,
    half_a_connection_goes_on,
    nothing_is_moved_at_once,
    writes_to_an_end_that_is_gone_fail,
    an_idle_client_is_sent_away,
}
