//! What the tests share.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{Shutdown, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};
use interloop_hyper::{Server, Serving};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const SOON: Duration = Duration::from_millis(50);

pub(crate) fn listen(reactor: &Reactor) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Serves by a function.
pub(crate) fn serve<F, R>(server: Server, reactor: &Reactor, answer: F) -> (Serving, SocketAddr)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let (listener, addr) = listen(reactor);
    let service = service_fn(move |request| {
        let answering = answer(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    (server.serve(listener, service), addr)
}

/// Answers with the method, the path and the body of what was asked.
pub(crate) async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut text = format!("{} {}\n", request.method(), request.uri().path()).into_bytes();
    match request.into_body().collect().await {
        Ok(body) => text.extend_from_slice(&body.to_bytes()),
        Err(error) => text.extend_from_slice(error.to_string().as_bytes()),
    }
    Response::new(text.into())
}

pub(crate) async fn stop(serving: Serving) {
    serving.shut_down(HOUR).await.unwrap();
}

/// A client of no library.
pub(crate) struct Raw {
    stream: BufReader<TcpStream>,
}

impl Raw {
    pub(crate) async fn connect(reactor: &Reactor, addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(reactor, addr).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) {
        self.say(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            .await;
    }

    /// The header of the next response, in lower case, and its body.
    pub(crate) async fn response(&mut self) -> io::Result<(String, String)> {
        let header = self.header().await?;
        let length = header
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok((header, String::from_utf8(body).unwrap()))
    }

    pub(crate) async fn header(&mut self) -> io::Result<String> {
        let mut header = String::new();
        while !header.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut header).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(header.to_lowercase())
    }

    /// What comes until the server closes the connection, or resets it.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut rest).await {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        rest
    }

    pub(crate) fn shut_down_writing(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        assert!(self.stream.buffer().is_empty());
        self.stream.into_inner()
    }
}

/// Counts what was dropped.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

pub(crate) struct OnDrop(Counter);

impl Counter {
    pub(crate) fn add(&self, number: usize) -> usize {
        self.0.fetch_add(number, Ordering::Relaxed) + number
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(1);
    }
}
