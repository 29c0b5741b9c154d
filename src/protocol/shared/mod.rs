//! What a connection's task and the handles on it share.

#[cfg(not(interloop_loom))]
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize},
};
use std::{
    collections::VecDeque,
    io, mem,
    ops::Range,
    os::fd::BorrowedFd,
    sync::{PoisonError, atomic::Ordering},
    task::Waker,
};

#[cfg(interloop_loom)]
use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize},
};

use super::{Address, Detached, Lost, Protocol, buffers, contain};
use crate::{Aborted, Completer};

/// How much may wait to be sent before the protocol is asked to pause, and at how much it may go on: asyncio's figures.
const MARKS: Range<usize> = 16 * 1024..64 * 1024;

/// The lock is held for moving bytes and requests in and out, never while foreign code runs.
pub(super) struct Shared {
    pub(super) local: Option<Address>,
    pub(super) peer: Option<Address>,
    /// Set while the task is inside of a poll, at whose end it looks for requests once more. Written by the task only: cleared
    /// under the lock, so that who makes a request under it and finds this set need not wake the task.
    running: AtomicBool,
    /// Something was asked for since the task looked last. Set under the lock.
    asked: AtomicBool,
    /// As many bytes has the task taken and not yet sent. It grows under the lock only.
    sending: AtomicUsize,
    state: Mutex<State>,
}

pub(super) struct State {
    /// Written, and not yet taken by the task.
    pub(super) outgoing: Vec<u8>,
    pub(super) marks: Range<usize>,
    pub(super) reading: bool,
    pub(super) ending: Ending,
    /// Given back by the protocol.
    pub(super) unread: Vec<u8>,
    /// Whether that is to be read again before anything else comes.
    pub(super) reread: bool,
    pub(super) requests: VecDeque<Request>,
    /// Whether it goes to who detaches it.
    pub(super) is_leaving: bool,
    pub(super) drained: Vec<Completer<(), Lost>>,
    pub(super) closed: Vec<Completer<Lost, Aborted>>,
    pub(super) waker: Option<Waker>,
    /// Set when the connection is over, for whatever reason.
    pub(super) over: Option<Over>,
    /// The protocol has heard of that, and so has everybody who waits for it.
    is_told: bool,
}

/// How far the connection has been asked to end. In the order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
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
pub(super) enum Over {
    Lost(Lost),
    Detached,
}

/// What only the task can do.
pub(super) enum Request {
    Replace(Box<dyn Protocol + Send>),
    Socket(SocketJob),
    Detach(Completer<Detached, Lost>),
}

