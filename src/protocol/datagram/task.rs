//! The task of a socket of datagrams: receives, calls the protocol, sends.

use std::{
    future::Future,
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    DatagramProtocol, DatagramSocket, DatagramTransport,
    transport::{Datagram, Ending},
};
use crate::{
    Aborted, AsAborted, Reactor,
    protocol::{Lost, buffers, contain},
};

/// As many datagrams it may receive and send in one poll, before the other tasks of the loop have their turn.
const TURNS: u32 = 32;

/// Gives a socket to a protocol, which is called from a task of the reactor's from now on. Twisted's `listenUDP`, asyncio's
/// `create_datagram_endpoint`.
///
/// Dropping the transport does nothing; the socket is open until it is closed from here, or the loop shuts down.
pub fn attach<S: DatagramSocket>(
    reactor: &Reactor,
    socket: S,
    protocol: impl DatagramProtocol + Send + 'static,
) -> DatagramTransport {
    let transport = DatagramTransport::new(socket.local(), socket.peer());
    let served = Served {
        transport: transport.clone(),
        socket: Some(Arc::new(socket)),
        protocol: Some(protocol),
        is_made: false,
        sending: None,
    };
    reactor.spawn(served).detach();
    transport
}

struct Served<S, P>
where
    S: DatagramSocket,
    P: DatagramProtocol + Send + 'static,
{
    transport: DatagramTransport,
    /// Both are there until the end. The socket is shared with what is being sent alone.
    socket: Option<Arc<S>>,
    protocol: Option<P>,
    is_made: bool,
    /// What waits for room, as the system has none.
    sending: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
}

// Nothing is pinned but what is in a box.
impl<S: DatagramSocket, P: DatagramProtocol + Send + 'static> Unpin for Served<S, P> {}

impl<S: DatagramSocket, P: DatagramProtocol + Send + 'static> Served<S, P> {
    /// Does what there is to do; gives the reason when it is over.
    fn run(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Result<(), Lost> {
        self.transport.shared.mail.listen(cx.waker());
        if !mem::replace(&mut self.is_made, true) {
            self.call(|protocol, transport| protocol.connection_made(transport));
        }
        let mut may_receive = true;
        for _ in 0..TURNS {
            let (ending, jobs) = self
                .transport
                .shared
                .mail
                .look(|state| (state.ending, mem::take(&mut state.jobs)));
            for job in jobs {
                job(self.socket.as_ref().map(|socket| socket.fd()));
            }
            if ending == Ending::Abort {
                return Err(Aborted::cancelled().into());
            }
            let has_sent = self.send(cx)?;
            if ending == Ending::Close {
                if has_sent == Sent::All {
                    return Err(Lost::Closed);
                }
                may_receive = false;
            }
            may_receive = may_receive && self.receive(cx, scratch)?;
            if !may_receive && has_sent != Sent::Some && !self.has_more() {
                return Ok(());
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Whether something was asked for since.
    fn has_more(&self) -> bool {
        let waits_for_room = self.sending.is_some();
        self.transport.shared.mail.look(|state| {
            (!waits_for_room && !state.queue.is_empty())
                || !state.jobs.is_empty()
                || state.ending > Ending::Open && !waits_for_room
        })
    }

    /// Sends the next datagram, if there is one.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<Sent, Lost> {
        if let Some(sending) = &mut self.sending {
            let Poll::Ready(sent) = sending.as_mut().poll(cx) else {
                return Ok(Sent::Waits);
            };
            self.sending = None;
            self.note(sent)?;
            return Ok(Sent::Some);
        }
        let next = self.transport.shared.mail.look(|state| {
            let next = state.queue.pop_front();
            state.bytes -= next.as_ref().map_or(0, |next| next.data.len());
            next
        });
        let (Some(Datagram { data, to }), Some(socket)) = (next, &self.socket) else {
            return Ok(Sent::All);
        };
        match socket.try_transmit(&data, to.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let socket = socket.clone();
                self.sending = Some(Box::pin(async move { socket.transmit(&data, to.as_ref()).await }));
            }
            sent => self.note(sent)?,
        }
        Ok(Sent::Some)
    }

    /// Whether there may be another datagram.
    fn receive(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Result<bool, Lost> {
        let Some(socket) = &self.socket else {
            return Ok(false);
        };
        match socket.poll_receive(cx, scratch) {
            Poll::Ready(Ok((len, from))) => {
                let data = &scratch[..len];
                self.call(|protocol, transport| protocol.datagram_received(transport, data, &from));
            }
            // Of a datagram that was sent, and said once.
            Poll::Ready(Err(error)) if concerns_a_datagram(&error) => self.note(Err(error))?,
            Poll::Ready(Err(error)) => return Err(error.into()),
            Poll::Pending => return Ok(false),
        }
        Ok(true)
    }

    /// Tells of a datagram that was not sent.
    fn note(&mut self, sent: io::Result<()>) -> Result<(), Lost> {
        match sent {
            Ok(()) => Ok(()),
            Err(error) if error.as_aborted().is_some() => Err(error.into()),
            Err(error) => {
                self.call(|protocol, transport| protocol.error_received(transport, error));
                Ok(())
            }
        }
    }

    fn call(&mut self, method: impl FnOnce(&mut P, &DatagramTransport)) {
        if let Some(protocol) = &mut self.protocol {
            method(protocol, &self.transport);
        }
    }

    fn end(&mut self, reason: &Lost) {
        let Some(mut protocol) = self.protocol.take() else {
            return;
        };
        let rest = self.transport.end_with(reason);
        self.sending = None;
        self.socket = None;
        if self.is_made {
            contain("connection_lost of a protocol", || {
                protocol.connection_lost(&self.transport, reason);
            });
        }
        contain("the destructor of a protocol", || drop(protocol));
        contain("what was asked of a socket", || drop(rest));
        self.transport.tell_end(reason);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// There is nothing more.
    All,
    Some,
    Waits,
}

fn concerns_a_datagram(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}

impl<S: DatagramSocket, P: DatagramProtocol + Send + 'static> Future for Served<S, P> {
    type Output = Result<(), Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut scratch = buffers::take_reading();
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(cx, &mut scratch)));
        buffers::give_reading(scratch);
        match ran.unwrap_or_else(|payload| Err(Aborted::panicked(payload).into())) {
            Ok(()) => Poll::Pending,
            Err(reason) => {
                self.end(&reason);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// A task that is dropped before its end is one whose loop has shut down.
impl<S: DatagramSocket, P: DatagramProtocol + Send + 'static> Drop for Served<S, P> {
    fn drop(&mut self) {
        self.end(&Aborted::shut_down().into());
    }
}
