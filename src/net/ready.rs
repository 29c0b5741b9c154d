//! What a descriptor is ready for, when that is to be told apart.

use std::{
    fmt, io,
    os::fd::BorrowedFd,
    task::{Context, Poll},
};

use rustix::event::PollFlags;

use crate::{Interest, Source, transfer};

/// That the other end will send nothing more. Systems other than Linux have no flag for it: there it is seen by reading.
#[cfg(any(target_os = "linux", target_os = "android"))]
const READ_HANG_UP: PollFlags = PollFlags::RDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const READ_HANG_UP: PollFlags = PollFlags::empty();

/// What a descriptor is ready for, as the system has told it at one moment. Given by the functions named `ready`, of streams
/// and of a [`Descriptor`](super::Descriptor).
///
/// It tells the end of a stream without reading up to it, so that a server can drop work that nobody waits for any more:
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::{Interest, net::UnixStream};
///
/// let (here, there) = UnixStream::pair(&reactor)?;
/// let ready = here.ready(&[Interest::Readable, Interest::Writable]).await?;
/// assert!(ready.is_writable() && !ready.is_readable());
///
/// drop(there);
/// let ready = here.ready(&[Interest::Readable]).await?;
/// assert!(ready.is_read_closed() && ready.is_write_closed());
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ready(PollFlags);

impl Ready {
    /// Asks the system about everything.
    pub(super) fn ask(fd: BorrowedFd<'_>) -> rustix::io::Result<Self> {
        let asked = PollFlags::IN | PollFlags::OUT | READ_HANG_UP;
        transfer::ask(fd, asked).map(Self)
    }

    /// Whether a read would not wait. It may give bytes, the end, or an error.
    pub fn is_readable(self) -> bool {
        self.0.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
    }

    /// Whether a write would not wait. It may fail.
    pub fn is_writable(self) -> bool {
        self.0.intersects(PollFlags::OUT | PollFlags::HUP | PollFlags::ERR)
    }

    /// Whether nothing more will come. Bytes may be left to be read all the same. Where only this direction has ended, Linux
    /// alone tells.
    pub fn is_read_closed(self) -> bool {
        self.0.intersects(READ_HANG_UP | PollFlags::HUP)
    }

    /// Whether a write would fail, as there is nobody to read it.
    pub fn is_write_closed(self) -> bool {
        self.0.intersects(PollFlags::HUP | PollFlags::ERR)
    }

    /// Whether there is an error to be told. The next operation tells it, or `take_error` of a socket.
    pub fn is_error(self) -> bool {
        self.0.intersects(PollFlags::ERR)
    }

    fn satisfies(self, interest: Interest) -> bool {
        match interest {
            Interest::Readable => self.is_readable(),
            Interest::Writable => self.is_writable(),
        }
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("readable", &self.is_readable())
            .field("writable", &self.is_writable())
            .field("read_closed", &self.is_read_closed())
            .field("write_closed", &self.is_write_closed())
            .field("error", &self.is_error())
            .finish()
    }
}

/// Whether receiving, or accepting, was shut down. Linux says so only to who blocks, and all others that there is nothing now; but what
/// waits it wakes, again and again.
pub(super) fn has_ended(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(Ready(transfer::ask(fd, READ_HANG_UP)?).is_read_closed())
}

/// Polls until the descriptor is ready for one of several directions at least.
pub(super) fn poll_any(source: &dyn Source, cx: &mut Context<'_>, wanted: &[Interest]) -> Poll<io::Result<Ready>> {
    if wanted.is_empty() {
        let message = "waiting for no direction would never end, name one at least";
        return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, message)));
    }
    for &interest in wanted {
        let polled = transfer::poll_op(source, cx, interest, |fd| match Ready::ask(fd)? {
            ready if ready.satisfies(interest) => Ok(ready),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        });
        if polled.is_ready() {
            return polled;
        }
    }
    Poll::Pending
}

/// Waiting for several directions at once, for a type, its parameter, and what gives its source.
macro_rules! tells_ready {
    ($type:ty, <$($param:ident)?>, $($source:tt)+) => {
        /// # Waiting for both directions
        impl<$($param)?> $type {
            /// Waits until it is ready for one of several directions, and says for which, and whether the other end has closed
            /// its side.
            ///
            /// # Errors
            /// If the loop has shut down; [`InvalidInput`](std::io::ErrorKind::InvalidInput) if no direction was
            /// named.
            ///
            /// # Cancel safety
            /// Nothing is taken, so nothing is lost.
            pub async fn ready(&self, wanted: &[$crate::Interest]) -> std::io::Result<$crate::net::Ready> {
                std::future::poll_fn(|cx| self.poll_ready(cx, wanted)).await
            }

            /// Polls for readiness. See [`ready`](Self::ready).
            ///
            /// # Errors
            /// As there.
            pub fn poll_ready(
                &self,
                cx: &mut std::task::Context<'_>,
                wanted: &[$crate::Interest],
            ) -> std::task::Poll<std::io::Result<$crate::net::Ready>> {
                $crate::net::ready::poll_any(&*self.$($source)+, cx, wanted)
            }
        }
    };
}
pub(super) use tells_ready;
