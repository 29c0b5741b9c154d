//! The libraries, each with one exchange.

mod async_nats;
mod async_tungstenite;
mod axum;
mod hickory;
mod hyper;
mod lapin;
mod lettre;
mod quinn;
mod rdkafka;
mod redis;
mod reqwest;
mod rustls;
mod sqlx;
mod tokio_postgres;
mod tonic;
mod tower;
mod zbus;

use std::{env, future::Future, net::SocketAddr, pin::Pin, time::Duration};

use ::hyper::{Request, Response, body::Incoming};
use bytes::Bytes;
use interloop::{Reactor, net::TcpListener};
use interloop_hyper::{Server, Serving};
use interloop_tokio::context::Context;

use crate::Failure;

/// A library, and what it is to show.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    /// Its package, for the version.
    package: &'static str,
    /// How it comes onto the loop.
    pub(crate) by: &'static str,
    /// What is verified.
    pub(crate) exchanges: &'static str,
    /// What it talks to, where that is no part of the exchange.
    pub(crate) server: Option<Service>,
    pub(crate) run: fn(Reactor) -> Exchange,
}

type Exchange = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// A real server beside the program.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// Says where it is.
    pub(crate) variable: &'static str,
}

pub(crate) const LIBRARIES: &[Library] = &[
    hyper::LIBRARY,
    axum::LIBRARY,
    reqwest::LIBRARY,
    tonic::LIBRARY,
    tower::LIBRARY,
    async_tungstenite::LIBRARY,
    lettre::LIBRARY,
    rustls::LIBRARY,
    quinn::LIBRARY,
    hickory::LIBRARY,
    tokio_postgres::LIBRARY,
    sqlx::LIBRARY,
    redis::LIBRARY,
    async_nats::LIBRARY,
    lapin::LIBRARY,
    rdkafka::LIBRARY,
    zbus::LIBRARY,
];

impl Library {
    /// The version that is locked.
    pub(crate) fn version(&self) -> &'static str {
        const LOCK: &str = include_str!("../../../Cargo.lock");

        let package = format!("\nname = \"{}\"\nversion = \"", self.package);
        // The last one is the newest.
        let version = LOCK.rsplit_once(&package).and_then(|(_, rest)| rest.split('"').next());
        version.unwrap_or("of an unknown version")
    }
}

impl Service {
    /// Where it is.
    fn place(self) -> Result<String, Failure> {
        Ok(env::var(self.variable)?)
    }
}

/// A tokio for libraries that need one: the one that runs the task, or else one of a single thread, which is started here.
fn tokio_context() -> Result<Context, interloop_tokio::Error> {
    Context::current().or_else(|error| {
        if error.is_no_runtime() {
            Context::own(1)
        } else {
            Err(error)
        }
    })
}

/// An HTTP server that gives the bodies back.
fn serve_echo(reactor: &Reactor) -> Result<(Serving, SocketAddr), Failure> {
    async fn echo(request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
        Ok(Response::new(request.into_body()))
    }

    let listener = TcpListener::bind(reactor, "127.0.0.1:0".parse()?)?;
    let addr = listener.local_addr()?;
    let serving = Server::new(reactor).serve(listener, ::hyper::service::service_fn(echo));
    Ok((serving, addr))
}

/// Ends a server, which has nothing left to do.
async fn shut_down(serving: Serving) -> Result<(), Failure> {
    let shutdown = serving.shut_down(Duration::from_secs(10)).await?;
    expect(shutdown.cut(), 0, "connections that the server had to cut")
}

/// Bytes whose order matters.
fn bytes(length: usize) -> Bytes {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

fn expect<T: PartialEq + std::fmt::Debug>(got: T, expected: T, what: &str) -> Result<(), Failure> {
    if got == expected {
        return Ok(());
    }
    let shown = |value: T| format!("{value:.80?}").chars().take(80).collect::<String>();
    Err(format!("{what}: got {}, expected {}", shown(got), shown(expected)).into())
}
