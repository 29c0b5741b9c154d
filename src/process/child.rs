use std::{
    fmt,
    future::{Future, poll_fn},
    io, mem,
    pin::Pin,
    process::{ExitStatus, Output},
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_io::AsyncRead;

use super::{
    reaper::Process,
    stdio::{ChildStderr, ChildStdin, ChildStdout},
};
use crate::{Deferred, signal::SignalKind};

/// A child process that was started by [`Command::spawn`](super::Command::spawn).
///
/// Dropped, the child runs on, unless it was to be [killed](super::Command::kill_on_drop); it is reaped all the same, see
/// [the module](super).
#[derive(Debug)]
pub struct Child {
    /// The child's standard input, if it was [piped](std::process::Stdio::piped) and not taken.
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if it was piped and not taken.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if it was piped and not taken.
    pub stderr: Option<ChildStderr>,
    handle: Handle,
}

/// Apart, so that the pipes can be moved out of a child.
struct Handle {
    process: Arc<Process>,
    kill_on_drop: bool,
}

impl Child {
    pub(super) fn new(process: Arc<Process>, kill_on_drop: bool) -> Self {
        Self {
            stdin: None,
            stdout: None,
            stderr: None,
            handle: Handle { process, kill_on_drop },
        }
    }

    pub(super) fn killed_on_drop(mut self, kill_on_drop: bool) -> Self {
        self.handle.kill_on_drop = kill_on_drop;
        self
    }

    fn process(&self) -> &Process {
        &self.handle.process
    }

    /// The number of the process. Once the child has been reaped, which happens by itself, another process may have it: signals are
    /// better sent with [`send_signal`](Self::send_signal), which knows.
    pub fn id(&self) -> u32 {
        self.process().id()
    }

    /// Waits for the end of the child. Closes [`stdin`](Self::stdin) first, since many programs read that to its end.
    ///
    /// Any number of callers can wait, and each gets the same status, also long after the end. Output that is piped and that nobody reads
    /// can keep the child from ending: see [`wait_with_output`](Self::wait_with_output).
    ///
    /// ```
    /// # futures_executor::block_on(async {
    /// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
    /// use interloop::process::Command;
    ///
    /// let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn(&reactor)?;
    /// assert_eq!(child.status().await?.code(), Some(3));
    /// # Ok::<_, std::io::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// Cancel safety: the deferred only looks on. Dropping or cancelling it does nothing to the child.
    ///
    /// # Errors
    /// If the loop has shut down before the child's end; or `ECHILD`, if somebody else has reaped it.
    #[doc(alias = "wait")]
    #[track_caller]
    pub fn status(&mut self) -> Deferred<ExitStatus, io::Error> {
        drop(self.stdin.take());
        self.process().status()
    }

    /// The status of the child if it has ended, without waiting. Leaves [`stdin`](Self::stdin) open, and works after the loop's
    /// shutdown, too.
    ///
    /// # Errors
    /// `ECHILD`, if somebody else has reaped the child.
    #[doc(alias = "try_wait")]
    pub fn try_status(&self) -> io::Result<Option<ExitStatus>> {
        self.process().try_status()
    }

    /// Has the system end the child (SIGKILL). [`status`](Self::status) tells when that has happened.
    ///
    /// # Errors
    /// Those of the system: the child may have got another user's rights. A child that has ended is no error.
    pub fn kill(&self) -> io::Result<()> {
        self.process().kill()
    }

    /// Sends the child a signal, such as [`SignalKind::terminate`], which asks it to end.
    ///
    /// # Errors
    /// As for [`kill`](Self::kill); and [`io::ErrorKind::InvalidInput`] for a number that has no name.
    pub fn send_signal(&self, kind: SignalKind) -> io::Result<()> {
        self.process().send_signal(kind)
    }

    /// Closes [`stdin`](Self::stdin), reads what is piped of the other two to the end, and waits for the end of the child. All at once,
    /// so that the child cannot block on a pipe that nobody reads.
    ///
    /// The pipes are at their end when the child and everybody else who has inherited them have closed them.
    ///
    /// Cancel safety: dropped, it drops the child, and what was read so far is lost.
    ///
    /// # Errors
    /// Those of [`status`](Self::status), and of reading.
    #[doc(alias = "output")]
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let mut status = Step::Waits(self.status());
        let mut stdout = Step::Waits(Content::of(self.stdout.take()));
        let mut stderr = Step::Waits(Content::of(self.stderr.take()));
        poll_fn(|cx| {
            // Each is polled, as each has to leave its waker.
            let ready = [status.poll(cx)?, stdout.poll(cx)?, stderr.poll(cx)?];
            match ready {
                [true, true, true] => Poll::Ready(Ok::<_, io::Error>(())),
                _ => Poll::Pending,
            }
        })
        .await?;
        Ok(Output {
            status: status.into_output()?,
            stdout: stdout.into_output()?,
            stderr: stderr.into_output()?,
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // Nobody is left to be told that it may not be killed.
            let _ = self.process.kill();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("id", &self.process.id())
            .field("kill_on_drop", &self.kill_on_drop)
            .finish()
    }
}

/// One of several futures that are waited for together.
enum Step<F, T> {
    Waits(F),
    Ready(T),
}

impl<F: Future<Output = io::Result<T>> + Unpin, T> Step<F, T> {
    /// Whether it has its output.
    fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if let Self::Waits(future) = self {
            match Pin::new(future).poll(cx)? {
                Poll::Ready(output) => *self = Self::Ready(output),
                Poll::Pending => return Ok(false),
            }
        }
        Ok(true)
    }

    fn into_output(self) -> io::Result<T> {
        match self {
            Self::Ready(output) => Ok(output),
            Self::Waits(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// Everything that comes out of a pipe; nothing, if there is none.
struct Content<S> {
    pipe: Option<S>,
    buffer: Box<[u8]>,
    bytes: Vec<u8>,
}

impl<S> Content<S> {
    fn of(pipe: Option<S>) -> Self {
        // Half of what a pipe holds on Linux.
        let size = if pipe.is_some() { 32 * 1024 } else { 0 };
        Self {
            pipe,
            buffer: vec![0; size].into(),
            bytes: Vec::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> Future for Content<S> {
    type Output = io::Result<Vec<u8>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while let Some(pipe) = &mut this.pipe {
            match ready!(Pin::new(pipe).poll_read(cx, &mut this.buffer))? {
                0 => this.pipe = None,
                read => this.bytes.extend_from_slice(&this.buffer[..read]),
            }
        }
        Poll::Ready(Ok(mem::take(&mut this.bytes)))
    }
}
