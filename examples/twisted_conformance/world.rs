//! What the interpreter keeps: the tables of handles and of resolvers, and the log.
//!
//! Nothing of the library is called, and nothing of it dropped, while the tables are locked: most calls run
//! callbacks, and those use the tables.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use interloop::{
    Clock, Completer, Deferred, Reactor,
    periodic::{CooperativeTask, Cooperator, LoopingCall},
    sync::{Permit, Queue},
};

use crate::{
    futures::Future,
    pauses::Pauses,
    program::{Hints, Id},
    raises::Raises,
    sync::Lock,
    timing::Timer,
    values::{ALREADY_CALLED, Event, Failure, Outcome, Value},
};

pub(crate) type D = Deferred<Value, Failure>;

/// Why an operation did nothing, or broke off.
pub(crate) enum Stop {
    /// A handle that it needs is not there.
    Skip(&'static str, Id),
    /// What Twisted would raise to the caller.
    Raise(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Raise(failure)
    }
}

pub(crate) type Step = Result<(), Stop>;

/// Everything that has a number, as its consumer holds it.
pub(crate) enum Handle {
    Deferred(D),
    Future(Future),
    Timer(Timer),
    Lock(Lock),
    Queue(Queue<Value>),
    LoopingCall(LoopingCall<Failure>),
    Cooperator(Cooperator),
    Task(CooperativeTask<Failure>),
}

enum Entry {
    Here(Handle),
    /// Taken out by the operation that is running, which puts it back.
    Held,
    Moved,
}

pub(crate) enum Resolver {
    Deferred(Completer<Value, Failure>),
    Future(Completer<Outcome, Failure>),
    Spent,
    Moved,
}

impl Resolver {
    /// Whether its deferred has fired.
    pub(crate) fn has_fired(&self) -> bool {
        match self {
            Resolver::Deferred(completer) => completer.is_closed(),
            _ => true,
        }
    }
}

#[derive(Default)]
struct Tables {
    handles: BTreeMap<Id, Entry>,
    resolvers: HashMap<Id, Resolver>,
    pauses: Pauses,
    permits: HashMap<Id, Vec<Permit>>,
    /// The deferreds that failed as their canceller returned.
    cancelled: HashSet<Id>,
    /// Those that are, or were, lists.
    lists: HashSet<Id>,
    /// Those of coroutines.
    coroutines: HashSet<Id>,
    raises: Raises,
    /// Those of deferreds that are never to fire.
    kept: Vec<Completer<Value, Failure>>,
    log: Vec<Event>,
}

struct Shared {
    tables: Mutex<Tables>,
    hints: Hints,
    /// The clock that programs advance, and the loop that futures complete on, whose time stands still. Taken away
    /// in the end, since what waits there keeps the world.
    clocks: Mutex<Option<[Clock; 2]>>,
    reactors: [Reactor; 2],
    is_closed: AtomicBool,
}

/// The world of one program. Callbacks keep a clone.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

impl World {
    pub(crate) fn new(hints: Hints) -> Self {
        let clocks = [Clock::new(), Clock::new()];
        World(Arc::new(Shared {
            tables: Mutex::default(),
            hints,
            reactors: clocks.each_ref().map(Clock::reactor),
            clocks: Mutex::new(Some(clocks)),
            is_closed: AtomicBool::new(false),
        }))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hints(&self) -> &Hints {
        &self.0.hints
    }

    fn clocks(&self) -> [Clock; 2] {
        let clocks = self.0.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.clone().expect("no operation runs after the end")
    }

    /// The clock that programs advance.
    pub(crate) fn clock(&self) -> Clock {
        let [clock, _] = self.clocks();
        clock
    }

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.0.reactors[0]
    }

    /// The loop that futures complete on.
    pub(crate) fn event_loop(&self) -> Clock {
        let [_, event_loop] = self.clocks();
        event_loop
    }

    pub(crate) fn loop_reactor(&self) -> &Reactor {
        &self.0.reactors[1]
    }

    pub(crate) fn log(&self, event: Event) {
        self.tables().log.push(event);
    }

    /// The events since the last call.
    pub(crate) fn take_log(&self) -> Vec<Event> {
        mem::take(&mut self.tables().log)
    }

    pub(crate) fn pauses<R>(&self, f: impl FnOnce(&mut Pauses) -> R) -> R {
        f(&mut self.tables().pauses)
    }

    pub(crate) fn raises<R>(&self, f: impl FnOnce(&mut Raises) -> R) -> R {
        f(&mut self.tables().raises)
    }
}

/// Handles.
impl World {
    pub(crate) fn insert(&self, id: Id, handle: Handle) {
        let replaced = self.tables().handles.insert(id, Entry::Here(handle));
        drop(replaced);
    }

    pub(crate) fn insert_deferred(&self, id: Id, deferred: D) {
        self.insert(id, Handle::Deferred(deferred));
    }

    /// Whether the handle could be taken.
    pub(crate) fn check(&self, id: Id) -> Step {
        match self.tables().handles.get(&id) {
            Some(Entry::Here(_)) => Ok(()),
            Some(Entry::Held) => Err(Stop::Skip("busy", id)),
            Some(Entry::Moved) => Err(Stop::Skip("moved", id)),
            None => Err(Stop::Skip("absent", id)),
        }
    }

    fn take_and_leave(&self, id: Id, left: Entry) -> Result<Handle, Stop> {
        self.check(id)?;
        match self.tables().handles.insert(id, left) {
            Some(Entry::Here(handle)) => Ok(handle),
            _ => unreachable!("it was there when that was checked"),
        }
    }

