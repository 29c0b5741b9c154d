//! What a connection sends, and what waits for that.

use std::{
    io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Connection, End, ending::failed};
use crate::protocol::{Channel, Lost, buffers, shared::Ending};

impl<C: Channel> Connection<C> {
    /// Sends what is written, then does what waits for that.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
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
            self.keep(&unused);
            return Err(End::Detached);
        }
        if self.has_ended_writing && (self.ending == Ending::Close || self.has_read_all) {
            return Err(End::Lost(Lost::Closed));
        }
        Ok(Poll::Ready(()))
    }

    /// Tells the protocol, and those who wait, how much is left to be sent.
    pub(super) fn tell_marks(&mut self) {
        let buffered = self.sending.len() - self.sent + self.behind;
        if buffered > self.marks.end && !self.is_paused {
            self.is_paused = true;
            self.call(|protocol, transport| protocol.pause_writing(transport));
        } else if buffered <= self.marks.start {
            if mem::take(&mut self.is_paused) {
                self.call(|protocol, transport| protocol.resume_writing(transport));
            }
            let drained = match mem::take(&mut self.draining) {
                0 => Vec::new(),
                waiting => self.transport.shared().lock().take_draining(waiting),
            };
            for waiting in drained {
                waiting.complete(());
            }
        }
    }
}
