//! A loop that accepts connections, and lasts.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::{FusedStream, Stream};

use super::AcceptFailure;
use crate::{Reactor, time::Sleep};

/// For how long it waits after the first failure, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// As many connections may fail one after the other; then something else is wrong, and it waits.
const FAILURES_IN_A_ROW: u32 = 16;

/// What accepts connections: [`TcpListener`](super::TcpListener), [`UnixListener`](super::UnixListener), and what refers to one or
/// shares it. Implemented for a listener of another kind, it gives that an [`Incoming`].
pub trait Listener {
    /// A connection.
    type Stream;
    /// The address of the other end.
    type Addr;

    /// Polls for a connection.
    ///
    /// # Errors
    /// Those of which [`AcceptFailure::of`] can tell what they concern.
    ///
    /// # Cancel safety
    /// No connection is lost when it is not polled again.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Self::Addr)>>;

    /// The reactor on whose time an [`Incoming`] waits before it tries again.
    fn reactor(&self) -> &Reactor;
}

macro_rules! stands_for_a_listener {
    ($type:ty) => {
        impl<L: Listener + ?Sized> Listener for $type {
            type Stream = L::Stream;
            type Addr = L::Addr;

            fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(L::Stream, L::Addr)>> {
                (**self).poll_accept(cx)
            }

            fn reactor(&self) -> &Reactor {
                (**self).reactor()
            }
        }
    };
}

stands_for_a_listener!(&L);
stands_for_a_listener!(Box<L>);
stands_for_a_listener!(Rc<L>);
stands_for_a_listener!(Arc<L>);

/// The connections that a listener accepts. Made by [`TcpListener::incoming`](super::TcpListener::incoming),
/// [`into_incoming`](super::TcpListener::into_incoming), and those of [`UnixListener`](super::UnixListener).
///
/// It goes on as a server should:
///
/// - A connection that failed before it was accepted is left out.
/// - When descriptors or memory run short, connections wait to be accepted, and it tries again after 5 ms, then after twice
///   as long each time, up to a second, on a timer of the reactor. The log has a warning, one a shortage.
/// - Any other error, as that the loop has shut down, is the last item.
///
/// So a server handles errors by ending:
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> std::io::Result<()> {
/// use futures_util::{TryStreamExt, io::AsyncWriteExt};
/// use interloop::net::TcpListener;
///
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse().unwrap())?;
/// let mut incoming = listener.incoming();
/// while let Some((mut stream, _peer)) = incoming.try_next().await? {
///     let greet = async move { stream.write_all(b"hello").await };
///     reactor.spawn(greet).detach();
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// No connection is lost when a future of its next item is dropped, or this is.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<L> {
    listener: L,
    /// While it waits for resources.
    pause: Option<Sleep>,
    next_pause: Duration,
    failures: u32,
    has_ended: bool,
}

impl<L: Listener> Incoming<L> {
    /// Accepts from a listener, which may be borrowed, owned, or in an `Arc`.
    pub fn new(listener: L) -> Self {
        Self {
            listener,
            pause: None,
            next_pause: FIRST_PAUSE,
            failures: 0,
            has_ended: false,
        }
    }

    /// The listener.
    pub fn listener(&self) -> &L {
        &self.listener
    }

    /// Gives the listener back.
    pub fn into_inner(self) -> L {
        self.listener
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(L::Stream, L::Addr)>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(Pin::new(pause).poll(cx))?;
                self.pause = None;
            }
            let error = match ready!(self.listener.poll_accept(cx)) {
                Ok(accepted) => {
                    self.next_pause = FIRST_PAUSE;
                    self.failures = 0;
                    return Poll::Ready(Ok(accepted));
                }
                Err(error) => error,
            };
            match AcceptFailure::of(&error) {
                AcceptFailure::Listener => return Poll::Ready(Err(error)),
                AcceptFailure::Connection if self.failures < FAILURES_IN_A_ROW => self.failures += 1,
                AcceptFailure::Connection | AcceptFailure::Shortage => self.pause(&error),
            }
        }
    }

    fn pause(&mut self, error: &io::Error) {
        if self.next_pause == FIRST_PAUSE {
            log::warn!("connections wait to be accepted, as accepting them fails: {error}");
        }
        self.pause = Some(self.listener.reactor().sleep(self.next_pause));
        self.next_pause = LONGEST_PAUSE.min(self.next_pause * 2);
    }
}

/// Ends after its first error.
impl<L: Listener + Unpin> Stream for Incoming<L> {
    type Item = io::Result<(L::Stream, L::Addr)>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let accepted = ready!(self.poll_accept(cx));
        self.has_ended = accepted.is_err();
        Poll::Ready(Some(accepted))
    }
}

impl<L: Listener + Unpin> FusedStream for Incoming<L> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}
