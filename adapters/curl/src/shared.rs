//! The engine, from hand to hand: what all clones of a handle share.

use std::{
    collections::BTreeMap,
    mem,
    os::fd::RawFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use interloop::{Aborted, Reactor};

use crate::{
    driver::{Drive, Next},
    engine::{Broken, Engine},
    options::Options,
    transfer::{Settle, Waiting},
};

/// What all clones of a [`Curl`](crate::Curl) share.
///
/// The engine is handed from one user to the next under the lock, and used without it: handlers run inside, and may start and
/// cancel transfers. What they want then, as what other threads want meanwhile, waits in the inbox, and whoever has the engine
/// looks there before it gives it back.
pub(crate) struct Shared {
    reactor: Reactor,
    options: Options,
    state: Mutex<State>,
}

struct State {
    place: Place,
    inbox: Inbox,
    driver: Driver,
    last_id: usize,
}

enum Place {
    /// Nobody uses it. None if there is none: it is made when it is needed.
    Idle(Option<Box<Engine>>),
    /// Somebody uses it.
    Busy,
    /// Somebody uses it, and the loop has shut down meanwhile.
    Ended,
}

/// What is to be done by whoever has the engine next.
#[derive(Default)]
pub(crate) struct Inbox {
    /// In the order of their making.
    pub(crate) waiting: BTreeMap<usize, Box<dyn Waiting>>,
    pub(crate) cancelled: Vec<usize>,
    pub(crate) resumed: Vec<usize>,
    /// Sockets on which something may have happened.
    pub(crate) ready: Vec<RawFd>,
    /// The time that libcurl asked for has come.
    pub(crate) due: bool,
    /// It is time to look again for descriptors.
    pub(crate) retry: bool,
    /// The driver was woken while somebody else used the engine.
    look: bool,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        let idle = self.waiting.is_empty() && self.cancelled.is_empty() && self.resumed.is_empty();
        idle && self.ready.is_empty() && !self.due && !self.retry && !self.look
    }
}

/// The task that drives.
enum Driver {
    /// There is none, as nothing is to be done.
    None,
    /// It runs, or was woken: it looks into the inbox before it waits.
    Running,
    /// It waits.
    Idle(Waker),
}

/// What is to be done for the task, once the lock is released.
#[must_use]
enum Rouse {
    Nothing,
    Wake(Waker),
    Start,
}

impl State {
    fn rouse(&mut self) -> Rouse {
        match mem::replace(&mut self.driver, Driver::Running) {
            Driver::Running => Rouse::Nothing,
            Driver::Idle(waker) => Rouse::Wake(waker),
            Driver::None => Rouse::Start,
        }
    }
}

impl Rouse {
    fn carry_out(self, shared: &Arc<Shared>) {
        match self {
            Self::Nothing => {}
            Self::Wake(waker) => waker.wake(),
            Self::Start => {
                let ended = shared.reactor.spawn_infallible(Drive::new(shared.clone()));
                // That the loop has shut down is told to each transfer.
                ended.or_else(|_| Ok::<_, Aborted>(())).detach();
            }
        }
    }
}

impl Shared {
    pub(crate) fn new(reactor: &Reactor, options: Options) -> Arc<Self> {
        Arc::new(Self {
            reactor: reactor.clone(),
            options,
            state: Mutex::new(State {
                place: Place::Idle(None),
                inbox: Inbox::default(),
                driver: Driver::None,
                last_id: 0,
            }),
        })
    }

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a transfer that is to come.
    pub(crate) fn next_id(&self) -> usize {
        let mut state = self.lock();
        state.last_id += 1;
        state.last_id
    }

    /// Leaves something for the driver.
    fn tell(self: &Arc<Self>, what: impl FnOnce(&mut Inbox)) {
        let mut state = self.lock();
        what(&mut state.inbox);
        let rouse = state.rouse();
        drop(state);
        rouse.carry_out(self);
    }

    /// Starts a transfer.
    pub(crate) fn start(self: &Arc<Self>, id: usize, waiting: Box<dyn Waiting>) {
        self.tell(|inbox| drop(inbox.waiting.insert(id, waiting)));
    }

    /// Something may have happened on a socket.
    #[cfg_attr(any(target_os = "linux", target_os = "android"), expect(dead_code))]
    pub(crate) fn tell_ready(self: &Arc<Self>, socket: RawFd) {
        self.tell(|inbox| inbox.ready.push(socket));
    }

    /// The time that libcurl asked for has come.
    pub(crate) fn tell_time(self: &Arc<Self>) {
        self.tell(|inbox| inbox.due = true);
    }

    /// It is time to look again for descriptors.
    pub(crate) fn tell_retry(self: &Arc<Self>) {
        self.tell(|inbox| inbox.retry = true);
    }

    /// A transfer that its handler has paused is to go on.
    pub(crate) fn resume(self: &Arc<Self>, id: usize) {
        self.tell(|inbox| inbox.resumed.push(id));
    }

