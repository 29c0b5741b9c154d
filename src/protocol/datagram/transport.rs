use std::{collections::VecDeque, fmt, io, mem, os::fd::BorrowedFd, sync::Arc};

use crate::{
    Aborted, Completer, Deferred,
    protocol::{Address, Lost, mail::Mail, shared::SocketJob},
};

/// As many bytes may wait to be sent, unless somebody says something else.
const LIMIT: usize = 64 * 1024;

/// A datagram protocol's handle on its socket: cheap to clone, and to be used from anywhere.
///
/// # When there is no room
///
/// What is sent waits in a queue, which the socket's task sends in order as the system takes it: in practice at once, when the method that
/// runs has returned. When the system takes nothing, as much waits as [`set_limit`](Self::set_limit) allows, 64 KiB at first; a datagram
/// beyond that is dropped, as the network would, and [`send_to`](Self::send_to) says so. One datagram may always wait, however
/// long.
///
/// Dropping a transport does nothing.
#[derive(Clone)]
pub struct DatagramTransport {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) local: Option<Address>,
    pub(super) peer: Option<Address>,
    pub(super) mail: Mail<State>,
}

pub(super) struct State {
    pub(super) queue: VecDeque<Datagram>,
    /// In the queue.
    pub(super) bytes: usize,
    limit: usize,
    pub(super) ending: Ending,
    pub(super) jobs: Vec<SocketJob>,
    closed: Vec<Completer<Lost, Aborted>>,
    over: Option<Lost>,
    /// The protocol has heard of that, and so has everybody who waits for it.
    is_told: bool,
}

pub(super) struct Datagram {
    pub(super) data: Vec<u8>,
    pub(super) to: Option<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    Open,
    Close,
    Abort,
}

impl DatagramTransport {
    pub(super) fn new(local: Option<Address>, peer: Option<Address>) -> Self {
        let state = State {
            queue: VecDeque::new(),
            bytes: 0,
            limit: LIMIT,
            ending: Ending::Open,
            jobs: Vec::new(),
            closed: Vec::new(),
            over: None,
            is_told: false,
        };
        Self {
            shared: Arc::new(Shared {
                local,
                peer,
                mail: Mail::new(state),
            }),
        }
    }

    /// Sends a datagram to an address. Whether it was taken: `false` if too much waits already, see [above](Self), or the
    /// socket is closing. What the system says of it comes by [`error_received`](super::DatagramProtocol::error_received).
    pub fn send_to(&self, data: &[u8], to: impl Into<Address>) -> bool {
        self.queue(data, Some(to.into()))
    }

    /// Sends a datagram to where the socket is connected. Otherwise as [`send_to`](Self::send_to).
    pub fn send(&self, data: &[u8]) -> bool {
        self.queue(data, None)
    }

    fn queue(&self, data: &[u8], to: Option<Address>) -> bool {
        self.shared.mail.ask(|state| {
            let has_room = state.queue.is_empty() || state.bytes + data.len() <= state.limit;
            let takes = has_room && state.over.is_none() && state.ending == Ending::Open;
            if takes {
                state.bytes += data.len();
                state.queue.push_back(Datagram {
                    data: data.to_vec(),
                    to,
                });
            }
            takes
        })
    }

    /// Sets how many bytes may wait to be sent. What waits already is kept.
    pub fn set_limit(&self, bytes: usize) {
        self.shared.mail.look(|state| state.limit = bytes);
    }

    /// As many bytes wait to be sent.
    pub fn buffered(&self) -> usize {
        self.shared.mail.look(|state| state.bytes)
    }

    /// Closes the socket when all is sent; nothing is received any more. Twisted's `stopListening`.
    pub fn close(&self) {
        self.end(Ending::Close);
    }

    /// Closes the socket at once, and drops what was not sent.
    pub fn abort(&self) {
        self.end(Ending::Abort);
    }

    fn end(&self, ending: Ending) {
        self.shared.mail.ask(|state| state.ending = state.ending.max(ending));
    }

    /// Whether it is closed, or was asked to.
    pub fn is_closing(&self) -> bool {
        self.shared
            .mail
            .look(|state| state.over.is_some() || state.ending > Ending::Open)
    }

    /// Fires with the reason when the socket is closed, and the protocol's `connection_lost` has returned; at once if that has been.
    pub fn closed(&self) -> Deferred<Lost, Aborted> {
        let (completer, deferred) = Deferred::pair();
        let over = self.shared.mail.look(|state| match &state.over {
            Some(reason) if state.is_told => Some((reason.clone(), completer)),
            _ => {
                state.closed.push(completer);
                None
            }
        });
        if let Some((reason, completer)) = over {
            completer.complete(reason);
        }
        deferred
    }

    /// The address of this end, if it has one.
    pub fn local_addr(&self) -> Option<&Address> {
        self.shared.local.as_ref()
    }

    /// The address to which the socket was connected when the protocol got it.
    pub fn peer_addr(&self) -> Option<&Address> {
        self.shared.peer.as_ref()
    }

    /// Runs a function on the socket, for its options, and fires with what it gives. It runs on the socket's task, soon after.
    ///
    /// ```
    /// # use std::{io, net::Ipv4Addr};
    /// # use interloop::{Deferred, protocol::datagram::DatagramTransport};
    /// fn join_group(transport: &DatagramTransport, group: Ipv4Addr) -> Deferred<(), io::Error> {
    ///     transport.with_socket(move |socket| {
    ///         socket2::SockRef::from(&socket).join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of the function; and if the socket is closed.
    pub fn with_socket<R: Send + 'static>(
        &self,
        function: impl FnOnce(BorrowedFd<'_>) -> io::Result<R> + Send + 'static,
    ) -> Deferred<R, io::Error> {
        let (completer, deferred) = Deferred::pair();
        let mut job: Option<SocketJob> = Some(Box::new(move |socket| {
            completer.settle(socket.map_or_else(|| Err(io::ErrorKind::NotConnected.into()), function));
        }));
        let over = self.shared.mail.ask(|state| {
            if state.over.is_none() {
                state.jobs.extend(job.take());
            }
            state.over.clone()
        });
        // It was not taken: the reason is more than that it was dropped.
        drop(job);
        match over {
            Some(reason) => Deferred::failed(reason.into()),
            None => deferred,
        }
    }

    /// Tells those who wait for the end, which the protocol has heard of.
    pub(super) fn tell_end(&self, reason: &Lost) {
        let closed = self.shared.mail.look(|state| {
            state.is_told = true;
            mem::take(&mut state.closed)
        });
        for waiting in closed {
            waiting.complete(reason.clone());
        }
    }

    /// The socket is closed.
    pub(super) fn end_with(&self, reason: &Lost) -> Rest {
        self.shared.mail.look(|state| {
            state.over = Some(reason.clone());
            state.bytes = 0;
            Rest {
                _jobs: mem::take(&mut state.jobs),
                _queue: mem::take(&mut state.queue),
            }
        })
    }
}

/// What is left when the socket is closed, to be dropped without the lock.
pub(super) struct Rest {
    _jobs: Vec<SocketJob>,
    _queue: VecDeque<Datagram>,
}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramTransport")
            .field("local", &self.shared.local)
            .field("peer", &self.shared.peer)
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}
