use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, Read, Seek, SeekFrom, Write},
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};

use super::jobs::{self, Backlog, Done, Outcome};
use crate::{Aborted, Deferred, Interest, Reactor, source::Waiters};

/// Bytes for each direction, unless [`Unblock::with_capacity`] says otherwise.
const CAPACITY: usize = 64 * 1024;

/// A reader or writer of the standard library that reads and writes asynchronously, on the threads that a reactor has for
/// blocking work.
///
/// A thread is taken for as long as an operation lasts, and none between operations.
///
/// **Reading** reads no more than it is asked for at once, so there is no read-ahead; put futures' `BufReader` around it for small
/// reads. A read that is given up goes on, and what it got is there for the next one; a write to the same file goes behind
/// it, unless a seek comes between.
///
/// **Writing** is done when the bytes have been copied; they are written in the background, at most the capacity
/// waiting while as much is written. So an error is reported by the next operation, whatever it is, and what was
/// accepted and not written by then is lost. `flush` waits for all that was accepted, and then for the inner `flush`. `close` does the
/// same, and drops the inner value, also on such a thread, since that is how the standard library closes: a reader of a
/// pipe sees the end then. If it fails, the value is still there, and `close` can be called again.
///
/// **Dropping** it loses nothing that was accepted: an operation that runs goes on to its end, and the inner value is
/// dropped then. What it comes to, nobody learns. Where no operation runs the inner value is dropped at once, on this thread. Only a
/// loop that has shut down loses what was accepted. A read that nothing ever comes to, as of a terminal, keeps its thread, and a tokio
/// runtime that is dropped waits for such threads (`shutdown_background` does not).
///
/// **One operation at a time** is done on the inner value: while a read waits for a peer, nothing is written. For two
/// directions at once, use a handle for each (`try_clone`).
///
/// An operation that panics takes the inner value with it. The error is that panic's [`Aborted`], and every
/// operation after it is an [`io::ErrorKind::BrokenPipe`], as it is after `close`.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use std::io::SeekFrom;
/// use futures_util::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
/// use interloop::io::Unblock;
///
/// let mut file = Unblock::new(&reactor, std::io::Cursor::new(Vec::new()));
/// file.write_all(b"hello world").await?;
/// file.seek(SeekFrom::Start(6)).await?;
/// let mut rest = String::new();
/// file.read_to_string(&mut rest).await?;
/// assert_eq!(rest, "world");
/// assert_eq!(file.into_inner().await?.into_inner(), b"hello world");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct Unblock<T: 'static> {
    reactor: Reactor,
    state: State<T>,
    capacity: usize,
    /// What a read brought, from `taken` on. The buffer is with the job while one reads.
    read: Vec<u8>,
    taken: usize,
    /// What a read came to that brought nothing, until a read asks: the end, or an error.
    read_end: Option<io::Result<()>>,
    backlog: Arc<Backlog>,
    /// Of what was done in the background, until it is reported.
    failure: Option<io::Error>,
    /// Whether something was written since the last flush.
    is_dirty: bool,
    /// Where to, until its result was given.
    seek: Option<SeekFrom>,
    sought: Option<io::Result<u64>>,
    /// A half that reads and a half that writes may wait for the same job.
    waiters: Waiters,
}

enum State<T: 'static> {
    Idle(Box<T>),
    Busy(Deferred<Done<T>, Aborted>),
    Closing(Deferred<(), Aborted>),
    Gone,
}

