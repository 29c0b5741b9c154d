//! What a server knows of its connections: how many there are, and how to reach them all.

use std::{
    collections::HashMap,
    io, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Waker},
};

use interloop::Completer;

use super::Shutdown;

/// How far a shutdown has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Open,
    /// Connections end when they have answered what they were asked.
    Closing,
    /// Connections end.
    Cut,
}

#[derive(Debug)]
pub(super) struct Connections {
    /// That of `state`, for a look without a lock at each poll of a connection.
    phase: AtomicU8,
    max: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Connections that are served, with the wakers of their tasks.
    served: HashMap<u64, Option<Waker>>,
    next: u64,
    /// Connections that are open, those included that have become something else than HTTP.
    open: usize,
    is_accepting: bool,
    /// The task that accepts, while it waits.
    acceptor: Option<Waker>,
    /// How many there were when the shutdown began, and how many of these were cut.
    at_shutdown: usize,
    cut: usize,
    waiting: Vec<Completer<Shutdown, io::Error>>,
}

impl Connections {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU8::new(Phase::Open as u8),
            max,
            state: Mutex::new(State {
                phase: Phase::Open,
                served: HashMap::new(),
                next: 0,
                open: 0,
                is_accepting: true,
                acceptor: None,
                at_shutdown: 0,
                cut: 0,
                waiting: Vec::new(),
            }),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.lock().open
    }

    /// Waits until one more connection may be accepted. `false` if none may any more.
    pub(super) fn poll_may_accept(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        let before = state.acceptor.replace(waker);
        let polled = if state.phase != Phase::Open {
            Poll::Ready(false)
        } else if state.open < self.max {
            Poll::Ready(true)
        } else {
            Poll::Pending
        };
        drop(state);
        drop(before);
        polled
    }

    /// Takes a connection in. `None` if the server is shutting down.
    pub(super) fn add(self: &Arc<Self>) -> Option<(Slot, Served)> {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return None;
        }
        state.open += 1;
        let id = state.next;
        state.next += 1;
        state.served.insert(id, None);
        drop(state);
        let served = Served {
            connections: self.clone(),
            id,
            waker: None,
        };
        Some((Slot(self.clone()), served))
    }

    /// Begins a shutdown. The completer is told when all have ended.
    pub(super) fn close(&self, completer: Completer<Shutdown, io::Error>) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.at_shutdown = state.served.len();
        }
        state.waiting.push(completer);
        let wakers = self.enter(&mut state, Phase::Closing);
        let ended = state.take_waiting_if_ended();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        ended.tell();
    }

    /// Has all connections end that are left.
    pub(super) fn cut(&self) -> Shutdown {
        let mut state = self.lock();
        if state.phase < Phase::Cut {
            state.cut = state.served.len();
        }
        let wakers = self.enter(&mut state, Phase::Cut);
        let shutdown = state.shutdown();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        shutdown
    }

    /// The task that accepts has ended, and closed its listener.
    pub(super) fn accepting_ended(&self) {
        let mut state = self.lock();
        state.is_accepting = false;
        let waker = state.acceptor.take();
        let ended = state.take_waiting_if_ended();
        drop(state);
        drop(waker);
        ended.tell();
    }

    /// Gives the wakers of all who are to see the new phase. They are woken without the lock.
    fn enter(&self, state: &mut State, phase: Phase) -> Vec<Waker> {
        state.phase = state.phase.max(phase);
        // ORDERING: a connection registers its waker under the lock and reads this after it; so either its waker is among
        // those here, or it sees the phase.
        self.phase.store(state.phase as u8, Ordering::Relaxed);
        let served = state.served.values().flatten().cloned();
        served.chain(state.acceptor.take()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shutdown(&self) -> Shutdown {
        Shutdown {
            finished: self.at_shutdown - self.cut,
            cut: self.cut,
        }
    }

    fn take_waiting_if_ended(&mut self) -> Ended {
        let has_ended = self.phase != Phase::Open && !self.is_accepting && self.served.is_empty();
        Ended {
            waiting: if has_ended {
                mem::take(&mut self.waiting)
            } else {
                Vec::new()
            },
            shutdown: self.shutdown(),
        }
    }
}

/// Who is to be told that a shutdown has come to its end.
struct Ended {
    waiting: Vec<Completer<Shutdown, io::Error>>,
    shutdown: Shutdown,
}

impl Ended {
    /// Not under the lock, as callbacks run here.
    fn tell(self) {
        for completer in self.waiting {
            completer.complete(self.shutdown);
        }
    }
}

/// An open connection's place among as many as there may be. It stays with the connection, whatever that becomes.
#[derive(Debug)]
pub(super) struct Slot(Arc<Connections>);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        let acceptor = state.acceptor.take();
        drop(state);
        if let Some(acceptor) = acceptor {
            acceptor.wake();
        }
    }
}

/// A connection that is served, as the shutdown sees it. Dropped when that has ended.
#[derive(Debug)]
pub(super) struct Served {
    connections: Arc<Connections>,
    id: u64,
    /// As it is registered.
    waker: Option<Waker>,
}

impl Served {
    /// The phase, of whose change the task is woken.
    pub(super) fn poll_phase(&mut self, cx: &mut Context<'_>) -> Phase {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.register(cx.waker());
        }
        // ORDERING: see `Connections::enter`.
        match self.connections.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Open as u8 => Phase::Open,
            phase if phase == Phase::Closing as u8 => Phase::Closing,
            _ => Phase::Cut,
        }
    }

    fn register(&mut self, waker: &Waker) {
        let waker = Some(waker.clone());
        let registered = waker.clone();
        let before = self.connections.lock().served.insert(self.id, registered);
        drop(before);
        self.waker = waker;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        let waker = state.served.remove(&self.id);
        let ended = state.take_waiting_if_ended();
        drop(state);
        drop(waker);
        ended.tell();
    }
}
