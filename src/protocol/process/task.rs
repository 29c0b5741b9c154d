//! The task of a child process: reads its pipes, calls the protocol, writes.

use std::{
    future::Future,
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    process::ExitStatus,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use super::{ProcessProtocol, ProcessTransport};
use crate::{
    Aborted, AsAborted, Deferred, Reactor,
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    protocol::{Lost, buffers, contain},
};

/// As many times it may read in one poll, before the other tasks of the loop have their turn.
const TURNS: u32 = 16;

/// Gives a child process to a protocol, which is called from a task of the reactor's from now on. Twisted's `spawnProcess`, with a
/// [`Command`](crate::process::Command) that has said what is piped.
///
/// Dropping the transport does nothing. A child that is to be [killed on drop](crate::process::Command::kill_on_drop) is killed when the protocol
/// has panicked, and when the loop shuts down.
pub fn attach(
    reactor: &Reactor,
    mut child: Child,
    protocol: impl ProcessProtocol + Send + 'static,
) -> ProcessTransport {
    let transport = ProcessTransport::new(child.id());
    let pipes = Pipes {
        input: child.stdin.take(),
        output: child.stdout.take(),
        errors: child.stderr.take(),
    };
    let served = Served {
        transport: transport.clone(),
        exit: Some(child.status()),
        child: Some(child),
        pipes,
        protocol: Some(protocol),
        is_made: false,
        sending: Vec::new(),
        sent: 0,
        status: None,
    };
    reactor.spawn(served).detach();
    transport
}

struct Served<P: ProcessProtocol + Send + 'static> {
    transport: ProcessTransport,
    child: Option<Child>,
    pipes: Pipes,
    /// Until it is known.
    exit: Option<Deferred<ExitStatus, io::Error>>,
    status: Option<ExitStatus>,
    protocol: Option<P>,
    is_made: bool,
    sending: Vec<u8>,
    sent: usize,
}

struct Pipes {
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
}

// Nothing in it is pinned.
impl<P: ProcessProtocol + Send + 'static> Unpin for Served<P> {}