    /// Ends a transfer: at once, here, unless libcurl is being used; then whoever uses it does that before anything else.
    pub(crate) fn cancel(self: &Arc<Self>, id: usize) {
        let mut state = self.lock();
        if let Some(waiting) = state.inbox.waiting.remove(&id) {
            drop(state);
            // Foreign.
            drop(waiting);
            return;
        }
        match mem::replace(&mut state.place, Place::Busy) {
            Place::Idle(Some(engine)) => {
                drop(state);
                self.cancel_with(engine, id);
            }
            other => {
                if let Place::Busy = other {
                    state.inbox.cancelled.push(id);
                }
                state.place = other;
            }
        }
    }

    fn cancel_with(self: &Arc<Self>, mut engine: Box<Engine>, mut id: usize) {
        let mut settled = Vec::new();
        loop {
            let engine_left = match engine.cancel(id, &mut settled) {
                Ok(()) => Some(engine),
                Err(Broken) => None,
            };
            let mut state = self.lock();
            match (state.inbox.cancelled.pop(), engine_left, &state.place) {
                (Some(next), Some(left), Place::Busy) => (id, engine) = (next, left),
                (_, left, _) => {
                    drop(state);
                    let rouse = self.give_back(left, &mut settled);
                    rouse.carry_out(self);
                    break;
                }
            }
        }
        settle(settled);
    }

    /// Gives the engine back, and says whether the driver has something to do.
    fn give_back(self: &Arc<Self>, engine: Option<Box<Engine>>, settled: &mut Vec<Box<dyn Settle>>) -> Rouse {
        let mut state = self.lock();
        if let Place::Ended = state.place {
            state.place = Place::Idle(None);
            drop(state);
            end(engine, settled);
            return Rouse::Nothing;
        }
        let is_due = engine.as_ref().is_some_and(|engine| engine.is_due());
        let is_busy = engine.as_ref().is_some_and(|engine| engine.is_busy());
        state.place = Place::Idle(engine);
        // A driver that waits for nothing any more is woken, to come to its end.
        let wake = !state.inbox.is_empty() || is_due || (!is_busy && matches!(state.driver, Driver::Idle(_)));
        if wake { state.rouse() } else { Rouse::Nothing }
    }

    /// Takes the engine for a round of the driver, with what is to be done. None if somebody else has it, who wakes the driver when giving
    /// it back.
    pub(crate) fn begin_round(&self, waker: &Waker) -> Option<(Option<Box<Engine>>, Inbox)> {
        let mut state = self.lock();
        match mem::replace(&mut state.place, Place::Busy) {
            Place::Idle(engine) => {
                // The loop may have woken it by itself.
                state.driver = Driver::Running;
                Some((engine, mem::take(&mut state.inbox)))
            }
            other => {
                state.place = other;
                // What has woken it has yet to be looked for.
                state.inbox.look = true;
                state.driver = Driver::Idle(waker.clone());
                None
            }
        }
    }

    /// Gives the engine back after a round, with the sockets that are ready by then.
    pub(crate) fn end_round(
        self: &Arc<Self>,
        engine: Option<Box<Engine>>,
        ready: Vec<RawFd>,
        settled: &mut Vec<Box<dyn Settle>>,
    ) {
        self.lock().inbox.ready.extend(ready);
        // The driver runs, so there is nobody to rouse.
        let _ = self.give_back(engine, settled);
    }

    /// What the driver does after a round.
    pub(crate) fn next(&self, waker: &Waker) -> Next {
        let mut state = self.lock();
        let (is_due, is_busy) = match &state.place {
            Place::Idle(Some(engine)) => (engine.is_due(), engine.is_busy()),
            Place::Idle(None) => (false, false),
            Place::Busy | Place::Ended => (false, true),
        };
        if is_due || !state.inbox.is_empty() {
            return Next::Again;
        }
        if is_busy {
            state.driver = Driver::Idle(waker.clone());
            return Next::Wait;
        }
        state.driver = Driver::None;
        Next::End
    }

    /// Fails all transfers, as there is no loop any more.
    pub(crate) fn shut_down(&self) {
        let mut state = self.lock();
        state.driver = Driver::None;
        let inbox = mem::take(&mut state.inbox);
        let engine = match mem::replace(&mut state.place, Place::Ended) {
            Place::Idle(engine) => {
                state.place = Place::Idle(None);
                engine
            }
            // Whoever uses it sees it when giving it back.
            Place::Busy | Place::Ended => None,
        };
        drop(state);
        let mut settled = Vec::new();
        let waiting = inbox.waiting.into_values();
        settled.extend(waiting.map(|waiting| waiting.end(Aborted::shut_down().into())));
        end(engine, &mut settled);
        settle(settled);
    }
}

/// Ends all transfers of an engine on a loop that has shut down.
fn end(engine: Option<Box<Engine>>, settled: &mut Vec<Box<dyn Settle>>) {
    if let Some(mut engine) = engine {
        let Broken = engine.give_up(&Aborted::shut_down().into(), settled);
    }
}

/// Runs the callbacks of what has ended, with nothing held.
pub(crate) fn settle(settled: Vec<Box<dyn Settle>>) {
    for settled in settled {
        settled.settle();
    }
}
