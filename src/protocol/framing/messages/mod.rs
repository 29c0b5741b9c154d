//! Messages for async code: a stream of them, and where to send them.

mod both;
mod error;
mod sink;
mod stream;

use std::sync::Arc;

use futures_io::{AsyncRead, AsyncWrite};

use self::both::Both;
pub use self::{error::MessageError, sink::MessageSink, stream::MessageStream};
use super::Decoder;

/// Makes a stream of messages and a sink for messages of a channel and its codec: for `async` code in place of a
/// [`Receiver`](super::Receiver), over a socket or what [`Transport::detach`](crate::protocol::Transport::detach) gives.
///
/// The messages of the stream are owned: `T` is anything that a frame can be made into, `Vec<u8>` or `Box<[u8]>` for frames of bytes. Each of
/// the two has a codec, the sink a clone.
///
/// ```
/// # futures_executor::block_on(async {
/// use interloop::{net::memory, protocol::framing::{Lines, messages}};
///
/// let (near, far) = memory::pair(64);
/// let (mut questions, mut answers) = messages::<_, _, Vec<u8>>(far, Lines::crlf());
/// let (mut received, mut asked) = messages::<_, _, Vec<u8>>(near, Lines::crlf());
///
/// asked.send(&b"anybody there?"[..]).await?;
/// asked.close().await?;
/// while let Some(question) = questions.next().await {
///     assert_eq!(question?, b"anybody there?");
///     answers.send(&b"yes"[..]).await?;
/// }
/// answers.close().await?;
/// assert_eq!(received.next().await.unwrap()?, b"yes");
/// assert!(received.next().await.is_none());
/// # Ok::<_, interloop::protocol::framing::MessageError<interloop::protocol::framing::FrameError>>(())
/// # }).unwrap();
/// ```
pub fn messages<S, C, T>(channel: S, codec: C) -> (MessageStream<S, C, T>, MessageSink<S, C>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Decoder + Clone,
    for<'a> C::Frame<'a>: Into<T>,
{
    let both = Arc::new(Both::new(channel));
    let stream = MessageStream::new(both.clone(), codec.clone());
    (stream, MessageSink::new(both, codec))
}
