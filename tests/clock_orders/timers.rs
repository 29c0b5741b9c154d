//! The order of a clock's timers is the one of a list that is sorted now and then, as Twisted's is.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use interloop::{Clock, time::Sleep};

use crate::SECOND;

/// Notes a number when it is woken.
struct NotingWaker(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for NotingWaker {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// Makes timers, and polls them with wakers that note their numbers.
fn noting_timers(clock: &Clock, delays: &[u32]) -> (Vec<Sleep>, Arc<Mutex<Vec<usize>>>) {
    let woken = Arc::new(Mutex::new(Vec::new()));
    let mut sleeps: Vec<_> = delays
        .iter()
        .map(|&delay| clock.reactor().sleep(delay * SECOND))
        .collect();
    for (number, sleep) in sleeps.iter_mut().enumerate() {
        let waker = Waker::from(Arc::new(NotingWaker(number, woken.clone())));
        assert!(Pin::new(sleep).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    (sleeps, woken)
}

/// The list, as Twisted has it: sorted after every insertion, when time passes, and after every timer that fired.
#[derive(Default)]
struct List(Vec<(usize, Instant)>);

impl List {
    fn add(&mut self, number: usize, due: Instant) {
        self.0.push((number, due));
        self.sort();
    }

    fn sort(&mut self) {
        self.0.sort_by_key(|&(_, due)| due);
    }

    /// False if it is not there: it has fired.
    fn move_to(&mut self, number: usize, due: Instant) -> bool {
        let found = self.0.iter_mut().find(|timer| timer.0 == number);
        found.map(|timer| timer.1 = due).is_some()
    }

    fn remove(&mut self, number: usize) {
        self.0.retain(|timer| timer.0 != number);
    }

    fn fire(&mut self, now: Instant) -> Vec<usize> {
        let mut fired = Vec::new();
        self.sort();
        while self.0.first().is_some_and(|&(_, due)| due <= now) {
            fired.push(self.0.remove(0).0);
        }
        fired
    }

    fn next_due(&self) -> Option<Instant> {
        self.0.iter().map(|timer| timer.1).min()
    }
}

/// Numbers that look random, and follow from the first, by xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn timers_that_are_made_moved_and_dropped_at_random_fire_as_from_a_sorted_list() {
    for seed in 1..300 {
        let mut numbers = Numbers(seed * 0x9E37_79B9);
        let clock = Clock::new();
        let reactor = clock.reactor();
        let fired = Arc::new(Mutex::new(Vec::new()));
        let mut sleeps: Vec<Option<Sleep>> = Vec::new();
        let mut list = List::default();
        for _ in 0..200 {
            // Few deadlines, so that many timers share one; some of them have passed.
            let due =
                |numbers: &mut Numbers| clock.now() + numbers.below(6) as u32 * SECOND - SECOND.min(clock.elapsed());
            match numbers.below(10) {
                0..4 => {
                    let due = due(&mut numbers);
                    let mut sleep = reactor.sleep_until(due);
                    let waker = Waker::from(Arc::new(NotingWaker(sleeps.len(), fired.clone())));
                    let polled = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
                    assert!(polled.is_pending());
                    list.add(sleeps.len(), due);
                    sleeps.push(Some(sleep));
                }
                4..8 if !sleeps.is_empty() => {
                    let number = numbers.below(sleeps.len());
                    let Some(sleep) = &mut sleeps[number] else { continue };
                    let due = due(&mut numbers);
                    sleep.reset(due);
                    if !list.move_to(number, due) {
                        list.add(number, due);
                        let waker = Waker::from(Arc::new(NotingWaker(number, fired.clone())));
                        let polled = Pin::new(sleep).poll(&mut Context::from_waker(&waker));
                        assert!(polled.is_pending());
                    }
                }
                8 if !sleeps.is_empty() => {
                    let number = numbers.below(sleeps.len());
                    sleeps[number] = None;
                    list.remove(number);
                }
                _ => {
                    let time = numbers.below(3) as u32 * SECOND;
                    clock.advance(time);
                    let expected = list.fire(clock.now());
                    assert_eq!(std::mem::take(&mut *fired.lock().unwrap()), expected);
                }
            }
            assert_eq!(clock.pending_timers(), list.0.len());
            assert_eq!(clock.next_deadline(), list.next_due());
        }
    }
}

#[test]
fn with_a_seed_timers_of_one_deadline_fire_in_any_order_also_if_they_were_moved_to_it() {
    for moved in [false, true] {
        let mut orders = BTreeSet::new();
        for seed in 0..200 {
            let clock = Clock::with_seed(seed);
            let (mut sleeps, woken) = noting_timers(&clock, if moved { &[1, 3, 2] } else { &[2, 2, 2] });
            for sleep in &mut sleeps {
                if moved {
                    sleep.reset(clock.now() + 2 * SECOND);
                }
            }
            clock.advance(2 * SECOND);
            let order = woken.lock().unwrap().clone();
            orders.insert(order);
        }
        assert_eq!(orders.len(), 6, "{orders:?}");
        assert!(orders.iter().all(|order| order.len() == 3), "{orders:?}");
    }
}

#[test]
fn timers_that_are_left_are_woken_in_the_order_of_the_list() {
    let clock = Clock::new();
    let (mut sleeps, woken) = noting_timers(&clock, &[3, 1, 2]);
    drop(clock);
    assert_eq!(*woken.lock().unwrap(), [1, 2, 0]);
    for sleep in &mut sleeps {
        let polled = Pin::new(sleep).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Err(aborted)) if aborted.is_shut_down()));
    }
}

#[test]
fn a_hundred_thousand_timers_are_made_moved_dropped_and_fired() {
    for clock in [Clock::new(), Clock::with_seed(1)] {
        let reactor = clock.reactor();
        // The later ones are due sooner, and dropped first: both ends of any list are far away.
        let count = 100_000;
        let mut sleeps: Vec<_> = (0..count)
            .map(|n| reactor.sleep(Duration::from_millis(count - n)))
            .collect();
        for sleep in &mut sleeps {
            let deadline = sleep.deadline();
            sleep.reset(deadline + SECOND);
        }
        assert_eq!(
            clock.next_deadline(),
            Some(clock.now() + SECOND + Duration::from_millis(1))
        );
        clock.advance(SECOND);
        assert_eq!(clock.pending_timers(), 100_000);
        sleeps.drain(..25_000);
        assert_eq!(clock.pending_timers(), 75_000);
        clock.advance(25 * SECOND);
        assert_eq!(clock.pending_timers(), 50_000);
        sleeps.drain(..);
        assert_eq!(clock.pending_timers(), 0);
    }
}
