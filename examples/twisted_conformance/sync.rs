//! Locks, semaphores and queues.
//!
//! A program releases a lock by its number; the library's permits are released by dropping them. They wait in the
//! world's tables for that.

use std::num::NonZeroUsize;

use interloop::{
    Aborted, Deferred, Outcome as Answer,
    sync::{self, Permit, Queue, Semaphore},
};

use crate::{
    program::{Body, Id, LockKind},
    values::{Failure, Value},
    world::{D, Handle, Step, Stop, World},
};

/// One of the two kinds.
#[derive(Clone)]
pub(crate) enum Lock {
    Lock(sync::Lock),
    Semaphore(Semaphore),
}

impl Lock {
    fn acquire(&self) -> Deferred<Permit, Aborted> {
        match self {
            Lock::Lock(lock) => lock.acquire(),
            Lock::Semaphore(semaphore) => semaphore.acquire(),
        }
    }
}

impl World {
    pub(crate) fn new_lock(&self, k: Id, kind: LockKind, n: Option<usize>) {
        let lock = match kind {
            LockKind::Lock => Lock::Lock(sync::Lock::new()),
            LockKind::Sem => {
                let permits = n.and_then(NonZeroUsize::new).expect("a semaphore has a number");
                Lock::Semaphore(Semaphore::new(permits))
            }
        };
        self.insert(k, Handle::Lock(lock));
    }

    fn lock(&self, k: Id) -> Result<Lock, Stop> {
        self.look(k, |handle| match handle {
            Handle::Lock(lock) => Some(lock.clone()),
            _ => None,
        })
    }

    fn acquired(&self, k: Id, lock: &Lock) -> D {
        let (world, permit) = (self.clone(), lock.acquire());
        // A coroutine, so that the permit gets here also while the deferred is paused.
        D::from_coroutine(async move {
            world.push_permit(k, permit.await?);
            Ok(Value::Lock(k))
        })
    }

    pub(crate) fn acquire(&self, k: Id, d: Id) -> Step {
        let deferred = self.acquired(k, &self.lock(k)?);
        self.insert_deferred(d, deferred);
        Ok(())
    }

    pub(crate) fn release(&self, k: Id) -> Step {
        self.lock(k)?;
        match self.pop_permit(k) {
            // Whoever waits gets it here, and runs.
            Some(permit) => drop(permit),
            None => return Err(Failure::Named("not_held").into()),
        }
        Ok(())
    }

    pub(crate) fn lock_run(&self, k: Id, d: Id, f: Body) -> Step {
        let (world, lock) = (self.clone(), self.lock(k)?);
        let call = move || world.call(d, f, Ok(Value::Null));
        let deferred = match lock {
            lock if self.hints().released.contains(&k) => self.run_releasable(k, &lock, call),
            Lock::Lock(lock) => lock.run(call),
            Lock::Semaphore(semaphore) => semaphore.run(call),
        };
        self.insert_deferred(d, deferred);
        Ok(())
    }

    /// Runs a function with a permit that others may release meanwhile: those of Twisted are anonymous. The library's
    /// own `run` keeps its permit to itself.
    fn run_releasable(&self, k: Id, lock: &Lock, call: impl FnOnce() -> Answer<Value, Failure> + Send + 'static) -> D {
        let world = self.clone();
        self.acquired(k, lock).and_then(move |_| {
            Deferred::maybe(call).then(move |outcome| {
                drop(world.pop_permit(k));
                outcome
            })
        })
    }

    pub(crate) fn new_queue(&self, k: Id, size: Option<usize>, backlog: Option<usize>) {
        self.insert(k, Handle::Queue(Queue::new(size, backlog)));
    }

    fn queue(&self, k: Id) -> Result<Queue<Value>, Stop> {
        self.look(k, |handle| match handle {
            Handle::Queue(queue) => Some(queue.clone()),
            _ => None,
        })
    }

    pub(crate) fn put(&self, k: Id, v: Value) -> Step {
        self.queue(k)?.put(v).map_err(|_| Failure::Named("queue_overflow"))?;
        Ok(())
    }

    pub(crate) fn get(&self, k: Id, d: Id) -> Step {
        let item = self.queue(k)?.get().map_err(|_| Failure::Named("queue_underflow"))?;
        self.insert_deferred(d, item.map_err(Failure::from));
        Ok(())
    }
}
