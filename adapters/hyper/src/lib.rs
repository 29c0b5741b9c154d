//! hyper.

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
