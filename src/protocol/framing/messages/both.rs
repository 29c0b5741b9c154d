//! A channel that two halves poll.

use std::{
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// The channel, of which each half has its turn. It is taken out while it is polled, so that nothing foreign runs under the lock.
pub(super) struct Both<S> {
    state: Mutex<State<S>>,
}

struct State<S> {
    /// None while one of the halves polls it.
    channel: Option<Box<S>>,
    /// Of the other half, which found it away.
    waiting: Option<Waker>,
}

impl<S> Both<S> {
    pub(super) fn new(channel: S) -> Self {
        Self {
            state: Mutex::new(State {
                channel: Some(Box::new(channel)),
                waiting: None,
            }),
        }
    }

    /// The channel, for good; it is there unless somebody polls it.
    pub(super) fn take(&self) -> Option<Box<S>> {
        self.lock().channel.take()
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the channel in its turn; none comes once it was taken.
    pub(super) fn poll_with<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R>
    where
        S: Unpin,
    {
        let channel = match self.take() {
            Some(channel) => channel,
            None => {
                let waker = cx.waker().clone();
                let mut state = self.lock();
                match state.channel.take() {
                    Some(channel) => channel,
                    None => {
                        let former = state.waiting.replace(waker);
                        drop(state);
                        drop(former);
                        return Poll::Pending;
                    }
                }
            }
        };
        let mut turn = Turn {
            both: self,
            channel: Some(channel),
        };
        match &mut turn.channel {
            Some(channel) => poll(Pin::new(&mut **channel), cx),
            None => Poll::Pending,
        }
    }
}

/// Puts the channel back, also when it panics.
struct Turn<'a, S> {
    both: &'a Both<S>,
    channel: Option<Box<S>>,
}

impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.both.lock();
            state.channel = self.channel.take();
            state.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}
