use std::{
    fmt,
    future::poll_fn,
    io,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_io::AsyncRead;

use super::{MessageError, MessageSink, both::Both};
use crate::protocol::framing::Decoder;

/// As much is read at once.
const READ: usize = 8 * 1024;

/// The messages that come. Made by [`messages`](super::messages).
///
/// It ends with the stream below, and after an error. A message that was cut off by the end is the error [`MessageError::Partial`].
///
/// # Cancel safety
/// A wait for the next message that is dropped loses nothing: what has come of it is kept.
pub struct MessageStream<S, C, T = Vec<u8>> {
    both: Arc<Both<S>>,
    codec: C,
    /// What has come; that before `begin` is done with.
    buffer: Vec<u8>,
    begin: usize,
    /// There will be no more messages.
    has_ended: bool,
    /// There will be no more bytes.
    is_at_end: bool,
    owned: PhantomData<fn() -> T>,
}

impl<S, C, T> MessageStream<S, C, T> {
    pub(super) fn new(both: Arc<Both<S>>, codec: C) -> Self {
        Self {
            both,
            codec,
            buffer: Vec::new(),
            begin: 0,
            has_ended: false,
            is_at_end: false,
            owned: PhantomData,
        }
    }
}

impl<S, C, T> MessageStream<S, C, T>
where
    S: AsyncRead + Unpin,
    C: Decoder,
    for<'a> C::Frame<'a>: Into<T>,
{
    /// The next message; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T, MessageError<C::Error>>> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Polls for the next message.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, MessageError<C::Error>>>> {
        loop {
            if self.has_ended {
                return Poll::Ready(None);
            }
            match self.codec.decode(&self.buffer[self.begin..]) {
                Ok(found) => {
                    let consumed = found.consumed.min(self.buffer.len() - self.begin);
                    let frame = found.frame.map(Into::into);
                    self.begin += consumed;
                    if let Some(frame) = frame {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Err(error) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(Err(MessageError::Codec(error))));
                }
            }
            if self.is_at_end {
                self.has_ended = true;
                return match self.buffer.len() - self.begin {
                    0 => Poll::Ready(None),
                    len => Poll::Ready(Some(Err(MessageError::Partial(len)))),
                };
            }
            match ready!(self.poll_fill(cx)) {
                Ok(is_at_end) => self.is_at_end = is_at_end,
                Err(error) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(Err(MessageError::Io(error))));
                }
            }
        }
    }

    /// Reads more. Whether that was the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.buffer.drain(..self.begin);
        self.begin = 0;
        let len = self.buffer.len();
        self.buffer.resize(len + READ, 0);
        let buffer = &mut self.buffer;
        let read = self
            .both
            .poll_with(cx, |channel, cx| channel.poll_read(cx, &mut buffer[len..]));
        let has = match &read {
            Poll::Ready(Ok(read)) => *read,
            _ => 0,
        };
        self.buffer.truncate(len + has);
        if self.buffer.is_empty() {
            // Nothing is held while nothing comes.
            self.buffer = Vec::new();
        }
        read.map_ok(|read| read == 0)
    }

    /// Puts the two together again: the channel, and the bytes that have come and were not consumed.
    ///
    /// What was fed to the sink and not flushed is lost.
    ///
    /// # Errors
    /// Both, if the sink is that of another channel.
    #[allow(clippy::type_complexity)]
    pub fn reunite(self, sink: MessageSink<S, C>) -> Result<(S, Vec<u8>), (Self, MessageSink<S, C>)> {
        if !Arc::ptr_eq(&self.both, &sink.both) {
            return Err((self, sink));
        }
        // It is there, as nobody polls either of the two.
        let Some(channel) = self.both.take() else {
            return Err((self, sink));
        };
        let mut unread = self.buffer;
        unread.drain(..self.begin);
        Ok((*channel, unread))
    }
}

impl<S, C, T> Stream for MessageStream<S, C, T>
where
    S: AsyncRead + Unpin,
    C: Decoder + Unpin,
    for<'a> C::Frame<'a>: Into<T>,
{
    type Item = Result<T, MessageError<C::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx)
    }
}

impl<S, C, T> fmt::Debug for MessageStream<S, C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream")
            .field("buffered", &(self.buffer.len() - self.begin))
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
