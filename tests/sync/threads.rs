//! Locks, semaphores and queues between threads. The numbers are such that each takes a fraction of a second.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use futures_executor::block_on;
use interloop::{
    Aborted,
    sync::{Lock, Queue, Semaphore},
};

use crate::tools::at_once;

const THREADS: usize = 4;
const ROUNDS: usize = 300;

fn on_threads(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
}

/// Counts those who are inside, and panics if they are too many.
struct Room {
    inside: AtomicUsize,
    size: usize,
}

impl Room {
    fn of_size(size: usize) -> Self {
        let inside = AtomicUsize::new(0);
        Self { inside, size }
    }

    fn visit(&self) {
        assert!(self.inside.fetch_add(1, SeqCst) < self.size, "too many are inside");
        thread::yield_now();
        self.inside.fetch_sub(1, SeqCst);
    }
}

#[test]
fn only_one_thread_has_the_lock() {
    let lock = Lock::new();
    let room = Room::of_size(1);
    on_threads(|_| {
        for _ in 0..ROUNDS {
            let permit = block_on(lock.acquire()).unwrap();
            room.visit();
            drop(permit);
        }
    });
    assert!(lock.acquire().is_settled());
}

#[test]
fn permits_are_neither_lost_nor_multiplied_while_waiters_leave() {
    let semaphore = Semaphore::new(NonZeroUsize::new(2).unwrap());
    let room = Room::of_size(2);
    on_threads(|thread| {
        for round in 0..ROUNDS {
            let waiting = semaphore.acquire();
            match (thread + round) % 4 {
                0 => waiting.cancel(),
                1 => {
                    drop(waiting);
                    continue;
                }
                2 => {
                    drop(waiting.cancel_on_drop());
                    continue;
                }
                _ => {}
            }
            match block_on(waiting) {
                Ok(permit) => {
                    room.visit();
                    drop(permit);
                }
                Err(error) => assert!(error.is_cancelled()),
            }
        }
    });
    let free = [semaphore.acquire(), semaphore.acquire()];
    assert!(free.iter().all(|permit| permit.is_settled()));
    assert!(!semaphore.acquire().is_settled());
}

#[test]
fn leaving_while_the_permit_is_handed_over_does_not_lose_it() {
    for round in 0..ROUNDS {
        let lock = Lock::new();
        let held = lock.acquire();
        let waiting = lock.acquire();
        let last = lock.acquire();
        at_once(
            || drop(held),
            move || {
                if round % 2 == 0 {
                    waiting.cancel();
                }
                let waiting = waiting.inspect_err(|error| assert!(error.is_cancelled()));
                drop(waiting.or_else(|_| Err::<_, ()>(())).cancel_on_drop());
            },
        );
        assert!(last.is_settled());
        drop(last);
        assert!(lock.acquire().is_settled());
    }
}

#[test]
fn runs_of_a_lock_never_overlap() {
    let lock = Lock::new();
    let room = Arc::new(Room::of_size(1));
    let done = Arc::new(AtomicUsize::new(0));
    on_threads(|_| {
        for _ in 0..ROUNDS {
            let (room, done) = (room.clone(), done.clone());
            let run = lock.run(move || {
                room.visit();
                done.fetch_add(1, SeqCst);
                Ok::<_, Aborted>(())
            });
            block_on(run).unwrap();
        }
    });
    assert_eq!(done.load(SeqCst), THREADS * ROUNDS);
}

/// Gets as many values as there are rounds; every other getter gives up, and may be too late for that.
fn get(queue: &Queue<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut got = Vec::new();
    while got.len() < ROUNDS {
        let getter = queue.get().unwrap();
        if got.len() % 2 == 0 {
            getter.cancel();
        }
        match block_on(getter) {
            Ok(value) => got.push(value),
            Err(error) => {
                assert!(error.is_cancelled());
                got.push(block_on(queue.get().unwrap()).unwrap());
            }
        }
    }
    got
}

#[test]
fn a_queue_gives_each_value_to_one_getter_in_the_order_of_each_putter() {
    let queue = Queue::new(None, None);
    let mut all = thread::scope(|scope| {
        let getting: Vec<_> = (0..2).map(|_| scope.spawn(|| get(&queue))).collect();
        for putter in 0..2 {
            let queue = &queue;
            scope.spawn(move || (0..ROUNDS).for_each(|n| queue.put((putter, n)).unwrap()));
        }
        let mut all = Vec::new();
        for getting in getting {
            let got = getting.join().unwrap();
            for putter in 0..2 {
                let of_one: Vec<_> = got.iter().filter(|(who, _)| *who == putter).collect();
                assert!(of_one.is_sorted());
            }
            all.extend(got);
        }
        all
    });
    all.sort_unstable();
    let expected: Vec<_> = (0..2)
        .flat_map(|putter| (0..ROUNDS).map(move |n| (putter, n)))
        .collect();
    assert_eq!(all, expected);
}
