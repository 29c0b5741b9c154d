//! Messages for async code: a stream of them, and where to send them.

use std::{
    error::Error,
    fmt,
    future::poll_fn,
    io,
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};

use super::{Decoder, Encoder};

/// As much is read at once.
const READ: usize = 8 * 1024;

/// When as much waits to be sent, the next message is sent only when it has gone.
const HIGH: usize = 64 * 1024;

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
    let both = Arc::new(Both {
        state: Mutex::new(State {
            channel: Some(Box::new(channel)),
            waiting: None,
        }),
    });
    let stream = MessageStream {
        both: both.clone(),
        codec: codec.clone(),
        buffer: Vec::new(),
        begin: 0,
        has_ended: false,
        is_at_end: false,
        owned: PhantomData,
    };
    let sink = MessageSink {
        both,
        codec,
        buffer: Vec::new(),
        sent: 0,
        has_failed: false,
    };
    (stream, sink)
}

/// The messages that come. Made by [`messages`].
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

/// Where messages are sent. Made by [`messages`].
///
/// Dropped, it drops what was fed and not flushed; the channel is closed when both are dropped.
pub struct MessageSink<S, C> {
    both: Arc<Both<S>>,
    codec: C,
    buffer: Vec<u8>,
    sent: usize,
    has_failed: bool,
}

/// Why there is no message, or one could not be sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum MessageError<E> {
    /// Reading or writing has failed.
    Io(io::Error),
    /// What has come is no message, or what is to be sent cannot be written as one.
    Codec(E),
    /// The stream has ended in the middle of a message, of which as many bytes had come.
    Partial(usize),
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
        drop(sink);
        let channel = self.both.lock().channel.take();
        let mut unread = self.buffer;
        unread.drain(..self.begin);
        // It is there, as nobody polls either of the two.
        Ok((*channel.expect("the channel is not being polled"), unread))
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

/// The channel, of which each half has its turn. It is taken out while it is polled, so that nothing foreign runs under the lock.
struct Both<S> {
    state: Mutex<State<S>>,
}

struct State<S> {
    /// None while one of the halves polls it.
    channel: Option<Box<S>>,
    /// Of the other half, which found it away.
    waiting: Option<Waker>,
}

impl<S> Both<S> {
    fn lock(&self) -> std::sync::MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_with<R>(&self, cx: &mut Context<'_>, poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<R>) -> Poll<R>
    where
        S: Unpin,
    {
        let taken = self.lock().channel.take();
        let channel = match taken {
            Some(channel) => channel,
            None => {
                let waker = cx.waker().clone();
                let mut state = self.lock();
                match state.channel.take() {
                    Some(channel) => channel,
                    None => {
                        let former = state.waiting.replace(waker);
                        drop(state);
                        drop(former);
                        return Poll::Pending;
                    }
                }
            }
        };
        let mut turn = Turn {
            both: self,
            channel: Some(channel),
        };
        match &mut turn.channel {
            Some(channel) => poll(Pin::new(&mut **channel), cx),
            None => Poll::Pending,
        }
    }
}

/// Puts the channel back, also when it panics.
struct Turn<'a, S> {
    both: &'a Both<S>,
    channel: Option<Box<S>>,
}

impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.both.lock();
            state.channel = self.channel.take();
            state.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
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

impl<S, C> fmt::Debug for MessageSink<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSink")
            .field("buffered", &(self.buffer.len() - self.sent))
            .finish_non_exhaustive()
    }
}

impl<E> fmt::Display for MessageError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the connection below the messages failed"),
            Self::Codec(_) => f.write_str("not a message of the expected form"),
            Self::Partial(len) => write!(
                f,
                "the stream ended in the middle of a message, after {len} bytes of it"
            ),
        }
    }
}

impl<E: Error + 'static> Error for MessageError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Codec(error) => Some(error),
            Self::Partial(_) => None,
        }
    }
}

impl<E> From<io::Error> for MessageError<E> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A partial message is an [`io::ErrorKind::UnexpectedEof`], what is no message [`io::ErrorKind::InvalidData`].
impl<E: Error + Send + Sync + 'static> From<MessageError<E>> for io::Error {
    fn from(error: MessageError<E>) -> Self {
        match error {
            MessageError::Io(error) => error,
            MessageError::Codec(_) => Self::new(io::ErrorKind::InvalidData, error),
            MessageError::Partial(_) => Self::new(io::ErrorKind::UnexpectedEof, error),
        }
    }
}
