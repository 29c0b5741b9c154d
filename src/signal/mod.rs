//! Signals of the system, as streams on every loop. With the feature `signal`.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use interloop::signal::{SignalKind, Signals};
//!
//! let mut signals = Signals::new(&reactor, [SignalKind::hangup(), SignalKind::user_defined1()])?;
//! # signal_hook::low_level::raise(SignalKind::hangup().as_raw())?;
//! match signals.recv().await? {
//!     kind if kind == SignalKind::hangup() => println!("reads its configuration again"),
//!     kind => println!("{kind}: says how it is doing"),
//! }
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```
//!
//! # What signals are like
//!
//! - They belong to the process. Every stream of a signal is given it, on whichever loop it is, and so is any handler
//!   that was there before, or that other crates have installed through `signal-hook-registry`, as tokio does.
//! - They coalesce: a stream gives a signal that came several times since it was last looked at once. Different signals do not hide
//!   each other, but their order is lost.
//! - The first stream of a signal ends what the system does by default about it (SIGTERM ends the process), for the rest of the
//!   process's life: dropping the stream does not bring that back, since handlers cannot be taken out safely where others may
//!   have been put in since.
//!
//! No thread is started: a handler marks the signal and writes a byte to a socket, whose other end waits in the loop.

mod kind;

use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, Read},
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use signal_hook::{SigId, consts::FORBIDDEN, flag, low_level};
use socket2::SockRef;

pub use self::kind::{ForbiddenSignal, SignalKind};
use crate::{Interest, Reactor, Readiness, Source};

/// Waits for the next SIGINT, which Ctrl-C sends.
///
/// It counts from this call on, not from when the future is polled. The future takes the signal away from nobody; and from now
/// on SIGINT does not end the process any more, see [the module](self). Spawned, it is a deferred:
///
/// ```
/// use std::io;
/// use interloop::{Deferred, Reactor, signal};
///
/// fn until_interrupted(reactor: &Reactor) -> Deferred<(), io::Error> {
///     reactor.spawn(signal::ctrl_c(reactor)).map_ok(|()| println!("bye"))
/// }
/// ```
///
/// Cancel safety: dropped, it is as if it had not been called.
///
/// # Errors
/// If descriptors are short, or the loop has shut down.
pub fn ctrl_c(reactor: &Reactor) -> impl Future<Output = io::Result<()>> + Send + Sync + use<> {
    let signals = Signals::new(reactor, [SignalKind::interrupt()]);
    async move { signals?.recv().await.map(drop) }
}

/// A stream of signals. See [the module](self) for what it promises.
///
/// As a stream, it ends only after an error. It takes one descriptor and one for each signal, which are closed when it is dropped.
///
/// When its loop has shut down, it fails with [`Aborted::shut_down`](crate::Aborted::shut_down), or goes on, where the loop's
/// readiness comes from something that lives on.
pub struct Signals {
    // Before the source: a handler must not write where nobody reads.
    watched: Vec<Watched>,
    source: Box<dyn Source>,
    /// The writing end, if there is no signal whose handler has it: otherwise the reading one would be at its end.
    _unused: Option<OwnedFd>,
    /// Where to look first, so that no signal keeps the others from being seen.
    next: usize,
    has_failed: bool,
}

/// One signal, from its handler to the stream. Dropped, the handler forgets it.
struct Watched {
    kind: SignalKind,
    arrived: Arc<AtomicBool>,
    /// Of the mark, and of the byte that wakes. Handlers keep the order in which they were added.
    actions: [SigId; 2],
}

