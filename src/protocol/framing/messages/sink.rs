use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_io::AsyncWrite;
use futures_sink::Sink;

use super::{MessageError, both::Both};
use crate::protocol::framing::Encoder;

/// When as much waits to be sent, the next message is sent only when it has gone.
const HIGH: usize = 64 * 1024;

/// Where messages are sent. Made by [`messages`](super::messages).
///
/// It is a [`Sink`] of all that its codec can write, for the combinators of the futures crates; its own methods need no such trait in scope.
/// Dropped, it drops what was fed and not flushed; the channel is closed when both are dropped.
///
/// ```
/// # futures_executor::block_on(async {
/// use futures_util::StreamExt;
/// use interloop::{net::memory, protocol::framing::{FrameError, Lines, messages}};
///
/// let (near, far) = memory::pair(1024);
/// let (_, sink) = messages::<_, _, Vec<u8>>(near, Lines::lf());
/// let (lines, _) = messages::<_, _, Vec<u8>>(far, Lines::lf());
///
/// futures_util::stream::iter(["one", "two"]).map(|line| Ok(line.as_bytes())).forward(sink).await?;
/// let received: Vec<_> = lines.take(2).map(Result::unwrap).collect().await;
/// assert_eq!(received, [b"one", b"two"]);
/// # Ok::<_, interloop::protocol::framing::MessageError<FrameError>>(())
/// # }).unwrap();
/// ```
pub struct MessageSink<S, C> {
    pub(super) both: Arc<Both<S>>,
    codec: C,
    buffer: Vec<u8>,
    sent: usize,
    has_failed: bool,
}

impl<S, C> MessageSink<S, C> {
    pub(super) fn new(both: Arc<Both<S>>, codec: C) -> Self {
        Self {
            both,
            codec,
            buffer: Vec::new(),
            sent: 0,
            has_failed: false,
        }
    }
}

impl<S: AsyncWrite + Unpin, C> MessageSink<S, C> {
    /// Sends a message: waits until it, and what was fed before, has gone.
    ///
    /// # Errors
    /// Of the codec, which leaves the sink as it was; and of the channel, after which nothing can be sent any more.
    ///
    /// # Cancel safety
    /// Dropped before it has ended, it has taken the message or not: if it has, that goes with the next one, as a whole.
    pub async fn send<M>(&mut self, message: M) -> Result<(), MessageError<C::Error>>
    where
        C: Encoder<M>,
    {
        self.feed(message).await?;
        Ok(self.flush().await?)
    }

    /// Takes a message, to go with the next [`flush`](Self::flush), or as soon as 64 KiB have been taken. Waits only while more than that has not
    /// gone.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    pub async fn feed<M>(&mut self, message: M) -> Result<(), MessageError<C::Error>>
    where
        C: Encoder<M>,
    {
        poll_fn(|cx| self.poll_ready(cx)).await?;
        self.start_send(message)
    }

    /// Waits until all that was fed has gone.
    ///
    /// # Errors
    /// Those of the channel.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// As [`flush`](Self::flush), and ends the direction: the other end reads the end of the stream.
    ///
    /// # Errors
    /// Those of the channel.
    pub async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_close(cx)).await
    }

    /// Polls for room for a message, as a sink of the futures crates does.
    ///
    /// # Errors
    /// Those of the channel.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.buffer.len() - self.sent >= HIGH {
            true => self.poll_write(cx),
            false => Poll::Ready(Ok(())),
        }
    }

    /// Takes a message, to go with the next flush.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn start_send<M>(&mut self, message: M) -> Result<(), MessageError<C::Error>>
    where
        C: Encoder<M>,
    {
        self.codec
            .encode(message, &mut self.buffer)
            .map_err(MessageError::Codec)
    }

    /// Polls for all that was fed to have gone.
    ///
    /// # Errors
    /// Those of the channel.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write(cx))?;
        self.both.poll_with(cx, |channel, cx| channel.poll_flush(cx))
    }

    /// Polls for all that was fed to have gone, and the end of the direction.
    ///
    /// # Errors
    /// Those of the channel.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write(cx))?;
        self.both.poll_with(cx, |channel, cx| channel.poll_close(cx))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_failed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while self.sent < self.buffer.len() {
            let rest = &self.buffer[self.sent..];
            match ready!(self.both.poll_with(cx, |channel, cx| channel.poll_write(cx, rest))) {
                Ok(len) if len > 0 => self.sent += len,
                wrote => {
                    self.has_failed = true;
                    return Poll::Ready(wrote.and(Err(io::ErrorKind::WriteZero.into())));
                }
            }
        }
        self.sent = 0;
        self.buffer.clear();
        if self.buffer.capacity() > HIGH {
            self.buffer = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S, C, M> Sink<M> for MessageSink<S, C>
where
    S: AsyncWrite + Unpin,
    C: Encoder<M> + Unpin,
{
    type Error = MessageError<C::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_ready(cx).map_err(MessageError::Io)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), Self::Error> {
        self.get_mut().start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_flush(cx).map_err(MessageError::Io)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_close(cx).map_err(MessageError::Io)
    }
}

impl<S, C> fmt::Debug for MessageSink<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSink")
            .field("buffered", &(self.buffer.len() - self.sent))
            .finish_non_exhaustive()
    }
}
