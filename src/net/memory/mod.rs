//! Connections in memory, which behave as sockets do and need none: to run protocol code on a
//! [`Clock`](crate::Clock), or to connect two parts of one program.
//!
//! They need no reactor, and run on any loop. Code that takes what reads and writes, instead of a
//! [`TcpStream`](super::TcpStream), cannot tell the difference:
//!
//! ```
//! use futures_util::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
//! use interloop::{Clock, net::memory};
//!
//! /// Answers a greeting. The caller says what it speaks over.
//! async fn greet(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
//!     let mut stream = BufReader::new(stream);
//!     let mut name = String::new();
//!     stream.read_line(&mut name).await?;
//!     stream.get_mut().write_all(format!("hello {name}").as_bytes()).await
//! }
//!
//! let clock = Clock::new();
//! let (mut client, server) = memory::pair(64);
//! clock.reactor().spawn(greet(server)).detach();
//! let answer = clock.run_until(async {
//!     client.write_all(b"world\n").await?;
//!     let mut answer = String::new();
//!     client.read_to_string(&mut answer).await?;
//!     Ok::<_, std::io::Error>(answer)
//! });
//! assert_eq!(answer.unwrap().unwrap(), "hello world\n");
//! ```

mod listener;
mod parked;
mod pipe;
mod stream;

pub use self::{
    listener::{Incoming, MemoryConnector, MemoryListener},
    stream::{MemoryStream, pair},
};
