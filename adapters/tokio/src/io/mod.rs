//! The two dialects of asynchronous I/O, each put into the other.
//!
//! Sockets of [`interloop::net`], and all that is written against it, speak the traits of futures-io. Much of what is written
//! for tokio speaks tokio's. [`AsTokio`] gives the first to the second, [`AsFutures`] the second to the first:
//!
//! ```
//! use futures_util::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//! use interloop::net::memory;
//! use interloop_tokio::io::{AsFutures, AsTokio};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! // One end speaks futures-io, the other one is tokio's.
//! let (ours, theirs) = memory::pair(64);
//! let (mut near, far) = tokio::io::duplex(64);
//! let relay = tokio::spawn(async move { tokio::io::copy(&mut AsTokio::new(theirs), &mut near).await });
//!
//! let mut ours = ours;
//! ours.write_all(b"hello\n").await?;
//! ours.close().await?;
//! let mut line = String::new();
//! BufReader::new(AsFutures::new(far)).read_line(&mut line).await?;
//! assert_eq!(line, "hello\n");
//! # drop(relay);
//! # Ok::<_, std::io::Error>(())
//! # })?;
//! # Ok::<_, std::io::Error>(())
//! ```
//!
//! The traits of tokio are of no runtime: what is wrapped runs where it ran before. A socket of tokio's own needs its runtime in
//! either dialect, and one of `interloop::net` runs on every loop in either.

mod as_futures;
mod as_tokio;

pub use self::{as_futures::AsFutures, as_tokio::AsTokio};
