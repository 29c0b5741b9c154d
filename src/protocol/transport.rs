use std::{fmt, io::IoSlice, sync::Arc};

use super::{
    Address, Detached, Lost, Protocol, buffers,
    shared::{Ending, Over, Request, Shared},
};
use crate::{Aborted, Deferred};

/// A protocol's handle on its connection: cheap to clone, and to be used from anywhere.
///
/// Nothing here blocks or fails: what is written goes into a buffer, which the connection's task sends as soon as the method that
/// runs has returned, in as few system calls as it can. Once the connection is over, all of it does nothing.
///
/// # When the other end is slow
///
/// Writing never waits, so the buffer can grow. When more than the high-water mark waits to be sent, the protocol's
/// [`pause_writing`](Protocol::pause_writing) is called, and [`resume_writing`](Protocol::resume_writing) when it is down to the
/// low one; async code awaits [`drain`](Self::drain) instead. The marks are 64 KiB and 16 KiB, as in asyncio, unless
/// [`set_write_marks`](Self::set_write_marks) says something else.
///
/// # The end
///
/// | method | sends what is written | then |
/// |---|---|---|
/// | [`write_eof`](Self::write_eof) | yes | ends this direction; the other end can go on sending |
/// | [`lose_connection`](Self::lose_connection) | yes | closes |
/// | [`abort`](Self::abort) | no | closes at once |
/// | [`detach`](Self::detach) | yes | gives the stream away, open |
///
/// Dropping a transport does nothing.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

impl Transport {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Writes. The bytes are copied into the connection's buffer. Those that come after [`write_eof`](Self::write_eof) or
    /// [`lose_connection`](Self::lose_connection) are dropped.
    pub fn write(&self, data: &[u8]) {
        self.write_vectored(&[IoSlice::new(data)]);
    }

    /// Writes several pieces as one.
    pub fn write_vectored(&self, pieces: &[IoSlice<'_>]) {
        let _ = self.shared.ask(|state| state.write(pieces));
    }

    /// Ends the writing direction when all is sent: the other end reads the end of the stream, and can go on sending. Twisted's
    /// `loseWriteConnection`.
    pub fn write_eof(&self) {
        self.end(Ending::Write);
    }

    /// Closes the connection when all is sent. No more data is received from now on; `connection_lost` follows with
    /// [`Lost::Closed`]. asyncio's `close`.
    pub fn lose_connection(&self) {
        self.end(Ending::Close);
    }

    /// Closes the connection at once, and drops what was not sent. `connection_lost` follows, never inside of this
    /// call.
    pub fn abort(&self) {
        self.end(Ending::Abort);
    }

    /// Writes what a function adds to a buffer, without copying it once more; nothing if that fails.
    ///
    /// # Errors
    /// Those of the function.
    pub fn try_write_with<R, E>(&self, function: impl FnOnce(&mut Vec<u8>) -> Result<R, E>) -> Result<R, E> {
        let mut buffer = buffers::take_writing();
        let result = function(&mut buffer);
        if result.is_ok() {
            let _ = self.shared.ask(|state| state.append(&mut buffer));
        }
        buffers::give_writing(&mut buffer);
        result
    }

    fn end(&self, ending: Ending) {
        let _ = self.shared.ask(|state| state.ending = state.ending.max(ending));
    }

    /// Whether it is over, or was asked to close.
    pub fn is_closing(&self) -> bool {
        let state = self.shared.lock();
        state.over.is_some() || state.ending >= Ending::Close
    }

    /// Receives nothing, until [`resume_reading`](Self::resume_reading). What the other end sends waits in the system, which slows
    /// it down at last. Twisted's `pauseProducing`.
    ///
    /// A `data_received` that runs has its bytes; [`unread`](Self::unread) gives some of them back.
    pub fn pause_reading(&self) {
        let _ = self.shared.ask(|state| state.reading = false);
    }

    /// Receives again. Twisted's `resumeProducing`.
    pub fn resume_reading(&self) {
        let _ = self.shared.ask(|state| {
            state.reading = true;
            state.reread = true;
        });
    }

    /// Whether the protocol that has it is given what comes: it was not paused, is not closing, and goes to nobody else.
    pub fn is_reading(&self) -> bool {
        self.shared.lock().is_reading()
    }

    /// Gives bytes back that were received, to be received again: by the protocol that [`set_protocol`](Self::set_protocol) puts in
    /// place of this one, through the stream of [`detach`](Self::detach), after [`resume_reading`](Self::resume_reading), or
    /// with the next bytes that come, before them.
    pub fn unread(&self, data: &[u8]) {
        let _ = self.shared.ask(|state| state.unread(data));
    }

    /// As many bytes were written and are not yet sent. asyncio's `get_write_buffer_size`.
    pub fn buffered(&self) -> usize {
        self.shared.buffered(&self.shared.lock())
    }

    /// Fires when no more than the low-water mark waits to be sent: at once, unless the buffer is above the high one. asyncio's
    /// `StreamWriter.drain`. Fails with the reason when the connection is over.
    ///
    /// ```
    /// # use interloop::protocol::{Lost, Transport};
    /// async fn send_all(transport: Transport, chunks: Vec<Vec<u8>>) -> Result<(), Lost> {
    ///     for chunk in chunks {
    ///         transport.write(&chunk);
    ///         transport.drain().await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn drain(&self) -> Deferred<(), Lost> {
        let (completer, deferred) = Deferred::pair();
        let waits = self
            .shared
            .ask(|state| match self.shared.buffered(state) > state.marks().end {
                true => {
                    state.drain(completer);
                    None
                }
                false => Some(completer),
            });
        match waits {
            Ok(None) => deferred,
            Ok(Some(completer)) => {
                completer.complete(());
                deferred
            }
            Err(over) => Deferred::failed(reason(over)),
        }
    }

