//! What stands under the lock.

use std::{collections::VecDeque, io, mem, ops::Range, os::fd::BorrowedFd, task::Waker};

use crate::{
    Aborted, Completer,
    protocol::{Detached, Lost, Protocol, buffers, contain},
};

/// How much may wait to be sent before the protocol is asked to pause, and at how much it may go on: asyncio's figures.
pub(in crate::protocol) const MARKS: Range<usize> = 16 * 1024..64 * 1024;

pub(in crate::protocol) struct State {
    /// Written, and not yet taken by the task.
    pub(in crate::protocol) outgoing: Vec<u8>,
    pub(super) waker: Option<Waker>,
    /// Set when the connection is over, for whatever reason.
    pub(in crate::protocol) over: Option<Over>,
    more: Option<Box<More>>,
    pub(in crate::protocol) ending: Ending,
    pub(in crate::protocol) reading: bool,
    /// Whether what was given back is to be read again before anything else comes.
    pub(in crate::protocol) reread: bool,
    /// Whether it goes to who detaches it.
    pub(in crate::protocol) is_leaving: bool,
    /// The protocol has heard of the end, and so has everybody who waits for it.
    pub(super) is_told: bool,
}

/// What most connections are never asked for, and there may be many of those: there is room for it when it is needed.
struct More {
    marks: Range<usize>,
    /// Given back by the protocol.
    unread: Vec<u8>,
    requests: VecDeque<Request>,
    draining: Vec<Completer<(), Lost>>,
    closed: Vec<Completer<Lost, Aborted>>,
}

/// How far the connection has been asked to end. In the order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::protocol) enum Ending {
    Open,
    /// The writing direction, when all is sent.
    Write,
    /// Both, when all is sent.
    Close,
    /// At once.
    Abort,
}

/// Why a transport does nothing any more.
#[derive(Clone, Debug)]
pub(in crate::protocol) enum Over {
    Lost(Lost),
    Detached,
}

/// What only the task can do.
pub(in crate::protocol) enum Request {
    Replace(Box<dyn Protocol + Send>),
    Socket(SocketJob),
    Detach(Completer<Detached, Lost>),
}

