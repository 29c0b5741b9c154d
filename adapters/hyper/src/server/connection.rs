//! Serving one connection.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_io::{AsyncRead, AsyncWrite};
use hyper_util::server::conn::auto;
use interloop::Reactor;
#[cfg(feature = "rustls")]
use interloop::net::TcpStream;
#[cfg(feature = "rustls")]
use interloop_rustls::TlsAcceptor;

use super::{
    HttpBody, HttpService,
    connections::{Phase, Served, Slot},
    io::ServerIo,
};
use crate::{Executor, Io, Timer};

/// What all connections of a server have in common.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) reactor: Reactor,
    pub(super) builder: auto::Builder<Executor>,
    pub(super) header_read_timeout: Option<Duration>,
}

impl Settings {
    /// Of a connection, with a timer of its own.
    fn builder(&self) -> auto::Builder<Executor> {
        let mut builder = self.builder.clone();
        let timer = Timer::new(&self.reactor);
        builder.http1().timer(timer.clone());
        builder.http2().timer(timer);
        builder
    }

    /// Serves a connection in a task of its own.
    pub(super) fn spawn<T, S, B>(&self, stream: Io<T>, service: S, slot: Slot, served: Served)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: HttpService<B>,
        S::Future: Send,
        B: HttpBody,
    {
        let stream = ServerIo::new(stream, slot, &self.reactor, self.header_read_timeout);
        let serving = serve(self.builder(), stream, service, served);
        self.reactor.spawn_infallible(serving).detach();
    }

    /// As [`spawn`](Self::spawn), over TLS.
    #[cfg(feature = "rustls")]
    pub(super) fn spawn_tls<S, B>(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
        service: S,
        slot: Slot,
        mut served: Served,
    ) where
        S: HttpService<B>,
        S::Future: Send,
        B: HttpBody,
    {
        let settings = self.clone();
        let serving = async move {
            let limit = settings.header_read_timeout;
            let handshake = async { Ok::<_, std::io::Error>(tls.accept(stream).await?) };
            let limited = async {
                match limit {
                    Some(limit) => settings.reactor.timeout(limit, handshake).await,
                    None => handshake.await,
                }
            };
            match until_closing(&mut served, limited).await {
                Some(Ok(stream)) => {
                    let stream = Io::new(stream).with_vectored_writes();
                    let stream = ServerIo::new(stream, slot, &settings.reactor, limit);
                    serve(settings.builder(), stream, service, served).await;
                }
                Some(Err(error)) => log::debug!("a connection ended in its TLS handshake: {error}"),
                None => {}
            }
        };
        self.reactor.spawn_infallible(serving).detach();
    }
}

/// Runs a future until the server shuts down.
#[cfg(feature = "rustls")]
async fn until_closing<F: Future>(served: &mut Served, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match served.poll_phase(cx) {
        Phase::Open => future.as_mut().poll(cx).map(Some),
        Phase::Closing | Phase::Cut => Poll::Ready(None),
    })
    .await
}

async fn serve<T, S, B>(builder: auto::Builder<Executor>, stream: ServerIo<T>, service: S, mut served: Served)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: HttpService<B>,
    S::Future: Send,
    B: HttpBody,
{
    let mut connection = pin!(builder.serve_connection_with_upgrades(stream, service));
    let mut is_told = false;
    let ended = poll_fn(|cx| {
        match served.poll_phase(cx) {
            Phase::Open => {}
            Phase::Closing if is_told => {}
            Phase::Closing => {
                is_told = true;
                connection.as_mut().graceful_shutdown();
            }
            Phase::Cut => return Poll::Ready(None),
        }
        connection.as_mut().poll(cx).map(Some)
    });
    if let Some(Err(error)) = ended.await {
        log::debug!("a connection ended with an error: {error}");
    }
}
