use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_core::Stream;

use super::{
    parked::{Access, Parked},
    stream::{MemoryStream, pair},
};
use crate::{Completer, Deferred};

/// How many connections may wait to be accepted, if nothing else is said.
const BACKLOG: usize = 1024;

/// Accepts connections in memory, from those who have a [connector](Self::connector).
///
/// ```
/// use std::io;
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::{Clock, net::memory::MemoryListener};
///
/// let clock = Clock::new();
/// let listener = MemoryListener::new(1024);
/// let connector = listener.connector();
/// let client = clock.reactor().spawn(async move {
///     let mut stream = connector.connect().await?;
///     stream.write_all(b"ping").await
/// });
/// let received = clock.run_until(async {
///     let mut stream = listener.accept().await?;
///     let mut received = String::new();
///     stream.read_to_string(&mut received).await?;
///     client.await?;
///     Ok::<_, io::Error>(received)
/// });
/// assert_eq!(received.unwrap().unwrap(), "ping");
/// ```
///
/// Dropped, it refuses those who connect or wait for it, and drops the connections that nobody has accepted.
pub struct MemoryListener {
    door: Arc<Door>,
}

/// Connects to a [`MemoryListener`]. Clones connect to the same one.
#[derive(Clone)]
pub struct MemoryConnector {
    door: Arc<Door>,
}

/// The connections of a [`MemoryListener`], as a stream that does not end. Made by [`MemoryListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    listener: &'a MemoryListener,
}

/// Where both meet. Nothing foreign runs under the lock.
struct Door {
    /// Bytes for which a connection has room in each direction.
    capacity: usize,
    /// How many connections may wait to be accepted.
    backlog: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The listener is gone.
    closed: bool,
    /// Connections that were not accepted yet.
    connected: VecDeque<MemoryStream>,
    /// Attempts for which there was no room, in order. There are none while there is room.
    attempts: VecDeque<Attempt>,
    accepting: Parked,
}

/// Somebody who waits for a connection. It succeeds with an error, since a failure would be reported as unhandled if the
/// attempt is given up.
type Attempt = Completer<io::Result<MemoryStream>>;

impl State {
    /// Adds somebody who waits. Gives those that were given up, to drop, before the queue grows, so that it cannot grow by
    /// them alone.
    #[must_use = "they are dropped outside of the lock"]
    fn wait(&mut self, attempt: Attempt) -> Vec<Attempt> {
        let mut given_up = Vec::new();
        if self.attempts.len() == self.attempts.capacity() {
            let waiting = self.attempts.drain(..);
            let (closed, open): (Vec<_>, Vec<_>) = waiting.partition(Completer::is_closed);
            self.attempts.extend(open);
            given_up = closed;
        }
        self.attempts.push_back(attempt);
        given_up
    }
}

impl MemoryListener {
    /// Makes a listener whose connections have room for `capacity` bytes in each direction, as those of [`pair`] have. Up to
    /// 1,024 connections wait to be accepted.
    pub fn new(capacity: usize) -> Self {
        Self::with_backlog(capacity, BACKLOG)
    }

    /// Makes a listener for which up to `backlog` connections wait to be accepted; zero counts as one. Who connects while there
    /// are that many waits until one is accepted.
    pub fn with_backlog(capacity: usize, backlog: usize) -> Self {
        let door = Door {
            capacity,
            backlog: backlog.max(1),
            state: Mutex::default(),
        };
        Self { door: Arc::new(door) }
    }

    /// What connects to this listener. It stays what it is when the listener is gone: then it is refused.
    pub fn connector(&self) -> MemoryConnector {
        MemoryConnector {
            door: self.door.clone(),
        }
    }

    /// Waits for a connection. Several tasks may wait; each connection goes to one of them.
    ///
    /// It waits also when no connector is left, as there may be one later. A connection that was given up since it was made is
    /// accepted, and is at its end.
    ///
    /// # Cancel safety
    /// No connection is lost when this is dropped.
    ///
    /// # Errors
    /// None; the type is the one of [`TcpListener::accept`](crate::net::TcpListener::accept).
    pub async fn accept(&self) -> io::Result<MemoryStream> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for a connection. See [`accept`](Self::accept).
    ///
    /// # Errors
    /// As for `accept`.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<MemoryStream>> {
        // Cloned before the lock is taken, and what it replaces is dropped after it.
        let waker = cx.waker().clone();
        let mut state = self.door.lock();
        if let Some(stream) = state.connected.pop_front() {
            drop(state);
            self.door.let_in();
            return Poll::Ready(Ok(stream));
        }
        if !state.accepting.has(&waker, Access::Shared) {
            let replaced = state.accepting.add(waker, Access::Shared);
            drop(state);
            drop(replaced);
        }
        Poll::Pending
    }

    /// The connections as a stream, each as [`accept`](Self::accept) would give it.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let left = {
            let mut state = self.door.lock();
            let closed = State {
                closed: true,
                ..State::default()
            };
            std::mem::replace(&mut *state, closed)
        };
        for attempt in left.attempts {
            attempt.complete(Err(refused()));
        }
    }
}

impl Stream for Incoming<'_> {
    type Item = io::Result<MemoryStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.listener.poll_accept(cx).map(Some)
    }
}

impl MemoryConnector {
    /// Connects. The connection can be used at once, before it is accepted. Waits while as many wait to be accepted as the
    /// listener has room for; those who wait are served in the order in which they came.
    ///
    /// # Cancel safety
    /// Dropped, the attempt is given up.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if the listener is gone, or goes while this waits.
    pub async fn connect(&self) -> io::Result<MemoryStream> {
        let attempt = self.door.connect();
        attempt.await.unwrap_or_else(|_| Err(refused()))
    }
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Deferred<io::Result<MemoryStream>> {
        let (ours, theirs) = pair(self.capacity);
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return Deferred::ready(Err(refused()));
        }
        // Nobody overtakes those who wait, also not while an acceptor is about to let them in.
        if state.connected.len() < self.backlog && state.attempts.is_empty() {
            state.connected.push_back(theirs);
            let accepting = state.accepting.take();
            drop(state);
            accepting.wake();
            return Deferred::ready(Ok(ours));
        }
        let (attempt, deferred) = Deferred::pair();
        let given_up = state.wait(attempt);
        drop(state);
        drop(given_up);
        deferred
    }

    /// Lets those in who wait, as far as there is room.
    fn let_in(&self) {
        loop {
            let mut state = self.lock();
            if state.connected.len() >= self.backlog {
                return;
            }
            let Some(attempt) = state.attempts.pop_front() else {
                return;
            };
            if attempt.is_closed() {
                // It was given up.
                drop(state);
                drop(attempt);
                continue;
            }
            let (ours, theirs) = pair(self.capacity);
            state.connected.push_back(theirs);
            let accepting = state.accepting.take();
            drop(state);
            attempt.complete(Ok(ours));
            accepting.wake();
        }
    }
}

fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionRefused,
        "nobody listens: the `MemoryListener` of this connector was dropped, keep it as long as somebody connects",
    )
}

impl fmt::Debug for MemoryListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.door.lock();
        f.debug_struct("MemoryListener")
            .field("connected", &state.connected.len())
            .field("attempts", &state.attempts.len())
            .finish()
    }
}

impl fmt::Debug for MemoryConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConnector").finish_non_exhaustive()
    }
}
