//! TLS over any stream of futures-io, by [rustls]: on every loop, as no loop is asked.
//!
//! A [`TlsConnector`] makes the client's end of a connection, a [`TlsAcceptor`] the server's, and what comes of either is a
//! [`TlsStream`], which reads and writes with the traits of futures-io again:
//!
//! ```no_run
//! use futures_util::io::{AsyncReadExt, AsyncWriteExt};
//! use interloop::{Reactor, net::TcpStream};
//! use interloop_rustls::TlsConnector;
//!
//! # #[cfg(feature = "webpki-roots")]
//! async fn fetch(reactor: &Reactor, addr: std::net::SocketAddr) -> std::io::Result<Vec<u8>> {
//!     let stream = TcpStream::connect(reactor, addr).await?;
//!     let mut stream = TlsConnector::new()?.connect("example.org", stream).await?;
//!     stream.write_all(b"GET / HTTP/1.0\r\nhost: example.org\r\n\r\n").await?;
//!     stream.flush().await?;
//!     let mut answer = Vec::new();
//!     stream.read_to_end(&mut answer).await?;
//!     Ok(answer)
//! }
//! ```
//!
//! # The end of a connection
//!
//! Closing a stream (`AsyncWriteExt::close`) tells the other end that nothing more comes (`close_notify`) and closes the writing
//! direction of what is below; reading goes on until the other end does the same. A connection that ends without that
//! may have been cut off by somebody else, and reading it is an
//! [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) then, after all that came before.
//!
//! # Features
//!
//! - `ring` (on): cryptography by ring. `aws-lc-rs`: by aws-lc-rs, which is taken where both are on. Each needs a C compiler.
//! - `webpki-roots` (on): `TlsConnector::new`, which trusts the certificate authorities that Mozilla does, as of when the
//!   program was built. `platform-roots`: `TlsConnector::with_platform_roots`, which trusts those that the system does.
//! - `endpoints`: protocols of `interloop` over TLS. A [`TlsStream`] is a `Channel`, which says how TLS starts in the middle of a connection;
//!   `TlsServer` and `TlsClient` are endpoints around any other, and `TlsFiles` makes them of text such as
//!   `ssl:443:privateKey=key.pem:certKey=chain.pem`.
//!
//! With neither kind of cryptography, the process's default of rustls is used, if the program has set one.

#![forbid(unsafe_code)]

mod acceptor;
#[cfg(feature = "endpoints")]
mod channel;
mod connector;
#[cfg(feature = "endpoints")]
mod endpoint;
mod error;
#[cfg(feature = "endpoints")]
mod files;
mod session;
mod stream;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use rustls;

pub use self::{acceptor::TlsAcceptor, connector::TlsConnector, error::TlsError, stream::TlsStream};
#[cfg(feature = "endpoints")]
pub use self::{
    endpoint::{TlsClient, TlsServer},
    files::TlsFiles,
};

/// The cryptography that the features choose.
fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    let provider = Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    let provider = CryptoProvider::get_default().cloned();
    provider.ok_or_else(TlsError::no_provider)
}
