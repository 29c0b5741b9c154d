//! The tasks and blocking jobs of a clock, and which of them can run.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{Arc, Weak},
    task::{Wake, Waker},
};

use super::{random::Random, shared::Shared};
use crate::{Job, Task};

/// Whoever is woken first runs first, or whoever a generator picks.
#[derive(Default)]
pub(super) struct Queue {
    ready: VecDeque<u64>,
    random: Option<Random>,
    // Sorted, so that what is left when the clock ends is dropped in the order in which it was spawned.
    slots: BTreeMap<u64, Slot>,
    next_number: u64,
}

struct Slot {
    work: Work,
    waker: Waker,
    /// Whether it is in `ready`.
    queued: bool,
    /// Its turn came while it could not run: a task that was being polled has advanced the clock.
    missed: bool,
}

enum Work {
    Task(Task),
    Job(Job),
    /// A task that is being polled, or a future that [`Clock::run_until`](super::Clock::run_until) has.
    Away,
}

/// What is to run next.
pub(super) enum Turn {
    Task(u64, Task, Waker),
    Job(Job),
    /// The future that the caller has.
    Awaited(Waker),
    /// A timer that has fired, and who waits for it.
    Timer(Option<Waker>),
}

impl Queue {
    pub(super) fn new(random: Option<Random>) -> Self {
        Self {
            random,
            ..Self::default()
        }
    }

    pub(super) fn add_task(&mut self, task: Task, shared: &Arc<Shared>) {
        self.add(Work::Task(task), shared);
    }

    pub(super) fn add_job(&mut self, job: Job, shared: &Arc<Shared>) {
        self.add(Work::Job(job), shared);
    }

    /// Adds a future that the caller polls when its turn comes.
    pub(super) fn add_awaited(&mut self, shared: &Arc<Shared>) -> u64 {
        self.add(Work::Away, shared)
    }

    fn add(&mut self, work: Work, shared: &Arc<Shared>) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let waker = Waker::from(Arc::new(QueueWaker {
            shared: Arc::downgrade(shared),
            number,
        }));
        let slot = Slot {
            work,
            waker,
            queued: true,
            missed: false,
        };
        self.slots.insert(number, slot);
        self.ready.push_back(number);
        number
    }

    /// Takes what is to run next; `awaited` is the future that the caller has, if it has one.
    pub(super) fn next(&mut self, awaited: Option<u64>) -> Option<Turn> {
        if let Some(number) = awaited {
            self.requeue_missed(number);
        }
        while let Some(number) = self.take_ready() {
            // What has ended may have been woken before.
            let Some(slot) = self.slots.get_mut(&number) else {
                continue;
            };
            slot.queued = false;
            match mem::replace(&mut slot.work, Work::Away) {
                Work::Task(task) => return Some(Turn::Task(number, task, slot.waker.clone())),
                Work::Job(job) => {
                    self.remove(number);
                    return Some(Turn::Job(job));
                }
                Work::Away if awaited == Some(number) => return Some(Turn::Awaited(slot.waker.clone())),
                Work::Away => slot.missed = true,
            }
        }
        None
    }

    /// Whether a timer that is due is to fire before the next turn, where the order is random: it is one of those among
    /// which the generator picks.
    pub(super) fn yields_to_a_timer(&mut self) -> bool {
        let ready = self.ready.len();
        self.random.as_mut().is_some_and(|random| random.below(ready + 1) == 0)
    }

    fn take_ready(&mut self) -> Option<u64> {
        match &mut self.random {
            None => self.ready.pop_front(),
            Some(random) => self.ready.swap_remove_back(random.below(self.ready.len())),
        }
    }

    /// Takes a task back that was polled and waits. It is given back if the clock has ended meanwhile.
    pub(super) fn put_back(&mut self, number: u64, task: Task) -> Option<Task> {
        let Some(slot) = self.slots.get_mut(&number) else {
            return Some(task);
        };
        slot.work = Work::Task(task);
        self.requeue_missed(number);
        None
    }

    /// Forgets what has ended. It is away, so nothing foreign is dropped.
    pub(super) fn remove(&mut self, number: u64) {
        self.slots.remove(&number);
    }

    /// How many tasks and jobs there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    fn requeue_missed(&mut self, number: u64) {
        if self
            .slots
            .get_mut(&number)
            .is_some_and(|slot| mem::take(&mut slot.missed))
        {
            self.wake(number);
        }
    }

    fn wake(&mut self, number: u64) {
        if let Some(slot) = self.slots.get_mut(&number) {
            if !mem::replace(&mut slot.queued, true) {
                self.ready.push_back(number);
            }
        }
    }
}

struct QueueWaker {
    // Tasks hold wakers, and the clock holds tasks.
    shared: Weak<Shared>,
    number: u64,
}

impl Wake for QueueWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.lock().queue.wake(self.number);
        }
    }
}