impl<P: ProcessProtocol + Send + 'static> Served<P> {
    /// Does what there is to do; says when it is over, and how.
    fn run(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Result<ExitStatus, Lost>> {
        self.transport.shared.mail.listen(cx.waker());
        if !mem::replace(&mut self.is_made, true) {
            self.call(|protocol, child| protocol.connection_made(child));
        }
        for _ in 0..TURNS {
            self.signal();
            self.write(cx);
            let mut goes_on = self.read(cx, scratch);
            goes_on |= match self.wait(cx) {
                Ok(goes_on) => goes_on,
                Err(lost) => return Poll::Ready(Err(lost)),
            };
            if let (Some(status), None, None, None) =
                (self.status, &self.pipes.input, &self.pipes.output, &self.pipes.errors)
            {
                return Poll::Ready(Ok(status));
            }
            if !goes_on {
                // What the methods have asked for has woken the task.
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn signal(&mut self) {
        let signals = self.transport.shared.mail.look(|state| mem::take(&mut state.signals));
        for (kind, completer) in signals {
            if let Some(child) = &self.child {
                completer.settle(child.send_signal(kind));
            }
        }
    }

    /// Writes what was written; closes what was to be closed.
    fn write(&mut self, cx: &mut Context<'_>) {
        loop {
            let (input_ends, closes) = self.transport.shared.mail.look(|state| {
                if self.sent == self.sending.len() {
                    self.sending = mem::take(&mut state.input);
                    self.sent = 0;
                }
                state.sending = self.sending.len() - self.sent;
                (state.input_ends && state.input.is_empty(), state.closes)
            });
            if closes && self.pipes.output.take().is_some() {
                self.call(|protocol, child| protocol.out_connection_lost(child));
            }
            if closes && self.pipes.errors.take().is_some() {
                self.call(|protocol, child| protocol.err_connection_lost(child));
            }
            let rest = &self.sending[self.sent..];
            let Some(input) = &mut self.pipes.input else {
                // Nobody reads it.
                self.sending = Vec::new();
                self.sent = 0;
                self.transport.shared.mail.look(|state| {
                    state.sending = 0;
                    drop(mem::take(&mut state.input));
                });
                return;
            };
            if closes || self.status.is_some() || rest.is_empty() && input_ends {
                self.pipes.input = None;
                self.call(|protocol, child| protocol.in_connection_lost(child));
                continue;
            }
            if rest.is_empty() {
                return;
            }
            match Pin::new(input).poll_write(cx, rest) {
                Poll::Ready(Ok(len)) if len > 0 => self.sent += len,
                Poll::Ready(_) => {
                    // The child has closed it, or ended.
                    self.pipes.input = None;
                    self.call(|protocol, child| protocol.in_connection_lost(child));
                }
                Poll::Pending => return,
            }
        }
    }

    /// Reads once from each pipe. Whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> bool {
        let mut goes_on = false;
        if let Some(output) = &mut self.pipes.output {
            if let Poll::Ready(read) = Pin::new(output).poll_read(cx, scratch) {
                goes_on = true;
                match data(read, scratch) {
                    Some(data) => self.call(|protocol, child| protocol.out_received(child, data)),
                    None => {
                        self.pipes.output = None;
                        self.call(|protocol, child| protocol.out_connection_lost(child));
                    }
                }
            }
        }
        if let Some(errors) = &mut self.pipes.errors {
            if let Poll::Ready(read) = Pin::new(errors).poll_read(cx, scratch) {
                goes_on = true;
                match data(read, scratch) {
                    Some(data) => self.call(|protocol, child| protocol.err_received(child, data)),
                    None => {
                        self.pipes.errors = None;
                        self.call(|protocol, child| protocol.err_connection_lost(child));
                    }
                }
            }
        }
        goes_on
    }

    /// Looks for the end of the child. Whether it was found.
    fn wait(&mut self, cx: &mut Context<'_>) -> Result<bool, Lost> {
        let Some(exit) = &mut self.exit else {
            return Ok(false);
        };
        let Poll::Ready(status) = Pin::new(exit).poll(cx) else {
            return Ok(false);
        };
        self.exit = None;
        let status = status.map_err(|error| match error.as_aborted() {
            Some(_) => Aborted::shut_down().into(),
            None => Lost::from(error),
        })?;
        self.status = Some(status);
        self.call(|protocol, child| protocol.exited(child, status));
        self.transport.tell(&Ok(status), false);
        Ok(true)
    }

    fn call(&mut self, method: impl FnOnce(&mut P, &ProcessTransport)) {
        if let Some(protocol) = &mut self.protocol {
            method(protocol, &self.transport);
        }
    }

    fn end(&mut self, end: &Result<ExitStatus, Lost>) {
        let Some(mut protocol) = self.protocol.take() else {
            return;
        };
        self.pipes = Pipes {
            input: None,
            output: None,
            errors: None,
        };
        self.child = None;
        if self.is_made {
            contain("the last method of a protocol", || protocol.ended(&self.transport, end));
        }
        contain("the destructor of a protocol", || drop(protocol));
        self.transport.tell(end, true);
    }
}

/// What was read, unless it was the end. A pipe fails only with its loop.
fn data(read: io::Result<usize>, scratch: &[u8]) -> Option<&[u8]> {
    match read {
        Ok(len) if len > 0 => Some(&scratch[..len]),
        _ => None,
    }
}

impl<P: ProcessProtocol + Send + 'static> Future for Served<P> {
    type Output = Result<(), Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut scratch = buffers::take_reading();
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(cx, &mut scratch)));
        buffers::give_reading(scratch);
        match ran.unwrap_or_else(|payload| Poll::Ready(Err(Aborted::panicked(payload).into()))) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(end) => {
                self.end(&end);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// A task that is dropped before its end is one whose loop has shut down.
impl<P: ProcessProtocol + Send + 'static> Drop for Served<P> {
    fn drop(&mut self) {
        self.end(&Err(Aborted::shut_down().into()));
    }
}
