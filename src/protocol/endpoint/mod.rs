//! Where connections come from and go to, apart from what is done with them: endpoints, as Twisted has them.
//!
//! | noun | is |
//! |---|---|
//! | [`ServerEndpoint`] | where a server listens: [`TcpServer`], [`UnixServer`], [`Stdio`], [`AdoptedServer`]; [`ProxiedServer`] around any of them |
//! | [`ClientEndpoint`] | where a client connects to: [`TcpClient`], [`UnixClient`], [`AdoptedClient`] |
//! | [`Parser`] | makes either of text, as it is in configuration files |
//! | [`Retrying`] | a client that tries again, as a [`Backoff`] says |
//! | [`ClientService`] | keeps one connection, and makes another when it is lost |
//! | [`Inherited`] | the sockets that systemd gave the process |
//!
//! TLS is an endpoint around another one, and comes from an adapter: `interloop_rustls::TlsServer` and `TlsClient`.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use interloop::protocol::{Protocol, Transport, endpoint::{ClientEndpoint, Parser, ServerEndpoint}};
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
//!         transport.write(data);
//!     }
//! }
//!
//! // What a configuration says.
//! let path = std::env::temp_dir().join(format!("interloop-endpoint-{}", std::process::id()));
//! let (server, client) = (format!("unix:{}:mode=600", path.display()), format!("unix:path={}", path.display()));
//!
//! let parser = Parser::new();
//! let port = parser.server(&server)?.listen(&reactor, || Echo).await?;
//! let transport = parser.client(&client)?.connect(&reactor, Echo).await?;
//! transport.abort();
//! port.stop();
//! port.stopped().await?;
//! assert!(!path.exists());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod adopted;
mod arguments;
mod description;
mod error;
mod inherited;
mod lock;
mod parse_error;
mod parser;
mod proxied;
mod retry;
mod service;
mod stdio;
mod tcp;
mod tls;
mod traits;
mod unix;
mod upgrade;

pub use self::{
    adopted::{AdoptedClient, AdoptedServer},
    description::Description,
    error::EndpointError,
    inherited::Inherited,
    parse_error::ParseError,
    parser::Parser,
    proxied::ProxiedServer,
    retry::{Backoff, Delays, Retrying},
    service::ClientService,
    stdio::Stdio,
    tcp::{TcpClient, TcpServer},
    tls::{TlsOptions, TlsProvider},
    traits::{ClientEndpoint, Listening, ServerEndpoint},
    unix::{UnixClient, UnixServer},
};
