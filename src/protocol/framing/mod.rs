//! Messages out of bytes: lines, netstrings, length prefixes, and codecs of your own.
//!
//! A [`Decoder`] finds messages in what was received, an [`Encoder`] writes them; [`Lines`], [`Netstrings`] and [`Prefixed`] are
//! both. A [`Receiver`] is called with each message, and [`Framed`] makes a [`Protocol`](super::Protocol) of it:
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use futures_util::io::{AsyncReadExt, AsyncWriteExt};
//! use interloop::{net::memory, protocol::{self, framing::{Framed, Frames, Lines, Receiver}}};
//!
//! /// Answers each line with the line reversed, until one is empty.
//! struct Reverse;
//!
//! impl Receiver for Reverse {
//!     type Codec = Lines;
//!
//!     fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
//!         if line.is_empty() {
//!             return lines.transport().lose_connection();
//!         }
//!         let reversed: Vec<u8> = line.iter().rev().copied().collect();
//!         lines.send(&reversed).expect("as long as the one that came");
//!     }
//! }
//!
//! let (mut ours, theirs) = memory::pair(1024);
//! protocol::attach(&reactor, theirs, Framed::new(Lines::crlf(), Reverse));
//! ours.write_all(b"stressed\r\nlive\r\n\r\n").await?;
//! let mut answer = String::new();
//! ours.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "desserts\r\nevil\r\n");
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

mod lines;
mod messages;
mod netstrings;
mod prefixed;
mod receiver;

use std::{error::Error, fmt};

pub use self::{
    lines::Lines,
    messages::{MessageError, MessageSink, MessageStream, messages},
    netstrings::Netstrings,
    prefixed::{Prefix, Prefixed},
    receiver::{Framed, Frames, Receiver},
};

/// Finds messages in bytes as they come.
///
/// As tokio-util's trait of that name, except that it looks at bytes where they are and copies none: a frame may borrow
/// from them.
pub trait Decoder {
    /// A message.
    type Frame<'a>;

    /// Why bytes are no message.
    type Error: Error + Send + Sync + 'static;

    /// Looks at all bytes that have come and were not consumed. It is called again, with what follows, as long as
    /// it gives frames; and when more has come.
    ///
    /// # Errors
    /// If no message can begin as these bytes do. It must not wait for the whole of a message that is longer than its limit.
    fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<Self::Frame<'a>>, Self::Error>;

    /// What was looked at and not consumed has gone another way, as raw bytes for example: what is given next is something else.
    ///
    /// A codec that remembers how far it has looked begins anew. Does nothing, unless it says otherwise.
    fn forget(&mut self) {}
}

/// What a look at bytes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<F> {
    /// As many bytes at the beginning are done with.
    pub consumed: usize,
    /// The message they were, if they were one. `None` asks for more bytes.
    pub frame: Option<F>,
}

impl<F> Decoded<F> {
    /// More bytes are needed; none are consumed.
    pub fn more() -> Self {
        Self {
            consumed: 0,
            frame: None,
        }
    }

    /// A message of as many bytes.
    pub fn frame(consumed: usize, frame: F) -> Self {
        Self {
            consumed,
            frame: Some(frame),
        }
    }
}

/// Writes messages as bytes.
pub trait Encoder<M> {
    /// Why a message cannot be written.
    type Error: Error + Send + Sync + 'static;

    /// Adds a message to the end of `out`.
    ///
    /// # Errors
    /// If the message cannot be written in this form. Nothing was added then.
    fn encode(&mut self, message: M, out: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// Why bytes are no message, or a message cannot be bytes, of [`Lines`], [`Netstrings`] and [`Prefixed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The message is longer than the limit, by what has come of it.
    TooLong {
        /// The most bytes that a message may have.
        limit: usize,
    },
    /// The bytes do not follow the form: what is wrong with them.
    Malformed(&'static str),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(
                f,
                "the message is longer than the {limit} bytes that are allowed: raise the limit, or send it in parts"
            ),
            Self::Malformed(what) => write!(f, "not a message of this form: {what}"),
        }
    }
}

impl Error for FrameError {}

/// Checks a message's length.
fn check(len: usize, limit: usize) -> Result<(), FrameError> {
    match len > limit {
        true => Err(FrameError::TooLong { limit }),
        false => Ok(()),
    }
}
