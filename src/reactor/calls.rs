//! The callbacks of a reactor: one at a time, in order.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use super::Reactor;
use crate::{Aborted, Completer};

/// Something to be done on a loop. Dropped without having been run, the loop has shut down.
pub(crate) trait Call: Send {
    fn call(self: Box<Self>);
}

/// Those that wait, and whether a task is on its way to them.
#[derive(Default)]
pub(super) struct Calls {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Call>>,
    has_task: bool,
}

impl Calls {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("waiting", &self.state().waiting.len())
            .finish()
    }
}

impl Reactor {
    /// Has something done on the loop, after what was posted before. A round is what was there when it began; between
    /// rounds the loop's other tasks run.
    pub(crate) fn post(&self, call: Box<dyn Call>) {
        let needs_task = {
            let mut state = self.calls().state();
            state.waiting.push_back(call);
            !mem::replace(&mut state.has_task, true)
        };
        if needs_task {
            self.spawn_infallible(rounds(Rounds { reactor: self.clone() })).detach();
        }
    }
}

/// The task that makes the calls. It ends when there are none, or when the loop drops it.
struct Rounds {
    reactor: Reactor,
}

impl Rounds {
    /// What is to be done in the next round, or the end of the task.
    fn next(&self) -> Option<VecDeque<Box<dyn Call>>> {
        let mut state = self.reactor.calls().state();
        if state.waiting.is_empty() {
            state.has_task = false;
            return None;
        }
        Some(mem::take(&mut state.waiting))
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        // After its end there is nothing; otherwise the loop has shut down, and calls are dropped outside of the lock.
        let mut state = self.reactor.calls().state();
        if state.has_task {
            state.has_task = false;
            let left = mem::take(&mut state.waiting);
            drop(state);
            drop(left);
        }
    }
}

fn rounds(rounds: Rounds) -> impl Future<Output = ()> + Send {
    let mut has_ended = false;
    poll_fn(move |cx| {
        if !has_ended {
            if let Some(round) = rounds.next() {
                for call in round {
                    call.call();
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            has_ended = true;
        }
        Poll::Ready(())
    })
}

/// Fires a deferred on the loop.
pub(super) struct Settle<T: 'static, E: From<Aborted> + 'static> {
    /// Empty once it was called.
    settling: Option<(Completer<T, E>, Result<T, E>)>,
}

impl<T, E: From<Aborted>> Settle<T, E> {
    pub(super) fn new(completer: Completer<T, E>, result: Result<T, E>) -> Self {
        Self {
            settling: Some((completer, result)),
        }
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Call for Settle<T, E> {
    fn call(mut self: Box<Self>) {
        if let Some((completer, result)) = self.settling.take() {
            completer.settle(result);
        }
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Drop for Settle<T, E> {
    fn drop(&mut self) {
        if let Some((completer, _)) = self.settling.take() {
            completer.fail(E::from(Aborted::shut_down()));
        }
    }
}
