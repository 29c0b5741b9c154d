//! Connections that go through something before they are served.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;

use super::traits::{Accepted, Connections};
use crate::{CancelOnDrop, Reactor, protocol::Channel};

pub(super) type Upgrade = Pin<Box<dyn Future<Output = io::Result<Box<dyn Channel>>> + Send>>;
/// Nothing if the task has ended early.
type Ended = Option<io::Result<Box<dyn Channel>>>;
type MakeUpgrade = Box<dyn FnMut(Box<dyn Channel>) -> Upgrade + Send>;

/// The connections of a stream that are through. Dropping it gives up the others.
pub(super) struct Upgrading {
    /// Until it has ended.
    incoming: Option<Connections>,
    reactor: Reactor,
    limit: Duration,
    upgrade: MakeUpgrade,
    running: HashMap<u64, CancelOnDrop<(), io::Error>>,
    started: u64,
    done: Arc<Done>,
}

impl Upgrading {
    pub(super) fn new(incoming: Connections, reactor: &Reactor, limit: Duration, upgrade: MakeUpgrade) -> Self {
        Self {
            incoming: Some(incoming),
            reactor: reactor.clone(),
            limit,
            upgrade,
            running: HashMap::new(),
            started: 0,
            done: Arc::default(),
        }
    }

    fn start(&mut self, channel: Box<dyn Channel>) {
        let id = self.started;
        self.started += 1;
        let upgraded = self.reactor.timeout(self.limit, (self.upgrade)(channel));
        let mut slot = Slot {
            id,
            done: self.done.clone(),
            result: None,
        };
        let task = self.reactor.spawn(async move {
            slot.fill(upgraded.await);
            Ok(())
        });
        self.running.insert(id, task.cancel_on_drop());
    }
}

impl Stream for Upgrading {
    type Item = Accepted;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        loop {
            while let Some((id, result)) = self.done.next(cx) {
                self.running.remove(&id);
                match result {
                    Some(Ok(channel)) => return Poll::Ready(Some(Ok((channel, ())))),
                    Some(Err(error)) => log::debug!("a connection is closed before it is served: {error}"),
                    None => log::debug!("a connection is closed before it is served: its task has ended early"),
                }
            }
            let Some(incoming) = &mut self.incoming else {
                return match self.running.is_empty() {
                    true => Poll::Ready(None),
                    false => Poll::Pending,
                };
            };
            match incoming.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok((channel, ())))) => self.start(channel),
                Poll::Ready(Some(Err(error))) => {
                    self.incoming = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.incoming = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Says what became of a connection when it is dropped, however its task has ended.
struct Slot {
    id: u64,
    done: Arc<Done>,
    result: Ended,
}

impl Slot {
    fn fill(&mut self, result: io::Result<Box<dyn Channel>>) {
        self.result = Some(result);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.done.lock();
        state.queue.push_back((self.id, self.result.take()));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The connections whose tasks have ended.
#[derive(Default)]
struct Done(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<(u64, Ended)>,
    waker: Option<Waker>,
}

impl Done {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one, or the task is woken when there is one.
    fn next(&self, cx: &Context<'_>) -> Option<(u64, Ended)> {
        // Cloned, and the former one dropped, without the lock.
        let waker = cx.waker().clone();
        let mut state = self.lock();
        let next = state.queue.pop_front();
        let former = match next {
            Some(_) => None,
            None => state.waker.replace(waker),
        };
        drop(state);
        drop(former);
        next
    }
}
