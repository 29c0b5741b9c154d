//! [hyper](https://hyper.rs) on every loop: its runtime traits, a server and a client, each of one
//! [`Reactor`](interloop::Reactor), by value.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{convert::Infallible, time::Duration};
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Empty, Full};
//! use hyper::{Request, Response, body::Incoming, service::service_fn};
//! use interloop::{Reactor, net::TcpListener};
//! use interloop_hyper::{Client, ClientBuilder, Server};
//!
//! async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new(format!("hello {}", request.uri().path()).into()))
//! }
//!
//! async fn run(reactor: Reactor) -> Result<(), Box<dyn std::error::Error>> {
//!     let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
//!     let addr = listener.local_addr()?;
//!     let serving = Server::new(&reactor).serve(listener, service_fn(hello));
//!
//!     let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
//!     let response = client.get(format!("http://{addr}/world").parse()?).await?;
//!     assert_eq!(response.into_body().collect().await?.to_bytes(), "hello /world");
//!
//!     let shutdown = serving.shut_down(Duration::from_secs(10)).await?;
//!     assert_eq!(shutdown.cut(), 0);
//!     Ok(())
//! }
//!
//! // On whichever loop there is:
//! interloop_tokio::block_on(run)??;
//! interloop_smol::block_on(run)??;
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | [`Server`] | serves HTTP/1.1 and HTTP/2, by a service of hyper or of tower, such as axum's `Router` |
//! | [`Serving`] | a server that runs; awaited, the reason for its end; [shut down](Serving::shut_down), how many connections were cut |
//! | [`Client`] | hyper-util's client with its pool, made by a [`ClientBuilder`] |
//! | [`HttpConnector`] | what connects it: by name, to whichever address answers first; with TLS |
//! | [`Executor`], [`Timer`] | hyper's traits of these names, over a reactor; [`LocalExecutor`] for what stays on its thread |
//! | [`Io`] | what speaks the traits of futures-io, speaking hyper's, and the other way round |
//!
//! The last three are for what hyper has and this crate has no word for: `hyper::client::conn`, `hyper::server::conn`, and
//! whatever else takes its traits.
//!
//! # One loop and another
//!
//! A server and a client belong to the loop of their reactor: their connections are tasks there. Requests, responses and bodies can
//! be awaited anywhere, so a handler on one loop may use a client of another, as the example `reverse_proxy` does. When the
//! loop shuts down, its connections end; [`Serving`] fails with [`Aborted::shut_down`](interloop::Aborted::shut_down) in the error, and a
//! request of a client with hyper's error for a connection that was closed.
//!
//! # Errors
//!
//! [`Serving`] fails with the [`io::Error`](std::io::Error) of its listener. What concerns one connection ends that one, see
//! [`Server`]. A client fails with hyper-util's error, in whose [`source`](std::error::Error::source) is a [`ConnectError`], if it could not
//! connect. Neither panics where hyper alone does for the lack of a timer: it always has one.
//!
//! # What it costs
//!
//! A server on tokio's current-thread runtime takes about the CPU time for a request of HTTP/1.1 that hyper takes over
//! hyper-util's own adapters for tokio: `benches/README.md` has the table. There is no thread beside the loop's own, which look
//! names up as blocking jobs. Each thread that reads or writes keeps a buffer of 64 KiB, see [`Io`].
//!
//! hyper itself uses channels and traits of the crate tokio, and its client compiles tokio's types of the network. Nothing of its
//! runtime is started or needed.
//!
//! # Features
//!
//! - `client` (on): [`ClientBuilder`] and [`HttpConnector`].
//! - `server` (on): [`Server`].
//! - `rustls`: HTTPS in both. The cryptography and the trusted roots are chosen by the features of `interloop-rustls`.

#![forbid(unsafe_code)]

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod connector;
#[cfg(feature = "client")]
mod error;
mod executor;
mod io;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "client")]
mod stream;
mod timer;

#[cfg(feature = "server")]
pub use self::server::{HttpBody, HttpService, Server, ServerHandle, Serving, Shutdown};
#[cfg(feature = "client")]
pub use self::{
    client::{Client, ClientBuilder},
    connector::{Connecting, ConnectionInfo, HttpConnector},
    error::ConnectError,
    stream::HttpStream,
};
pub use self::{
    executor::{Executor, LocalExecutor},
    io::Io,
    timer::Timer,
};
