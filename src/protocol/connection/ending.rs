//! How a connection ends.

use std::io;

use super::Connection;
use crate::{
    Aborted,
    protocol::{Channel, Detached, Lost, Protocol, contain, shared::Over},
};

/// Why there is nothing more to do.
pub(super) enum End {
    Lost(Lost),
    /// With the protocol's leave.
    Detached,
}

impl<C: Channel> Connection<C> {
    /// Ends it.
    pub(in crate::protocol) fn lose_with(mut self, reason: Lost) {
        self.end(End::Lost(reason));
    }

    pub(super) fn end(&mut self, end: End) {
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
        if let Some(detaching) = self.detaching.take() {
            detaching.fail(reason.clone());
        }
        rest.tell(reason);
        self.transport.shared().tell_end(reason);
    }

    fn detach(&mut self, protocol: Box<dyn Protocol + Send>) {
        let mut rest = self.transport.shared().end(Over::Detached);
        contain("the destructor of a protocol", || drop(protocol));
        if let (Some(completer), Some(channel)) = (self.detaching.take(), self.channel.take()) {
            completer.complete(Detached::new(Box::new(channel), rest.take_unread()));
        }
        // All that they wait for was sent.
        for waiting in rest.take_draining(self.draining) {
            waiting.complete(());
        }
        // Those who wait for an end learn that there is none: their completers are dropped.
        contain("what was asked of a connection", || drop(rest));
    }
}

/// A task that is dropped before its end is one whose loop has shut down.
impl<C: Channel> Drop for Connection<C> {
    fn drop(&mut self) {
        self.end(End::Lost(Aborted::shut_down().into()));
    }
}

pub(super) fn failed(error: io::Error) -> End {
    End::Lost(error.into())
}