pub(in crate::protocol) type SocketJob = Box<dyn FnOnce(Option<BorrowedFd<'_>>) + Send>;

impl State {
    pub(super) fn new() -> Self {
        Self {
            outgoing: Vec::new(),
            waker: None,
            over: None,
            more: None,
            ending: Ending::Open,
            reading: true,
            reread: false,
            is_leaving: false,
            is_told: false,
        }
    }

    /// Takes bytes to be sent; none after the writing direction was asked to end.
    pub(in crate::protocol) fn write(&mut self, bufs: &[io::IoSlice<'_>]) {
        if self.ending > Ending::Open {
            return;
        }
        if self.outgoing.capacity() == 0 {
            self.outgoing = buffers::take_writing();
        }
        for buf in bufs {
            self.outgoing.extend_from_slice(buf);
        }
    }

    /// As [`write`](Self::write), by exchanging buffers if nothing waits.
    pub(in crate::protocol) fn append(&mut self, buffer: &mut Vec<u8>) {
        if self.ending > Ending::Open {
            return;
        }
        match self.outgoing.is_empty() {
            true => mem::swap(&mut self.outgoing, buffer),
            false => self.outgoing.append(buffer),
        }
    }

    /// Whether the protocol that has the connection is to be given what comes.
    pub(in crate::protocol) fn is_reading(&self) -> bool {
        let goes_on = |more: &More| more.requests.iter().all(|asked| matches!(asked, Request::Socket(_)));
        self.over.is_none()
            && self.reading
            && !self.is_leaving
            && self.ending <= Ending::Write
            && self.more.as_deref().is_none_or(goes_on)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_with(|| {
            Box::new(More {
                marks: MARKS,
                unread: Vec::new(),
                requests: VecDeque::new(),
                draining: Vec::new(),
                closed: Vec::new(),
            })
        })
    }

    /// The low-water mark and the high one.
    pub(in crate::protocol) fn marks(&self) -> Range<usize> {
        self.more.as_ref().map_or(MARKS, |more| more.marks.clone())
    }

    pub(in crate::protocol) fn set_marks(&mut self, marks: Range<usize>) {
        self.more().marks = marks;
    }

    /// Asks for what only the task can do.
    pub(in crate::protocol) fn request(&mut self, request: Request) {
        self.more().requests.push_back(request);
    }

    /// As many have been asked for and not been taken.
    pub(in crate::protocol) fn requests(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.requests.len())
    }

    pub(super) fn next_request(&mut self) -> Option<Request> {
        self.more.as_mut()?.requests.pop_front()
    }

    /// Puts bytes before those that were given back.
    pub(in crate::protocol) fn unread(&mut self, data: &[u8]) {
        self.more().unread.splice(..0, data.iter().copied());
    }

    pub(in crate::protocol) fn has_unread(&self) -> bool {
        self.more.as_ref().is_some_and(|more| !more.unread.is_empty())
    }

    pub(in crate::protocol) fn take_unread(&mut self) -> Vec<u8> {
        let more = self.more.as_mut();
        more.map(|more| mem::take(&mut more.unread)).unwrap_or_default()
    }

    /// Waits for the low-water mark.
    pub(in crate::protocol) fn drain(&mut self, completer: Completer<(), Lost>) {
        self.more().draining.push(completer);
    }

    /// As many wait for that.
    pub(in crate::protocol) fn draining(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.draining.len())
    }

    /// The first of them.
    pub(in crate::protocol) fn take_draining(&mut self, waiting: usize) -> Vec<Completer<(), Lost>> {
        take_draining(self.more.as_deref_mut(), waiting)
    }

    /// Waits for the end.
    pub(super) fn wait_for_end(&mut self, completer: Completer<Lost, Aborted>) {
        self.more().closed.push(completer);
    }

    /// The connection is over. Gives what is left, to be dropped or told without the lock.
    pub(super) fn end(&mut self, over: Over) -> Rest {
        let mut more = self.more.take();
        self.is_told = matches!(over, Over::Detached);
        if let Some(more) = more.as_mut().filter(|more| !self.is_told && !more.closed.is_empty()) {
            // Who waits for the end of one that is lost hears of it behind the protocol.
            self.more().closed = mem::take(&mut more.closed);
        }
        self.over = Some(over);
        Rest {
            more,
            _outgoing: mem::take(&mut self.outgoing),
            _waker: self.waker.take(),
        }
    }

    /// The protocol has heard of the end. Gives those who wait for that.
    pub(super) fn tell_end(&mut self) -> Vec<Completer<Lost, Aborted>> {
        self.is_told = true;
        let more = self.more.take();
        more.map(|more| more.closed).unwrap_or_default()
    }
}

fn take_draining(more: Option<&mut More>, waiting: usize) -> Vec<Completer<(), Lost>> {
    more.map_or_else(Vec::new, |more| {
        let waiting = waiting.min(more.draining.len());
        more.draining.drain(..waiting).collect()
    })
}

/// What is left of a connection's state when it is over.
pub(in crate::protocol) struct Rest {
    more: Option<Box<More>>,
    _outgoing: Vec<u8>,
    _waker: Option<Waker>,
}

impl Rest {
    /// What was given back and not read again.
    pub(in crate::protocol) fn take_unread(&mut self) -> Vec<u8> {
        let more = self.more.as_mut();
        more.map(|more| mem::take(&mut more.unread)).unwrap_or_default()
    }

    /// Those who wait for the low-water mark, as far as the task knows of them.
    pub(in crate::protocol) fn take_draining(&mut self, waiting: usize) -> Vec<Completer<(), Lost>> {
        take_draining(self.more.as_deref_mut(), waiting)
    }

    /// Tells those who wait for what will not be done any more.
    pub(in crate::protocol) fn tell(self, reason: &Lost) {
        let Some(more) = self.more else {
            return;
        };
        for waiting in more.draining {
            waiting.fail(reason.clone());
        }
        for request in more.requests {
            match request {
                Request::Detach(completer) => completer.fail(reason.clone()),
                // Their deferreds learn of it when they are dropped; a protocol that was never begun hears of nothing.
                request @ (Request::Socket(_) | Request::Replace(_)) => {
                    contain("what was asked of a connection", || drop(request))
                }
            }
        }
    }
}
