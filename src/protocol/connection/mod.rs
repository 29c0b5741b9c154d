//! The task of a connection: reads, calls the protocol, writes.

mod asked;
mod ending;
mod sending;

use std::{
    future::Future,
    mem,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use self::ending::{End, failed};
use super::{
    Address, AfterEof, Channel, Detached, Lost, Protocol, Transport, buffers,
    shared::{Ending, MARKS, Shared},
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
    let peer = channel.peer_address();
    attach_to(reactor, channel, peer, protocol)
}

/// As [`attach`], where it is known who the other end is.
pub(super) fn attach_to(
    reactor: &Reactor,
    channel: impl Channel,
    peer: Option<Address>,
    protocol: impl Protocol + Send + 'static,
) -> Transport {
    let (connection, transport) = Connection::new(channel, peer, Box::new(protocol));
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
    /// As many wait for the low-water mark.
    draining: usize,
    detaching: Option<Completer<Detached, Lost>>,
    // What the protocol was told.
    is_made: bool,
    is_paused: bool,
    // The two directions.
    has_read_all: bool,
    has_ended_writing: bool,
    is_flushed: bool,
}

impl<C: Channel> Connection<C> {
    pub(super) fn new(channel: C, peer: Option<Address>, protocol: Box<dyn Protocol + Send>) -> (Self, Transport) {
        let transport = Transport::new(Arc::new(Shared::new(channel.local_address(), peer)));
        let connection = Self {
            transport: transport.clone(),
            channel: Some(channel),
            protocol: Some(protocol),
            sending: Vec::new(),
            sent: 0,
            behind: 0,
            ending: Ending::Open,
            reading: true,
            marks: MARKS,
            has_unread: false,
            draining: 0,
            detaching: None,
            is_made: false,
            is_paused: false,
            has_read_all: false,
            has_ended_writing: false,
            is_flushed: true,
        };
        (connection, transport)
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
            let mut joined = self.transport.shared().lock().take_unread();
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
