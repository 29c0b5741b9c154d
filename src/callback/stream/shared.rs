//! What the halves of a stream share.
//!
//! Whatever is foreign is moved out of the lock, and woken or dropped there.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
};

#[cfg(interloop_loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(interloop_loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

use super::{
    Overflow,
    error::{PushError, Refusal},
};
use crate::{Aborted, reactor};

pub(super) struct Shared<T, E> {
    capacity: usize,
    overflow: Overflow,
    state: Mutex<State<T, E>>,
    /// There is room, or the stream has ended.
    room: Condvar,
}

struct State<T, E> {
    queue: VecDeque<Result<T, E>>,
    /// What comes after the queue.
    failure: Option<Failure<E>>,
    /// Why nothing is taken any more.
    ended: Option<Refusal>,
    /// Of the consumer, while it waits.
    waker: Option<Waker>,
    senders: usize,
    /// How many threads wait for room.
    waiting: usize,
    taken: u64,
    dropped: u64,
}

pub(super) enum Failure<E> {
    Own(E),
    /// To be made into the stream's own error by the consumer, as that is foreign code.
    Aborted(Aborted),
}

impl<T, E> Shared<T, E> {
    /// For one sender and the receiver.
    pub(super) fn new(capacity: usize, overflow: Overflow) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            overflow,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                failure: None,
                ended: None,
                waker: None,
                senders: 1,
                waiting: 0,
                taken: 0,
                dropped: 0,
            }),
            room: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        // Nothing that can panic runs under it, but for a queue that is larger than memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, item: Result<T, E>) -> Result<(), PushError<Result<T, E>>> {
        let mut state = self.lock();
        loop {
            if let Some(refusal) = state.ended {
                drop(state);
                return Err(PushError::new(refusal, item));
            }
            if state.queue.len() < self.capacity {
                break;
            }
            match self.overflow {
                Overflow::Wait if reactor::runs_loop() => {
                    drop(state);
                    return Err(PushError::new(Refusal::Deadlock, item));
                }
                Overflow::Wait => {
                    state.waiting += 1;
                    state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.waiting -= 1;
                }
                Overflow::DropNewest => {
                    state.dropped += 1;
                    drop(state);
                    drop(item);
                    return Ok(());
                }
                Overflow::DropOldest => {
                    state.dropped += 1;
                    let oldest = state.queue.pop_front();
                    // Nobody waits for an item where there are some, so there is nobody to wake.
                    state.queue.push_back(item);
                    state.taken += 1;
                    drop(state);
                    drop(oldest);
                    return Ok(());
                }
                Overflow::Fail => {
                    let failure = Failure::Aborted(Aborted::overflowed(state.taken));
                    self.end(state, Refusal::Overflowed, Some(failure));
                    return Err(PushError::new(Refusal::Overflowed, item));
                }
            }
        }
        state.queue.push_back(item);
        state.taken += 1;
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        Ok(())
    }

    /// Ends the stream for a producer, unless it has ended.
    ///
    /// # Errors
    /// Gives the failure back if it has.
    pub(super) fn close(&self, failure: Option<Failure<E>>) -> Result<(), (Refusal, Option<Failure<E>>)> {
        let state = self.lock();
        if let Some(refusal) = state.ended {
            return Err((refusal, failure));
        }
        self.end(state, Refusal::Closed, failure);
        Ok(())
    }

    /// Ends the stream for the consumer, unless it has ended.
    pub(super) fn stop(&self) {
        let state = self.lock();
        if state.ended.is_none() {
            self.end(state, Refusal::Stopped, None);
        }
    }

    /// Lets everybody know of the end.
    fn end(&self, mut state: MutexGuard<'_, State<T, E>>, why: Refusal, failure: Option<Failure<E>>) {
        state.ended = Some(why);
        state.failure = failure;
        let waker = state.waker.take();
        drop(state);
        self.room.notify_all();
        wake(waker);
    }

    /// Ends the stream, and drops what is in it.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        let left = (mem::take(&mut state.queue), state.failure.take(), state.waker.take());
        if state.ended.is_none() {
            self.end(state, Refusal::Stopped, None);
        } else {
            drop(state);
        }
        drop(left);
    }

    pub(super) fn add_sender(&self) {
        self.lock().senders += 1;
    }

    pub(super) fn remove_sender(&self) {
        let mut state = self.lock();
        state.senders -= 1;
        if state.senders == 0 && state.ended.is_none() {
            self.end(state, Refusal::Closed, None);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().ended.is_none()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// How many items there are, and whether there can be more.
    pub(super) fn size(&self) -> (usize, bool) {
        let state = self.lock();
        let count = state.queue.len() + usize::from(state.failure.is_some());
        (count, state.ended.is_none())
    }
}

impl<T, E: From<Aborted>> Shared<T, E> {
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        // Cloned outside of the lock. Dropped there, too, if it is not needed after all: it outlives each guard.
        let mut own_waker = None;
        loop {
            let mut state = self.lock();
            if let Some(item) = state.queue.pop_front() {
                let is_waited_for = state.waiting > 0;
                drop(state);
                if is_waited_for {
                    self.room.notify_one();
                }
                return Poll::Ready(Some(item));
            }
            if let Some(failure) = state.failure.take() {
                drop(state);
                return Poll::Ready(Some(Err(failure.into_error())));
            }
            if state.ended.is_some() {
                return Poll::Ready(None);
            }
            if state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            match own_waker.take() {
                Some(waker) => {
                    let replaced = state.waker.replace(waker);
                    drop(state);
                    drop(replaced);
                    return Poll::Pending;
                }
                None => {
                    drop(state);
                    own_waker = Some(cx.waker().clone());
                }
            }
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<E> Failure<E> {
    fn into_error(self) -> E
    where
        E: From<Aborted>,
    {
        match self {
            Self::Own(error) => error,
            Self::Aborted(aborted) => E::from(aborted),
        }
    }
}