pub(super) type SocketJob = Box<dyn FnOnce(Option<BorrowedFd<'_>>) + Send>;

impl Shared {
    pub(super) fn new(local: Option<Address>, peer: Option<Address>) -> Self {
        let state = State {
            outgoing: Vec::new(),
            marks: MARKS,
            reading: true,
            ending: Ending::Open,
            unread: Vec::new(),
            reread: false,
            requests: VecDeque::new(),
            is_leaving: false,
            drained: Vec::new(),
            closed: Vec::new(),
            waker: None,
            over: None,
            is_told: false,
        };
        Self {
            local,
            peer,
            running: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            sending: AtomicUsize::new(0),
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the task for something, unless the connection is over: changes the state and wakes it.
    pub(super) fn ask<R>(&self, change: impl FnOnce(&mut State) -> R) -> Result<R, Over> {
        let (result, waker) = {
            let mut state = self.lock();
            if let Some(over) = &state.over {
                return Err(over.clone());
            }
            let result = change(&mut state);
            // Pairs with the look at `asked` without the lock, which is followed by one with it before the task waits.
            self.asked.store(true, Ordering::Relaxed);
            let waker = match self.running.load(Ordering::Relaxed) {
                true => None,
                false => state.waker.take(),
            };
            (result, waker)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(result)
    }

    /// Tells those who wait for the end, which the protocol has heard of.
    pub(super) fn tell_end(&self, reason: &Lost) {
        let closed = {
            let mut state = self.lock();
            state.is_told = true;
            mem::take(&mut state.closed)
        };
        for waiting in closed {
            waiting.complete(reason.clone());
        }
    }

    /// Waits for the end; gives it, and the completer back, if everybody has been told.
    pub(super) fn wait_for_end(&self, completer: Completer<Lost, Aborted>) -> Option<(Completer<Lost, Aborted>, Over)> {
        let mut state = self.lock();
        match &state.over {
            Some(over) if state.is_told => Some((completer, over.clone())),
            _ => {
                state.closed.push(completer);
                None
            }
        }
    }

    /// Whether the connection is over.
    pub(super) fn is_over(&self) -> bool {
        self.lock().over.is_some()
    }

    /// A poll of the task begins.
    pub(super) fn begin(&self) {
        self.running.store(true, Ordering::Relaxed);
    }

    /// Whether something was asked for since the last look.
    pub(super) fn has_news(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The state, if something was asked for since the last look.
    pub(super) fn news(&self) -> Option<MutexGuard<'_, State>> {
        if !self.has_news() {
            return None;
        }
        let state = self.lock();
        self.asked.store(false, Ordering::Relaxed);
        Some(state)
    }

    /// The next of what only the task can do.
    pub(super) fn next_request(&self) -> Option<Request> {
        self.lock().requests.pop_front()
    }

    /// As many bytes have been written and not sent.
    pub(super) fn buffered(&self, state: &State) -> usize {
        self.sending.load(Ordering::Relaxed) + state.outgoing.len()
    }

    /// Gives what was written to the task, if that has sent all that it had, of which it has sent `sent` bytes.
    pub(super) fn hand_over(&self, state: &mut State, sending: &mut Vec<u8>, sent: usize) {
        if sending.is_empty() {
            mem::swap(sending, &mut state.outgoing);
        }
        self.set_sending(sending.len() - sent);
    }

    /// The task has as many bytes left of those that it took.
    pub(super) fn set_sending(&self, sending: usize) {
        self.sending.store(sending, Ordering::Relaxed);
    }

    /// A poll of the task ends, and it waits; unless something was asked for.
    pub(super) fn park(&self, waker: &Waker) -> bool {
        // A waker is somebody's code: cloned and dropped without the lock.
        let mut clone = None;
        loop {
            {
                let mut state = self.lock();
                if self.has_news() {
                    return false;
                }
                let is_present = state.waker.as_ref().is_some_and(|present| present.will_wake(waker));
                if is_present || clone.is_some() {
                    self.running.store(false, Ordering::Relaxed);
                    let replaced = match is_present {
                        true => None,
                        false => mem::replace(&mut state.waker, clone.take()),
                    };
                    drop(state);
                    drop(replaced);
                    return true;
                }
            }
            clone = Some(waker.clone());
        }
    }

    /// A poll of the task ends, and another one follows without anybody's asking.
    pub(super) fn pass(&self) {
        let _state = self.lock();
        self.running.store(false, Ordering::Relaxed);
    }

    /// The connection is over. Gives what is left, to be dropped or told without the lock.
    pub(super) fn end(&self, over: Over) -> Rest {
        let mut state = self.lock();
        // Who waits for the end of one that is lost hears of it behind the protocol.
        state.is_told = matches!(over, Over::Detached);
        let closed = match state.is_told {
            true => mem::take(&mut state.closed),
            false => Vec::new(),
        };
        state.over = Some(over);
        self.set_sending(0);
        Rest {
            requests: mem::take(&mut state.requests),
            drained: mem::take(&mut state.drained),
            _closed: closed,
            unread: mem::take(&mut state.unread),
            _outgoing: mem::take(&mut state.outgoing),
            _waker: state.waker.take(),
        }
    }
}

/// What is left of a connection's state when it is over.
pub(super) struct Rest {
    requests: VecDeque<Request>,
    drained: Vec<Completer<(), Lost>>,
    _closed: Vec<Completer<Lost, Aborted>>,
    pub(super) unread: Vec<u8>,
    _outgoing: Vec<u8>,
    _waker: Option<Waker>,
}

impl Rest {
    /// Tells those who wait for what will not be done any more.
    pub(super) fn tell(self, reason: &Lost) {
        for waiting in self.drained {
            waiting.fail(reason.clone());
        }
        for request in self.requests {
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

impl State {
    /// Whether the protocol that has the connection is to be given what comes.
    pub(super) fn is_reading(&self) -> bool {
        let goes_on = |request: &Request| matches!(request, Request::Socket(_));
        self.over.is_none()
            && self.reading
            && !self.is_leaving
            && self.ending <= Ending::Write
            && self.requests.iter().all(goes_on)
    }

    /// As [`write`](Self::write), by exchanging buffers if nothing waits.
    pub(super) fn append(&mut self, buffer: &mut Vec<u8>) {
        if self.ending > Ending::Open {
            return;
        }
        match self.outgoing.is_empty() {
            true => mem::swap(&mut self.outgoing, buffer),
            false => self.outgoing.append(buffer),
        }
    }

    /// Takes bytes to be sent; none after the writing direction was asked to end.
    pub(super) fn write(&mut self, bufs: &[io::IoSlice<'_>]) {
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
}