    /// Moves a handle out, for good.
    pub(crate) fn take(&self, id: Id) -> Result<Handle, Stop> {
        self.take_and_leave(id, Entry::Moved)
    }

    pub(crate) fn take_deferred(&self, id: Id) -> Result<D, Stop> {
        let deferred = deferred(id, self.take(id)?);
        Ok(self.give_up_at_end(id, deferred))
    }

    /// Moves all out, or none.
    pub(crate) fn take_deferreds(&self, ids: &[Id]) -> Result<Vec<D>, Stop> {
        ids.iter().try_for_each(|id| self.check(*id))?;
        ids.iter().map(|id| self.take_deferred(*id)).collect()
    }

    /// Takes a deferred out for as long as `work` runs, and puts back what that makes of it.
    pub(crate) fn hold(&self, id: Id, work: impl FnOnce(D) -> D) -> Step {
        let held = self.take_and_leave(id, Entry::Held)?;
        let changed = work(deferred(id, held));
        self.insert_deferred(id, changed);
        Ok(())
    }

    /// Looks at a handle that stays where it is.
    pub(crate) fn look<R>(&self, id: Id, pick: impl FnOnce(&Handle) -> Option<R>) -> Result<R, Stop> {
        self.check(id)?;
        match self.tables().handles.get(&id) {
            Some(Entry::Here(handle)) => Ok(pick(handle).unwrap_or_else(|| panic!("{id} is something else"))),
            _ => unreachable!("it was there when that was checked"),
        }
    }

    /// The deferreds that are there.
    pub(crate) fn deferreds(&self) -> Vec<Id> {
        let tables = self.tables();
        let deferreds = tables
            .handles
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Here(Handle::Deferred(_))));
        deferreds.map(|(id, _)| *id).collect()
    }
}

fn deferred(id: Id, handle: Handle) -> D {
    match handle {
        Handle::Deferred(deferred) => deferred,
        _ => panic!("{id} is no deferred"),
    }
}

/// Resolvers.
impl World {
    pub(crate) fn insert_resolver(&self, id: Id, resolver: Resolver) {
        let replaced = self.tables().resolvers.insert(id, resolver);
        drop(replaced);
    }

    /// Moves a resolver out, leaving what makes the next use of it an error.
    pub(crate) fn take_resolver(&self, id: Id, left: Resolver) -> Result<Resolver, Stop> {
        let mut tables = self.tables();
        match tables.resolvers.get_mut(&id) {
            None => Err(Stop::Skip("no_resolver", id)),
            Some(Resolver::Moved) => Err(Stop::Skip("moved", id)),
            Some(resolver) => Ok(mem::replace(resolver, left)),
        }
    }

    /// Fires a deferred.
    pub(crate) fn fire(&self, id: Id, outcome: Outcome) -> Step {
        match self.take_resolver(id, Resolver::Spent)? {
            // What comes after a cancellation, the library drops.
            Resolver::Deferred(completer) => completer.settle(outcome),
            _ => return Err(ALREADY_CALLED.into()),
        }
        Ok(())
    }

    /// Notes that a deferred fails now, since its canceller has returned without having fired it.
    pub(crate) fn set_cancelled(&self, id: Id) {
        let mut tables = self.tables();
        tables.cancelled.insert(id);
        // To fire it would be to fire a second time.
        if let Some(resolver @ Resolver::Deferred(_)) = tables.resolvers.get_mut(&id) {
            if let Resolver::Deferred(completer) = mem::replace(resolver, Resolver::Spent) {
                // Not dropped, which would fire the deferred before its time.
                tables.kept.push(completer);
            }
        }
    }

    pub(crate) fn is_cancelled(&self, id: Id) -> bool {
        self.tables().cancelled.contains(&id)
    }

    pub(crate) fn set_list(&self, id: Id) {
        self.tables().lists.insert(id);
    }

    pub(crate) fn set_coroutine(&self, id: Id) {
        self.tables().coroutines.insert(id);
    }

    pub(crate) fn is_coroutine(&self, id: Id) -> bool {
        self.tables().coroutines.contains(&id)
    }

    pub(crate) fn is_list(&self, id: Id) -> bool {
        self.tables().lists.contains(&id)
    }

    /// Keeps a completer, so that its deferred stays as it is.
    pub(crate) fn keep(&self, completer: Completer<Value, Failure>) {
        self.tables().kept.push(completer);
    }
}

/// Permits, which programs know as calls that undo others.
impl World {
    pub(crate) fn push_permit(&self, lock: Id, permit: Permit) {
        self.tables().permits.entry(lock).or_default().push(permit);
    }

    pub(crate) fn pop_permit(&self, lock: Id) -> Option<Permit> {
        self.tables().permits.get_mut(&lock)?.pop()
    }
}

/// The end.
impl World {
    /// Drops the deferreds, which makes their failures known. From now on, callbacks only pass on what they are given.
    pub(crate) fn drop_deferreds(&self) {
        self.0.is_closed.store(true, Relaxed);
        for id in self.deferreds() {
            drop(self.take_deferred(id));
        }
        let ended = self.pauses(Pauses::end);
        drop(ended);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed.load(Relaxed)
    }

    /// Drops everything, and with that the cycles that lead through callbacks.
    pub(crate) fn tear_down(self) {
        let tables = mem::take(&mut *self.tables());
        drop((tables.handles, tables.permits, tables.resolvers, tables.kept));
        let clocks = self.0.clocks.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(clocks);
    }
}
