//! The task of a connection: reads, calls the protocol, writes.

use std::{
    future::Future,
    io, mem,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    AfterEof, Channel, Detached, Lost, Protocol, Transport, buffers, contain,
    shared::{Ending, Over, Request, Shared},
};
use crate::{Aborted, Completer, Reactor};

/// As many times it may read, or look what was asked for, in one poll, before the other tasks of the loop have their turn.
const TURNS: u32 = 16;

/// Gives a connection to a protocol, which is called from a task of the reactor's from now on.
///
/// Dropping the transport does nothing; the connection ends when one of its ends closes it, or the loop shuts down.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::{net::memory, protocol::{self, Protocol, Transport}};
///
/// struct Shout;
///
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(&data.to_ascii_uppercase());
///     }
/// }
///
/// let (mut ours, theirs) = memory::pair(1024);
/// protocol::attach(&reactor, theirs, Shout);
/// ours.write_all(b"hello").await?;
/// ours.close().await?;
/// let mut answer = String::new();
/// ours.read_to_string(&mut answer).await?;
/// assert_eq!(answer, "HELLO");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub fn attach(reactor: &Reactor, channel: impl Channel, protocol: impl Protocol + Send + 'static) -> Transport {
    let (connection, transport) = Connection::new(channel, Box::new(protocol));
    reactor.spawn(connection).detach();
    transport
}

pub(super) struct Connection<C: Channel> {
    transport: Transport,
    /// Both are there until the end.
    channel: Option<C>,
    protocol: Option<Box<dyn Protocol + Send>>,
    /// Taken from what was written; `sent` bytes of it are sent, and as many as `behind` are written and not taken.
    sending: Vec<u8>,
    sent: usize,
    behind: usize,
    // What was asked for, as of the last look.
    ending: Ending,
    reading: bool,
    marks: Range<usize>,
    has_unread: bool,
    drained: Vec<Completer<(), Lost>>,
    detaching: Option<Completer<Detached, Lost>>,
    // What the protocol was told.
    is_made: bool,
    is_paused: bool,
    // The two directions.
    has_read_all: bool,
    has_ended_writing: bool,
    is_flushed: bool,
}

/// Why there is nothing more to do.
enum End {
    Lost(Lost),
    /// With the protocol's leave.
    Detached,
}

impl<C: Channel> Connection<C> {
    pub(super) fn new(channel: C, protocol: Box<dyn Protocol + Send>) -> (Self, Transport) {
        let shared = Shared::new(channel.local_address(), channel.peer_address());
        let marks = shared.lock().marks.clone();
        let transport = Transport::new(Arc::new(shared));
        let connection = Self {
            transport: transport.clone(),
            channel: Some(channel),
            protocol: Some(protocol),
            sending: Vec::new(),
            sent: 0,
            behind: 0,
            ending: Ending::Open,
            reading: true,
            marks,
            has_unread: false,
            drained: Vec::new(),
            detaching: None,
            is_made: false,
            is_paused: false,
            has_read_all: false,
            has_ended_writing: false,
            is_flushed: true,
        };
        (connection, transport)
    }

    /// Ends it.
    pub(super) fn lose_with(mut self, reason: Lost) {
        self.end(End::Lost(reason));
    }

