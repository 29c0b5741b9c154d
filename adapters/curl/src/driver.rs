//! The task that drives the engine.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    engine::{Broken, Engine},
    shared::{Inbox, Shared, settle},
    transfer::Settle,
};

/// After as many rounds the loop's other tasks have their turn.
const ROUNDS: usize = 16;

/// It ends with the last transfer, since a task that waited for more would keep the executors from ending that end with their last
/// task; the next transfer starts another one.
pub(crate) struct Drive {
    /// None when it has ended by itself.
    shared: Option<Arc<Shared>>,
}

impl Drive {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared: Some(shared) }
    }
}

/// What it does next.
pub(crate) enum Next {
    Again,
    Wait,
    End,
}

impl Future for Drive {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = &self.shared else {
            return Poll::Ready(());
        };
        for _ in 0..ROUNDS {
            match round(shared, cx.waker()) {
                Next::Again => {}
                Next::Wait => return Poll::Pending,
                Next::End => {
                    self.shared = None;
                    return Poll::Ready(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.shut_down();
        }
    }
}

/// Does what there is to do, once.
fn round(shared: &Arc<Shared>, waker: &Waker) -> Next {
    let Some((engine, mut inbox)) = shared.begin_round(waker) else {
        return Next::Wait;
    };
    let mut settled = Vec::new();
    let engine = run(shared, waker, engine, &mut inbox, &mut settled);
    shared.end_round(engine, inbox.ready, &mut settled);
    settle(settled);
    shared.next(waker)
}

/// Runs the engine, which is made if there is none.
fn run(
    shared: &Arc<Shared>,
    waker: &Waker,
    engine: Option<Box<Engine>>,
    inbox: &mut Inbox,
    settled: &mut Vec<Box<dyn Settle>>,
) -> Option<Box<Engine>> {
    let made = match engine {
        Some(engine) => Ok(engine),
        None if inbox.waiting.is_empty() => return None,
        None => Engine::new(shared).map(Box::new),
    };
    match made {
        Ok(mut engine) => match engine.run(shared, waker, inbox, settled) {
            Ok(()) => Some(engine),
            Err(Broken) => None,
        },
        Err(error) => {
            let waiting = mem::take(&mut inbox.waiting).into_values();
            settled.extend(waiting.map(|waiting| waiting.end(error.again())));
            None
        }
    }
}
