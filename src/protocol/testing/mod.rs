//! Protocols under test, without sockets, loops or sleeps.
//!
//! A [`StringTransport`] is a connection that a test holds both ends of: it says what is received, and sees what is written. It is named after
//! Twisted's, and runs the same code as every other connection, over a channel in memory. What a test does takes effect before
//! the call returns.
//!
//! ```
//! use interloop::protocol::{Protocol, Transport, testing::StringTransport};
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
//!         transport.write(data);
//!     }
//! }
//!
//! let mut connection = StringTransport::new(Echo);
//! connection.receive(b"hello");
//! assert_eq!(connection.take(), b"hello");
//! connection.peer_closes();
//! assert!(connection.lost().is_some_and(|reason| reason.is_closed()));
//! ```
//!
//! # Time
//!
//! A protocol that uses its reactor, for a timeout say, is given that of a [`Clock`](crate::Clock):
//!
//! ```
//! use std::time::Duration;
//! use interloop::{Clock, DelayedCall, Reactor, protocol::{Protocol, Transport, testing::StringTransport}};
//!
//! /// Is patient for a minute.
//! #[derive(Default)]
//! struct Impatient {
//!     alarm: Option<DelayedCall>,
//! }
//!
//! impl Protocol for Impatient {
//!     fn connection_made(&mut self, transport: &Transport) {
//!         let transport = transport.clone();
//!         let reactor = Reactor::current().expect("a method has its reactor");
//!         self.alarm = Some(reactor.call_later(Duration::from_secs(60), move || transport.abort()));
//!     }
//!
//!     fn data_received(&mut self, _: &Transport, _: &[u8]) {
//!         let _ = self.alarm.take().map(|alarm| alarm.cancel());
//!     }
//! }
//!
//! let clock = Clock::new();
//! let mut connection = StringTransport::on(&clock.reactor(), Impatient::default());
//! clock.advance(Duration::from_secs(60));
//! assert!(connection.lost().is_some());
//! ```

mod wire;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use self::wire::{End, Wire, lock};
use super::{Address, Lost, Protocol, Transport, connection::Connection};
use crate::{Deferred, Reactor};

/// A protocol's connection whose other end is the test. Twisted's `StringTransport`.
pub struct StringTransport {
    transport: Transport,
    /// Until it is over.
    connection: Option<Connection<End>>,
    wire: Arc<Mutex<Wire>>,
    woken: Arc<Woken>,
    reactor: Option<Reactor>,
    lost: Option<Deferred<Lost>>,
    reason: Option<Lost>,
}

impl StringTransport {
    /// A connection to a protocol, whose `connection_made` has been called.
    pub fn new(protocol: impl Protocol + Send + 'static) -> Self {
        Self::between(None, None, None, protocol)
    }

    /// The same; the reactor is the current one while its methods run.
    pub fn on(reactor: &Reactor, protocol: impl Protocol + Send + 'static) -> Self {
        Self::between(Some(reactor), None, None, protocol)
    }

    /// The same; the transport says that it has these addresses, of this end and of the other.
    pub fn between(
        reactor: Option<&Reactor>,
        local: Option<Address>,
        peer: Option<Address>,
        protocol: impl Protocol + Send + 'static,
    ) -> Self {
        let wire = Arc::new(Mutex::new(Wire::default()));
        let end = End {
            wire: wire.clone(),
            local,
            peer: peer.clone(),
        };
        let (connection, transport) = Connection::new(end, peer, Box::new(protocol));
        let mut this = Self {
            lost: Some(transport.closed()),
            transport,
            connection: Some(connection),
            wire,
            woken: Arc::new(Woken(AtomicBool::new(true))),
            reactor: reactor.cloned(),
            reason: None,
        };
        this.run();
        this
    }

    /// The protocol's handle on the connection, for a test to use it as the protocol would.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The other end sends bytes. They wait while the protocol has paused reading, as on a real connection.
    pub fn receive(&mut self, data: &[u8]) {
        self.wire().incoming.extend(data);
        self.poll();
    }

    /// What the protocol has written since the last [`clear`](Self::clear).
    pub fn value(&mut self) -> Vec<u8> {
        self.run();
        self.wire().written.clone()
    }

    /// Forgets what the protocol has written.
    pub fn clear(&mut self) {
        self.run();
        self.wire().written.clear();
    }