    /// Fires with the reason when the connection is over, and the protocol's `connection_lost` has returned; [`Aborted::dropped`]
    /// if it was detached. At once if that has been. asyncio's `wait_closed`.
    pub fn closed(&self) -> Deferred<Lost, Aborted> {
        let (completer, deferred) = Deferred::pair();
        if let Some((completer, over)) = self.shared.wait_for_end(completer) {
            match over {
                Over::Lost(reason) => completer.complete(reason),
                Over::Detached => completer.fail(Aborted::dropped()),
            }
        }
        deferred
    }

    /// The address of the other end, if it has one.
    pub fn peer_addr(&self) -> Option<&Address> {
        self.shared.peer.as_ref()
    }

    /// The address of this end, if it has one.
    pub fn local_addr(&self) -> Option<&Address> {
        self.shared.local.as_ref()
    }

    /// Puts another protocol in place of the one that the connection has: start TLS's counterpart above the transport, an
    /// upgrade of HTTP, a dialogue that changes its language. The former one is dropped when the method that runs has returned,
    /// without hearing of an end; the new one's [`connection_made`](Protocol::connection_made) is called, and then it is given what was
    /// [`unread`](Self::unread), and what comes.
    pub fn set_protocol(&self, protocol: impl Protocol + Send + 'static) {
        // A protocol that comes too late is dropped here, outside of the lock.
        let _ = self.request(Request::Replace(Box::new(protocol)));
    }

    /// Takes the connection from its protocol, as a stream, when all that was written before is sent. Nothing is received any
    /// more; the protocol is dropped without hearing of an end. What it had received and not wanted, it
    /// [`unread`](Self::unread)s, and it comes first.
    ///
    /// The way from callbacks to `async fn`s, and to TLS in the middle of a connection; [`attach`](super::attach) is the way back:
    ///
    /// ```
    /// # use interloop::{Deferred, Reactor, protocol::{self, Channel, Lost, Protocol, Transport}};
    /// # fn wrap(stream: impl Channel) -> impl Channel { stream }
    /// /// Goes on with another protocol over what `wrap` makes of the stream.
    /// fn upgrade(transport: &Transport, next: impl Protocol + Send + 'static) -> Deferred<Transport, Lost> {
    ///     transport.detach().and_then(|stream| {
    ///         let reactor = Reactor::current().expect("callbacks of a connection have its reactor");
    ///         Ok(protocol::attach(&reactor, wrap(stream), next))
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// The reason if the connection is over before. If it was detached already, [`Aborted::dropped`].
    pub fn detach(&self) -> Deferred<Detached, Lost> {
        let (completer, deferred) = Deferred::pair();
        match self.request(Request::Detach(completer)) {
            Ok(()) => deferred,
            Err(over) => Deferred::failed(reason(over)),
        }
    }

    pub(super) fn request(&self, request: Request) -> Result<(), Over> {
        let mut request = Some(request);
        let made = self.shared.ask(|state| {
            if let Some(request) = request.take() {
                state.request(request);
            }
        });
        // If it was not taken, what it owns is dropped without the lock.
        drop(request);
        made
    }
}

/// Why something that needs the connection cannot be.
pub(super) fn reason(over: Over) -> Lost {
    match over {
        Over::Lost(reason) => reason,
        Over::Detached => Aborted::dropped().into(),
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (buffered, ending, over) = {
            let state = self.shared.lock();
            (self.shared.buffered(&state), state.ending, state.over.clone())
        };
        // An error of a channel's own may be among it, which is not shown under the lock.
        f.debug_struct("Transport")
            .field("peer", &self.shared.peer)
            .field("buffered", &buffered)
            .field("ending", &ending)
            .field("over", &over)
            .finish_non_exhaustive()
    }
}