impl<T: Send + 'static> Unblock<T> {
    /// Wraps a reader or writer. Operations run by [`Reactor::spawn_blocking`].
    pub fn new(reactor: &Reactor, io: T) -> Self {
        Self::with_capacity(reactor, CAPACITY, io)
    }

    /// Like [`new`](Self::new), with a capacity in bytes for one read, and for what waits to be written. None counts as
    /// one byte.
    pub fn with_capacity(reactor: &Reactor, capacity: usize, io: T) -> Self {
        Self {
            reactor: reactor.clone(),
            state: State::Idle(Box::new(io)),
            capacity: capacity.max(1),
            read: Vec::new(),
            taken: 0,
            read_end: None,
            backlog: Arc::default(),
            failure: None,
            is_dirty: false,
            seek: None,
            sought: None,
            waiters: Waiters::new(),
        }
    }

    /// The reader or writer, after waiting for the operation that runs. All that was accepted is written, and it is
    /// not flushed. What an abandoned read got is lost.
    ///
    /// # Errors
    /// Those of what was done in the background, and [`io::ErrorKind::BrokenPipe`] if it was closed.
    pub async fn into_inner(mut self) -> io::Result<T> {
        poll_fn(|cx| self.poll_idle(cx)).await?;
        match (self.failure.take(), mem::replace(&mut self.state, State::Gone)) {
            (Some(error), _) => Err(error),
            (None, State::Idle(io)) => Ok(*io),
            (None, _) => Err(gone()),
        }
    }

    /// Waits until no job runs. An error is that of a job that never came to its end.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Idle(_) | State::Gone => return Poll::Ready(Ok(())),
            State::Closing(job) => {
                let closed = ready!(poll_job(&self.waiters, job, cx));
                self.state = State::Gone;
                return Poll::Ready(Ok(closed?));
            }
            State::Busy(job) => match ready!(poll_job(&self.waiters, job, cx)) {
                Ok(done) => self.done(done),
                Err(aborted) => {
                    self.state = State::Gone;
                    self.backlog.clear();
                    return Poll::Ready(Err(aborted.into()));
                }
            },
        }
        Poll::Ready(Ok(()))
    }

    fn done(&mut self, done: Done<T>) {
        self.state = State::Idle(done.io);
        match done.outcome {
            Outcome::Read(bytes, result) => {
                self.read = bytes;
                self.taken = 0;
                match result {
                    Ok(0) => self.read_end = Some(Ok(())),
                    Ok(_) => {}
                    Err(error) => self.read_end = Some(Err(error)),
                }
            }
            Outcome::Wrote(Ok(())) => {}
            Outcome::Wrote(Err(error)) => {
                self.failure = Some(error);
                // There may be something left in the inner writer.
                self.is_dirty = true;
            }
            Outcome::Sought(result) => {
                if result.is_ok() {
                    self.forget_read();
                }
                self.sought = Some(result);
            }
        }
    }

    /// As [`poll_idle`](Self::poll_idle), and reports what failed in the background.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_idle(cx))?;
        Poll::Ready(self.failure.take().map_or(Ok(()), Err))
    }

    fn forget_read(&mut self) {
        self.read.clear();
        self.taken = 0;
        self.read_end = None;
    }

    /// Starts a job, where none runs.
    fn start(&mut self, job: impl FnOnce(Box<T>) -> Done<T> + Send + 'static) -> io::Result<()> {
        match mem::replace(&mut self.state, State::Gone) {
            State::Idle(io) => {
                // The result of a seek that was given up is no answer to one after this.
                self.seek = None;
                self.sought = None;
                self.state = State::Busy(self.reactor.spawn_blocking(move || Ok(job(io))));
                Ok(())
            }
            other => {
                self.state = other;
                Err(gone())
            }
        }
    }
}

fn poll_job<R: 'static>(
    waiters: &Waiters,
    job: &mut Deferred<R, Aborted>,
    cx: &mut Context<'_>,
) -> Poll<Result<R, Aborted>> {
    waiters.poll(cx, Interest::Readable, |cx| Pin::new(&mut *job).poll(cx))
}

fn gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::BrokenPipe,
        "the blocking reader or writer was closed, or has panicked",
    )
}

impl<T: Read + Send + 'static> AsyncRead for Unblock<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            ready!(this.poll_ready(cx))?;
            let unread = &this.read[this.taken..];
            if !unread.is_empty() {
                let count = unread.len().min(buf.len());
                buf[..count].copy_from_slice(&unread[..count]);
                this.taken += count;
                return Poll::Ready(Ok(count));
            }
            if let Some(end) = this.read_end.take() {
                return Poll::Ready(end.map(|()| 0));
            }
            let wanted = buf.len().min(this.capacity);
            let buffer = mem::take(&mut this.read);
            this.taken = 0;
            this.start(move |io| jobs::read(io, buffer, wanted))?;
        }
    }
}

impl<T: Write + Send + 'static> AsyncWrite for Unblock<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let State::Busy(_) = this.state {
            if let Some(accepted) = this.backlog.add(buf, this.capacity) {
                return Poll::Ready(Ok(accepted));
            }
        }
        ready!(this.poll_ready(cx))?;
        let State::Idle(_) = this.state else {
            return Poll::Ready(Err(gone()));
        };
        let accepted = this.backlog.open(buf, this.capacity);
        this.is_dirty = true;
        let backlog = this.backlog.clone();
        this.start(move |io| jobs::write(io, backlog))?;
        Poll::Ready(Ok(accepted))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_ready(cx))?;
            if !this.is_dirty {
                return Poll::Ready(Ok(()));
            }
            this.is_dirty = false;
            this.start(jobs::flush)?;
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let this = self.get_mut();
        match mem::replace(&mut this.state, State::Gone) {
            State::Idle(io) => {
                let job = this.reactor.spawn_blocking(move || {
                    drop(io);
                    Ok(())
                });
                this.state = State::Closing(job);
            }
            other => this.state = other,
        }
        this.poll_idle(cx)
    }
}

impl<T: Seek + Send + 'static> AsyncSeek for Unblock<T> {
    /// A seek relative to the current position counts from what was given to the reader: what only an abandoned read got
    /// does not count.
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, position: SeekFrom) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_ready(cx))?;
            if let Some(sought) = this.sought.take() {
                // That of a seek which was given up, to elsewhere, is nobody's.
                if this.seek.take() == Some(position) {
                    return Poll::Ready(sought);
                }
            }
            let unread = i64::try_from(this.read.len() - this.taken).unwrap_or(i64::MAX);
            let corrected = match position {
                SeekFrom::Current(offset) => SeekFrom::Current(offset.checked_sub(unread).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidInput, "the offset is too far before the start")
                })?),
                absolute => absolute,
            };
            this.start(move |io| jobs::seek(io, corrected))?;
            this.seek = Some(position);
        }
    }
}

impl<T: 'static> fmt::Debug for Unblock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Idle(_) => "idle",
            State::Busy(_) => "busy",
            State::Closing(_) => "closing",
            State::Gone => "closed",
        };
        f.debug_struct("Unblock")
            .field("state", &state)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
