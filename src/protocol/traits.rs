use super::{Address, Lost, Transport};

/// What a program does with a connection: methods that are called as things happen to it.
///
/// ```
/// use interloop::protocol::{Protocol, Transport};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///     }
/// }
/// ```
///
/// The calls of one connection never overlap, and come in this order: `connection_made` once, then `data_received` any number
/// of times, `eof_received` at most once, and `connection_lost` once, at the end. `pause_writing` and `resume_writing` take
/// turns in between. They run on the connection's task, whose reactor is the current one; connections of a multi-threaded loop
/// run side by side. A method that takes long holds up its own connection and the thread it is on; what takes long belongs in
/// [`spawn_blocking`](crate::Reactor::spawn_blocking).
///
/// A method that panics loses its connection with [`Lost::Aborted`], and nothing else: `connection_lost` is called, as for any
/// other end.
///
/// The names are those of asyncio's `Protocol`, which are Twisted's in another spelling.
pub trait Protocol {
    /// The connection is there.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Bytes have come: at least one, and not by the messages that the other end sent. [`framing`](super::framing) makes messages of them.
    fn data_received(&mut self, transport: &Transport, data: &[u8]);

    /// The other end has said that nothing more comes, and can still read. Closes the connection, unless this says
    /// otherwise.
    fn eof_received(&mut self, transport: &Transport) -> AfterEof {
        let _ = transport;
        AfterEof::Close
    }

    /// The connection is over. The last call; nothing can be written any more.
    fn connection_lost(&mut self, transport: &Transport, reason: &Lost) {
        let _ = (transport, reason);
    }

    /// More than the high-water mark waits to be sent: stop writing, if you can. See [`Transport`].
    fn pause_writing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// No more than the low-water mark waits to be sent. See [`Transport`].
    fn resume_writing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Gives what was received and is kept for later, since the connection goes to somebody else: to the protocol of
    /// [`Transport::set_protocol`], or to who [detaches](Transport::detach) it. It comes first there. The last call.
    fn take_unused(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// What becomes of a connection whose other end sends nothing any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterEof {
    /// What is written is sent, then it is closed.
    #[default]
    Close,
    /// It stays open for writing, until it is closed from here.
    StayOpen,
}

impl<P: Protocol + ?Sized> Protocol for Box<P> {
    fn connection_made(&mut self, transport: &Transport) {
        (**self).connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        (**self).data_received(transport, data);
    }

    fn eof_received(&mut self, transport: &Transport) -> AfterEof {
        (**self).eof_received(transport)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Lost) {
        (**self).connection_lost(transport, reason);
    }

    fn pause_writing(&mut self, transport: &Transport) {
        (**self).pause_writing(transport);
    }

    fn resume_writing(&mut self, transport: &Transport) {
        (**self).resume_writing(transport);
    }

    fn take_unused(&mut self) -> Vec<u8> {
        (**self).take_unused()
    }
}

/// Makes a protocol for each connection, as a server needs them: state that connections share lives here.
///
/// A closure that makes protocols is one:
///
/// ```
/// # use interloop::protocol::{Factory, Protocol, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
/// #         transport.write(data);
/// #     }
/// # }
/// fn serve(factory: impl Factory) {}
///
/// serve(|| Echo);
/// ```
pub trait Factory: Send + 'static {
    /// What it makes.
    type Protocol: Protocol + Send + 'static;

    /// Makes the protocol of a connection from `peer`; `None` turns the connection away, which is closed at once.
    fn build_protocol(&mut self, peer: Option<&Address>) -> Option<Self::Protocol>;

    /// Listening ends: the last call. Connections that are there go on.
    fn stopped(&mut self) {}
}

impl<F, P> Factory for F
where
    F: FnMut() -> P + Send + 'static,
    P: Protocol + Send + 'static,
{
    type Protocol = P;

    fn build_protocol(&mut self, _: Option<&Address>) -> Option<P> {
        Some(self())
    }
}