    /// Does what there is to do, until the task has to wait or gives way to others.
    fn run(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Result<(), End> {
        if !mem::replace(&mut self.is_made, true) {
            self.call(|protocol, transport| protocol.connection_made(transport));
        }
        let mut turns = 0;
        // What has to wait is not tried again before the next poll.
        let (mut may_send, mut may_receive) = (true, true);
        loop {
            self.attend()?;
            may_send = may_send && self.send(cx)?.is_ready();
            self.tell_marks();
            let has_news = self.transport.shared().has_news();
            let receives = may_receive && self.receives();
            if has_news || receives {
                if turns == TURNS {
                    self.transport.shared().pass();
                    cx.waker().wake_by_ref();
                    return Ok(());
                }
                turns += 1;
            }
            if has_news {
                continue;
            }
            if receives {
                may_receive = self.receive(cx, scratch)?.is_ready();
                continue;
            }
            if self.transport.shared().park(cx.waker()) {
                return Ok(());
            }
        }
    }

    /// Looks what was asked for, and does what need not wait for anything to be sent.
    fn attend(&mut self) -> Result<(), End> {
        let shared = self.transport.shared();
        let Some(mut state) = shared.news() else {
            return Ok(());
        };
        shared.hand_over(&mut state, &mut self.sending, self.sent);
        self.behind = state.outgoing.len();
        self.ending = state.ending;
        self.reading = state.reading;
        self.marks = state.marks.clone();
        self.drained.append(&mut state.drained);
        self.has_unread = !state.unread.is_empty();
        if self.ending == Ending::Abort {
            // With the requests where they are: they fail with the reason.
            return Err(End::Lost(Aborted::cancelled().into()));
        }
        let mut reread = mem::take(&mut state.reread);
        let requests = state.requests.len();
        drop(state);
        for _ in 0..requests {
            match self.transport.shared().next_request() {
                Some(Request::Replace(protocol)) => {
                    let unused = self.call(|protocol, _| protocol.take_unused());
                    self.keep(unused);
                    // One whose predecessor's destructor panics hears of nothing.
                    self.is_made = false;
                    drop(self.protocol.replace(protocol));
                    self.is_made = true;
                    self.is_paused = false;
                    // The new one hears of the end, too, behind what it is given.
                    self.has_read_all = false;
                    self.call(|protocol, transport| protocol.connection_made(transport));
                    reread = true;
                }
                Some(Request::Socket(job)) => job(self.channel.as_ref().and_then(Channel::socket)),
                Some(Request::Detach(completer)) => {
                    // A second one is dropped, and its deferred fails.
                    self.detaching.get_or_insert(completer);
                    self.transport.shared().lock().is_leaving = true;
                }
                None => break,
            }
        }
        if reread && self.receives() {
            let unread = mem::take(&mut self.transport.shared().lock().unread);
            self.has_unread = false;
            if !unread.is_empty() {
                self.call(|protocol, transport| protocol.data_received(transport, &unread));
            }
        }
        Ok(())
    }

    /// Sends what is written, then does what waits for that.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
        let Some(mut channel) = self.channel.as_mut().map(Pin::new) else {
            return Ok(Poll::Pending);
        };
        loop {
            while self.sent < self.sending.len() {
                match channel.as_mut().poll_write(cx, &self.sending[self.sent..]) {
                    Poll::Ready(Ok(0)) => return Err(failed(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(len)) => self.sent += len,
                    Poll::Ready(Err(error)) => return Err(failed(error)),
                    Poll::Pending => return Ok(Poll::Pending),
                }
                self.transport.shared().set_sending(self.sending.len() - self.sent);
                self.is_flushed = false;
            }
            // At once, so that the next method that writes finds it; and none is exchanged for an empty one that has memory.
            buffers::give_writing(&mut self.sending);
            self.sent = 0;
            if self.behind == 0 {
                break;
            }
            self.behind = 0;
            let shared = self.transport.shared();
            shared.hand_over(&mut shared.lock(), &mut self.sending, 0);
        }
        if !self.is_flushed {
            match channel.as_mut().poll_flush(cx) {
                Poll::Ready(result) => result.map_err(failed)?,
                Poll::Pending => return Ok(Poll::Pending),
            }
            self.is_flushed = true;
        }
        // A stream that is detached is given away open, unless its writing direction alone was to end before.
        let ends_writing = match self.detaching {
            Some(_) => self.ending == Ending::Write,
            None => self.ending >= Ending::Write,
        };
        if ends_writing && !self.has_ended_writing {
            match channel.poll_close(cx) {
                Poll::Ready(result) => result.map_err(failed)?,
                Poll::Pending => return Ok(Poll::Pending),
            }
            self.has_ended_writing = true;
        }
        if self.detaching.is_some() {
            let unused = self.call(|protocol, _| protocol.take_unused());
            self.keep(unused);
            return Err(End::Detached);
        }
        if self.has_ended_writing && (self.ending == Ending::Close || self.has_read_all) {
            return Err(End::Lost(Lost::Closed));
        }
        Ok(Poll::Ready(()))
    }

    /// Tells the protocol, and those who wait, how much is left to be sent.
    fn tell_marks(&mut self) {
        let buffered = self.sending.len() - self.sent + self.behind;
        if buffered > self.marks.end && !self.is_paused {
            self.is_paused = true;
            self.call(|protocol, transport| protocol.pause_writing(transport));
        } else if buffered <= self.marks.start {
            if mem::take(&mut self.is_paused) {
                self.call(|protocol, transport| protocol.resume_writing(transport));
            }
            if !self.drained.is_empty() {
                for waiting in mem::take(&mut self.drained) {
                    waiting.complete(());
                }
            }
        }
    }

    /// Whether the protocol is to be given more.
    fn receives(&self) -> bool {
        self.reading && !self.has_read_all && self.ending <= Ending::Write && self.detaching.is_none()
    }

    fn receive(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Result<Poll<()>, End> {
        let Some(channel) = &mut self.channel else {
            return Ok(Poll::Pending);
        };
        let len = match Pin::new(channel).poll_read(cx, scratch) {
            Poll::Ready(result) => result.map_err(failed)?,
            Poll::Pending => return Ok(Poll::Pending),
        };
        let data = &scratch[..len];
        if len == 0 {
            self.has_read_all = true;
            if self.call(|protocol, transport| protocol.eof_received(transport)) == AfterEof::Close {
                self.transport.lose_connection();
            }
        } else if mem::take(&mut self.has_unread) {
            let mut joined = mem::take(&mut self.transport.shared().lock().unread);
            joined.extend_from_slice(data);
            self.call(|protocol, transport| protocol.data_received(transport, &joined));
        } else {
            self.call(|protocol, transport| protocol.data_received(transport, data));
        }
        Ok(Poll::Ready(()))
    }

    fn call<R>(&mut self, method: impl FnOnce(&mut dyn Protocol, &Transport) -> R) -> R {
        let protocol = self
            .protocol
            .as_mut()
            .expect("a connection has a protocol until it ends");
        method(&mut **protocol, &self.transport)
    }

    fn end(&mut self, end: End) {
        let Some(protocol) = self.protocol.take() else {
            return;
        };
        match end {
            End::Lost(reason) => self.lose(protocol, &reason),
            End::Detached => self.detach(protocol),
        }
    }

    fn lose(&mut self, mut protocol: Box<dyn Protocol + Send>, reason: &Lost) {
        let rest = self.transport.shared().end(Over::Lost(reason.clone()));
        // Whoever is told of the end may count on it: the descriptor is free, and the other end knows.
        contain("the destructor of a channel", || drop(self.channel.take()));
        if self.is_made {
            contain("connection_lost of a protocol", || {
                protocol.connection_lost(&self.transport, reason);
            });
        }
        contain("the destructor of a protocol", || drop(protocol));
        for waiting in mem::take(&mut self.drained) {
            waiting.fail(reason.clone());
        }
        if let Some(detaching) = self.detaching.take() {
            detaching.fail(reason.clone());
        }
        rest.tell(reason);
        self.transport.shared().tell_end(reason);
    }

    /// Keeps what a protocol did not want for who comes next.
    fn keep(&mut self, mut unused: Vec<u8>) {
        if unused.is_empty() {
            return;
        }
        let unread = &mut self.transport.shared().lock().unread;
        unused.append(unread);
        *unread = unused;
        self.has_unread = true;
    }

    fn detach(&mut self, protocol: Box<dyn Protocol + Send>) {
        let mut rest = self.transport.shared().end(Over::Detached);
        let unread = mem::take(&mut rest.unread);
        contain("the destructor of a protocol", || drop(protocol));
        if let (Some(completer), Some(channel)) = (self.detaching.take(), self.channel.take()) {
            completer.complete(Detached::new(Box::new(channel), unread));
        }
        for waiting in mem::take(&mut self.drained) {
            waiting.complete(());
        }
        // Those who wait for an end learn that there is none: their completers are dropped.
        contain("what was asked of a connection", || drop(rest));
    }
}

impl<C: Channel> Future for Connection<C> {
    type Output = Result<(), Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut scratch = buffers::take_reading();
        self.transport.shared().begin();
        // A panic of a method's, a channel's or a destructor's ends the connection and nothing else.
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(cx, &mut scratch)));
        let ran = ran.unwrap_or_else(|payload| Err(End::Lost(Aborted::panicked(payload).into())));
        buffers::give_reading(scratch);
        match ran {
            Ok(()) => Poll::Pending,
            Err(end) => {
                self.end(end);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// A task that is dropped before its end is one whose loop has shut down.
impl<C: Channel> Drop for Connection<C> {
    fn drop(&mut self) {
        self.end(End::Lost(Aborted::shut_down().into()));
    }
}

fn failed(error: io::Error) -> End {
    End::Lost(error.into())
}