impl Watched {
    fn new(kind: SignalKind, waker: OwnedFd) -> io::Result<Self> {
        let arrived = Arc::new(AtomicBool::new(false));
        let mark = flag::register(kind.as_raw(), arrived.clone()).map_err(|error| unknown(kind, error))?;
        let wake = low_level::pipe::register(kind.as_raw(), waker).inspect_err(|_| {
            low_level::unregister(mark);
        })?;
        Ok(Self {
            kind,
            arrived,
            actions: [mark, wake],
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for action in self.actions {
            low_level::unregister(action);
        }
    }
}

/// What the system said about a signal, with its name.
fn unknown(kind: SignalKind, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => io::Error::new(
            error.kind(),
            format!("the system has no {kind}, or keeps it for itself: {error}"),
        ),
        _ => error,
    }
}

impl Signals {
    /// Begins to wait for signals: for those that come from now on.
    ///
    /// # Errors
    /// [`ForbiddenSignal`] for one that cannot be waited for: SIGKILL, SIGSTOP, SIGSEGV, SIGILL and SIGFPE. Otherwise those of the
    /// system: there is no such signal ([`io::ErrorKind::InvalidInput`] both), descriptors are short; and if the loop has shut down.
    pub fn new(reactor: &Reactor, kinds: impl IntoIterator<Item = SignalKind>) -> io::Result<Self> {
        let mut distinct = Vec::new();
        for kind in kinds {
            if FORBIDDEN.contains(&kind.as_raw()) {
                return Err(ForbiddenSignal::new(kind).into());
            }
            if !distinct.contains(&kind) {
                distinct.push(kind);
            }
        }
        let (wakes, waker) = UnixStream::pair()?;
        let source = reactor.register(wakes.into())?;
        let waker = OwnedFd::from(waker);
        let mut watched = Vec::with_capacity(distinct.len());
        let last = distinct.pop();
        for kind in distinct {
            watched.push(Watched::new(kind, waker.try_clone()?)?);
        }
        let unused = match last {
            Some(kind) => {
                watched.push(Watched::new(kind, waker)?);
                None
            }
            None => Some(waker),
        };
        Ok(Self {
            watched,
            source,
            _unused: unused,
            next: 0,
            has_failed: false,
        })
    }

    /// Waits for the next signal, and says which it was.
    ///
    /// Cancel safety: no signal is lost when this is dropped.
    ///
    /// # Errors
    /// If the loop has shut down.
    pub async fn recv(&mut self) -> io::Result<SignalKind> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next signal. See [`recv`](Self::recv).
    ///
    /// # Errors
    /// As for `recv`.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SignalKind>> {
        loop {
            // Marks are looked at after the bytes are gone: a mark whose byte is still to come wakes the task once in vain, and
            // one that is set after this look has its byte after it, too.
            if let Some(kind) = self.take() {
                return Poll::Ready(Ok(kind));
            }
            ready!(self.source.poll_io(cx, Interest::Readable, &mut drain))?;
        }
    }

    /// A signal that has arrived.
    fn take(&mut self) -> Option<SignalKind> {
        let (before, from) = self.watched.split_at(self.next);
        let at = from.iter().chain(before).position(|watched| {
            // ORDERING: the handler's stores are SeqCst; nothing else is read through the mark.
            watched.arrived.swap(false, Ordering::SeqCst)
        })?;
        let found = (self.next + at) % self.watched.len();
        self.next = (found + 1) % self.watched.len();
        Some(self.watched[found].kind)
    }
}

/// Takes what handlers have written.
fn drain(fd: BorrowedFd<'_>) -> io::Result<Readiness> {
    let mut bytes = [0; 64];
    loop {
        match (&*SockRef::from(&fd)).read(&mut bytes) {
            Ok(read) if read < bytes.len() => return Ok(Readiness::Drained),
            // There may be more, for the next attempt.
            Ok(_) => return Ok(Readiness::Remains),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Stream for Signals {
    type Item = io::Result<SignalKind>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_failed {
            return Poll::Ready(None);
        }
        let polled = ready!(self.poll_recv(cx));
        self.has_failed = polled.is_err();
        Poll::Ready(Some(polled))
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.watched.iter().map(|watched| watched.kind);
        f.debug_tuple("Signals").field(&kinds.collect::<Vec<_>>()).finish()
    }
}
