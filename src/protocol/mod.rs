//! Connections that call back: protocols, as Twisted and asyncio have them, on any loop.
//!
//! | noun | is |
//! |---|---|
//! | [`Protocol`] | what a program does with a connection: methods that are called as things happen to it |
//! | [`Transport`] | its handle on the connection: writes, pauses, closes |
//! | [`Factory`] | makes a protocol for each connection of a server |
//! | [`Channel`] | what a connection runs over: a socket, TLS, memory |
//! | [`Lost`] | why a connection is over |
//!
//! [`attach`] gives a stream to a protocol, [`serve`] does so with all that a listener accepts, and [`Transport::detach`]
//! makes a stream of a connection again. [`datagram`] has the same for datagrams, `process` for child processes (with the feature of that name), and
//! [`testing`] drives protocols without either.
//!
//! # The life of a connection
//!
//! Each connection is a task of its reactor, which reads, calls the protocol, and sends what that has written. While it waits it
//! has no buffers: those are shared by the connections of a thread. What a method writes is sent when it has returned, in
//! one system call if the system takes it.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use futures_util::io::{AsyncReadExt, AsyncWriteExt};
//! use interloop::{net::{TcpListener, TcpStream}, protocol::{self, Lost, Protocol, Transport}};
//!
//! /// Says how many bytes it has been sent, and closes.
//! #[derive(Default)]
//! struct Count {
//!     bytes: usize,
//! }
//!
//! impl Protocol for Count {
//!     fn data_received(&mut self, _: &Transport, data: &[u8]) {
//!         self.bytes += data.len();
//!     }
//!
//!     fn eof_received(&mut self, transport: &Transport) -> protocol::AfterEof {
//!         transport.write(self.bytes.to_string().as_bytes());
//!         protocol::AfterEof::Close
//!     }
//!
//!     fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
//!         assert!(reason.is_closed());
//!     }
//! }
//!
//! let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse().unwrap())?;
//! let addr = listener.local_addr()?;
//! let port = protocol::serve(&reactor, listener.into_incoming(), Count::default);
//!
//! let mut stream = TcpStream::connect(&reactor, addr).await?;
//! stream.write_all(&[7; 1000]).await?;
//! stream.close().await?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "1000");
//!
//! port.stop();
//! port.stopped().await?;
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

pub mod datagram;
pub mod endpoint;
pub mod framing;
#[cfg(feature = "process")]
pub mod process;
pub mod testing;

mod buffers;
mod channel;
mod connection;
mod lost;
mod mail;
mod options;
mod serve;
mod shared;
mod traits;
mod transport;

pub use self::{
    channel::{Address, Bare, Channel, Detached},
    connection::attach,
    lost::Lost,
    options::InvalidMarks,
    serve::{Port, serve},
    traits::{AfterEof, Factory, Protocol},
    transport::Transport,
};

/// Runs foreign code where nothing is left that could fail with its panic.
fn contain(what: &str, code: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(code)).is_err() {
        log::error!("{what} panicked; it was over already, and everything else goes on");
    }
}