    /// What the protocol has written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        self.run();
        std::mem::take(&mut self.wire().written)
    }

    /// The other end takes no more than so many bytes from now on; `None` takes all. With no more room than there is to write, the protocol
    /// is asked to pause.
    pub fn set_room(&mut self, bytes: Option<usize>) {
        self.wire().room = bytes;
        self.poll();
    }

    /// The other end sends nothing more, and can still read: `eof_received`.
    pub fn peer_closes(&mut self) {
        self.wire().is_at_end = true;
        self.poll();
    }

    /// The connection is lost for a reason: `connection_lost`, whatever the protocol is doing. An [`io::Error`](std::io::Error) is one, and so is
    /// [`Aborted::shut_down`](crate::Aborted::shut_down).
    ///
    /// Bytes that the protocol was not given yet are dropped.
    pub fn lose(&mut self, reason: impl Into<Lost>) {
        let _entered = self.reactor.as_ref().map(Reactor::enter);
        if let Some(connection) = self.connection.take() {
            connection.lose_with(reason.into());
        }
    }

    /// Whether the connection is over, or was asked to close. Twisted's `disconnecting`.
    pub fn is_disconnecting(&mut self) -> bool {
        self.run();
        self.transport.is_closing()
    }

    /// Whether the protocol takes what comes. Twisted's `producerState`.
    pub fn is_reading(&mut self) -> bool {
        self.run();
        self.transport.is_reading()
    }

    /// Whether the protocol has ended its writing direction: all of it, or by closing.
    pub fn has_ended(&mut self) -> bool {
        self.run();
        let wire = self.wire();
        wire.has_ended || wire.is_closed
    }

    /// Why the connection was lost, if it was.
    pub fn lost(&mut self) -> Option<Lost> {
        self.run();
        if self.transport.shared().is_over() {
            if let Some(Ok(Ok(reason))) = self.lost.take().map(Deferred::try_take) {
                self.reason = Some(reason);
            }
        }
        self.reason.clone()
    }

    /// Carries what was written by each of two protocols to the other, with their ends, until neither has anything more to say.
    /// Twisted's `IOPump`.
    ///
    /// ```
    /// # use interloop::protocol::{Protocol, Transport, testing::StringTransport};
    /// /// Counts down with the other one.
    /// struct Countdown(Option<u8>);
    ///
    /// impl Protocol for Countdown {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         if let Some(first) = self.0 {
    ///             transport.write(&[first]);
    ///         }
    ///     }
    ///
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         match data[0] {
    ///             0 => transport.lose_connection(),
    ///             number => transport.write(&[number - 1]),
    ///         }
    ///     }
    /// }
    ///
    /// let mut one = StringTransport::new(Countdown(Some(10)));
    /// let mut other = StringTransport::new(Countdown(None));
    /// one.pump(&mut other);
    /// assert!(one.lost().is_some() && other.lost().is_some());
    /// ```
    pub fn pump(&mut self, other: &mut Self) {
        loop {
            let there = Self::carry(self, other);
            let back = Self::carry(other, self);
            if !there && !back {
                return;
            }
        }
    }

    /// From one to the other. Whether there was anything.
    fn carry(from: &mut Self, to: &mut Self) -> bool {
        let data = from.take();
        let ends = from.has_ended() && !to.wire().is_at_end && to.connection.is_some();
        if data.is_empty() && !ends {
            return false;
        }
        to.wire().incoming.extend(&data);
        if ends {
            to.wire().is_at_end = true;
        }
        to.poll();
        true
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        lock(&self.wire)
    }

    /// Polls the connection, since there is something new for it.
    fn poll(&mut self) {
        self.woken.0.store(true, Ordering::Release);
        self.run();
    }

    /// Polls the connection as long as it is woken.
    fn run(&mut self) {
        let _entered = self.reactor.as_ref().map(Reactor::enter);
        while self.woken.0.swap(false, Ordering::AcqRel) {
            let Some(connection) = &mut self.connection else {
                return;
            };
            let waker = Waker::from(self.woken.clone());
            if Pin::new(connection).poll(&mut Context::from_waker(&waker)).is_ready() {
                self.connection = None;
            }
        }
    }
}

impl fmt::Debug for StringTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = self.wire().written.len();
        f.debug_struct("StringTransport")
            .field("transport", &self.transport)
            .field("written", &written)
            .finish_non_exhaustive()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
