use std::{
    fmt,
    fs::File,
    io::{self, IoSlice},
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::fs::OFlags;

use super::{ClientEndpoint, Listening, ServerEndpoint};
use crate::{Deferred, Reactor, io::Unblock, net::Descriptor, protocol::Channel};

/// The standard input and output, as one connection. As text: `stdio:`.
///
/// Listening there gives that connection at once, and no other; then the port has stopped by itself.
///
/// Terminals, pipes and sockets are waited for by the loop, and are in non-blocking mode while they are a connection. That mode
/// belongs to what is open, not to the number, so that a terminal's standard error has it as well, and the process that is at the other
/// side of a shell's `|` sees it if it has the same end. When the connection is over, they are in the mode that they had. What
/// cannot be waited for, a file that was redirected or `/dev/null`, is read and written by blocking jobs of the loop.
///
/// The connection has duplicates, and closing it leaves the numbers 0 and 1 open: who reads the output sees its end when the
/// process has ended.
///
/// Nothing else in the process should read the standard input meanwhile, nor [`Stdin`](std::io::Stdin), which may have read
/// ahead before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stdio(());

impl Stdio {
    /// Those of this process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a connection of any two descriptors, one to read from and one to write to, in the same way.
    ///
    /// ```
    /// # futures_executor::block_on(async {
    /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
    /// use std::fs::File;
    /// use futures_util::io::AsyncReadExt;
    /// use interloop::protocol::endpoint::Stdio;
    ///
    /// let manifest = File::open("Cargo.toml")?;
    /// let nowhere = File::options().write(true).open("/dev/null")?;
    /// let mut channel = Stdio::channel(&reactor, manifest.into(), nowhere.into())?;
    /// let mut text = String::new();
    /// channel.read_to_string(&mut text).await?;
    /// assert!(text.contains("interloop"));
    /// # Ok::<_, std::io::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If there are no descriptors left, or the loop has shut down.
    pub fn channel(reactor: &Reactor, input: OwnedFd, output: OwnedFd) -> io::Result<Box<dyn Channel>> {
        Ok(Box::new(Ends {
            input: End::new(reactor, input)?,
            output: End::new(reactor, output)?,
        }))
    }

    fn try_open(reactor: &Reactor) -> io::Result<Box<dyn Channel>> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        Self::channel(reactor, input, output)
    }
}

impl ServerEndpoint for Stdio {
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
        let opened = Self::try_open(reactor);
        Deferred::settled(opened.map(|channel| Listening::new(Once(Some(channel)), None)))
    }
}

impl ClientEndpoint for Stdio {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        Deferred::settled(Self::try_open(reactor))
    }
}

impl fmt::Display for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stdio:")
    }
}

/// A single connection.
struct Once(Option<Box<dyn Channel>>);

impl futures_core::Stream for Once {
    type Item = io::Result<(Box<dyn Channel>, ())>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(|channel| Ok((channel, ()))))
    }
}

struct Ends {
    input: End,
    output: End,
}

impl Channel for Ends {}

enum End {
    Waits { io: Descriptor<File>, _restore: Restore },
    Blocks(Unblock<File>),
}

impl End {
    fn new(reactor: &Reactor, fd: OwnedFd) -> io::Result<Self> {
        let restore = Restore::of(&fd)?;
        let file = File::from(fd);
        match Descriptor::new(reactor, file.try_clone()?) {
            Ok(io) => Ok(Self::Waits { io, _restore: restore }),
            // A file knows no readiness, and no other mode does anything to it.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Self::Blocks(Unblock::new(reactor, file))),
            Err(error) => Err(error),
        }
    }
}

/// Puts a descriptor back into blocking mode, if it was in that.
struct Restore(Option<OwnedFd>);

impl Restore {
    fn of(fd: &OwnedFd) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(fd)?;
        Ok(Self(match flags.contains(OFlags::NONBLOCK) {
            true => None,
            false => Some(fd.try_clone()?),
        }))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(fd) = &self.0 {
            let flags = rustix::fs::fcntl_getfl(fd);
            let restored = flags.and_then(|flags| rustix::fs::fcntl_setfl(fd, flags.difference(OFlags::NONBLOCK)));
            if let Err(error) = restored {
                log::debug!("a descriptor stays in non-blocking mode: {error}");
            }
        }
    }
}

impl AsyncRead for Ends {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match &mut self.input {
            End::Waits { io: input, .. } => Pin::new(input).poll_read(cx, buf),
            End::Blocks(input) => Pin::new(input).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Ends {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.output {
            End::Waits { io: output, .. } => Pin::new(output).poll_write(cx, buf),
            End::Blocks(output) => Pin::new(output).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.output {
            End::Waits { io: output, .. } => Pin::new(output).poll_write_vectored(cx, bufs),
            End::Blocks(output) => Pin::new(output).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.output {
            End::Waits { io: output, .. } => Pin::new(output).poll_flush(cx),
            End::Blocks(output) => Pin::new(output).poll_flush(cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.output {
            End::Waits { io: output, .. } => Pin::new(output).poll_close(cx),
            // What was written is at its place then.
            End::Blocks(output) => Pin::new(output).poll_flush(cx),
        }
    }
}
