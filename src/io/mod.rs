//! Blocking I/O for async code, and the other way round.
//!
//! [`Unblock`] makes a reader or writer of the standard library asynchronous, by the reactor's threads for blocking work.
//! [`BlockOn`] lets a plain thread, or a library that knows `std::io` alone, use an asynchronous one.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use std::io::BufRead;
//! use futures_util::io::{AsyncReadExt, AsyncWriteExt};
//! use interloop::{io::{BlockOn, Unblock}, net::memory};
//!
//! // A file, which no loop can wait for, in async code.
//! let mut manifest = String::new();
//! Unblock::new(&reactor, std::fs::File::open("Cargo.toml")?).read_to_string(&mut manifest).await?;
//!
//! // A stream in code that blocks.
//! let (mut near, far) = memory::pair(64);
//! let lines = reactor.spawn_blocking(move || std::io::BufReader::new(BlockOn::new(far)).lines().collect::<Result<Vec<_>, _>>());
//! near.write_all(b"one\ntwo\n").await?;
//! near.close().await?;
//! assert_eq!(lines.await?, ["one", "two"]);
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

mod block_on;
mod jobs;
mod unblock;

pub use self::{block_on::BlockOn, unblock::Unblock};
