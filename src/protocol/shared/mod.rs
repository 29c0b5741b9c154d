//! What a connection's task and the handles on it share.

mod state;

#[cfg(not(interloop_loom))]
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize},
};
use std::{
    mem,
    sync::{PoisonError, atomic::Ordering},
    task::Waker,
};

#[cfg(interloop_loom)]
use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize},
};

pub(super) use self::state::{Ending, MARKS, Over, Request, SocketJob};
use self::state::{Rest, State};
use super::{Address, Lost};
use crate::{Aborted, Completer};

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

impl Shared {
    pub(super) fn new(local: Option<Address>, peer: Option<Address>) -> Self {
        Self {
            local,
            peer,
            running: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            sending: AtomicUsize::new(0),
            state: Mutex::new(State::new()),
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
        let closed = self.lock().tell_end();
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
                state.wait_for_end(completer);
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
        self.lock().next_request()
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
        self.set_sending(0);
        state.end(over)
    }
}
