//! What the handles on a connection have asked for.

use std::mem;

use super::{Connection, End};
use crate::{
    Aborted,
    protocol::{
        Channel,
        shared::{Ending, Request},
    },
};

impl<C: Channel> Connection<C> {
    /// Looks what was asked for, and does what need not wait for anything to be sent.
    pub(super) fn attend(&mut self) -> Result<(), End> {
        let shared = self.transport.shared();
        let Some(mut state) = shared.news() else {
            return Ok(());
        };
        shared.hand_over(&mut state, &mut self.sending, self.sent);
        self.behind = state.outgoing.len();
        self.ending = state.ending;
        self.reading = state.reading;
        self.marks = state.marks();
        self.draining = state.draining();
        self.has_unread = state.has_unread();
        if self.ending == Ending::Abort {
            // With the requests where they are: they fail with the reason.
            return Err(End::Lost(Aborted::cancelled().into()));
        }
        let mut reread = mem::take(&mut state.reread);
        let requests = state.requests();
        drop(state);
        for _ in 0..requests {
            match self.transport.shared().next_request() {
                Some(Request::Replace(protocol)) => {
                    let unused = self.call(|protocol, _| protocol.take_unused());
                    self.keep(&unused);
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
            let unread = self.transport.shared().lock().take_unread();
            self.has_unread = false;
            if !unread.is_empty() {
                self.call(|protocol, transport| protocol.data_received(transport, &unread));
            }
        }
        Ok(())
    }

    /// Keeps what a protocol did not want for who comes next.
    pub(super) fn keep(&mut self, unused: &[u8]) {
        if !unused.is_empty() {
            self.transport.shared().lock().unread(unused);
            self.has_unread = true;
        }
    }
}
