//! Sleeps and time limits: never early, movable in both directions, and they always end.

use std::{
    future::{Future, pending, ready},
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::future::{Either, poll_fn, select, try_join_all};
use interloop::{Aborted, Deferred, Reactor, time::Sleep};

use crate::{
    AnySubject, Subject,
    tools::{Counter, HOUR, MILLISECOND, Numbers, on_thread, parked, wait, yield_now},
};

/// A sleep that one task waits for while another moves it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Sleep>>);

impl Shared {
    fn new(sleep: Sleep) -> Self {
        Self(Arc::new(Mutex::new(sleep)))
    }

    fn reset(&self, deadline: Instant) {
        self.0.lock().unwrap().reset(deadline);
    }

    fn deadline(&self) -> Instant {
        self.0.lock().unwrap().deadline()
    }
}

impl Future for Shared {
    type Output = Result<(), Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.0.lock().unwrap()).poll(cx)
    }
}

/// The longest durations and deadlines that types can hold, and some that only look like them.
fn huge_durations(reactor: &Reactor) -> impl Iterator<Item = Duration> {
    const YEAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

    let now = reactor.now();
    // The longest that can be added to a point of time of this clock, or near to it.
    let mut longest = Duration::ZERO;
    for bit in (0..64).rev() {
        let longer = longest + Duration::from_secs(1 << bit);
        if now.checked_add(longer).is_some() {
            longest = longer;
        }
    }
    [YEAR, 3 * YEAR, 500 * YEAR, longest, Duration::MAX].into_iter()
}

pub fn the_clock_does_not_go_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let mut last = reactor.now();
        for _ in 0..1000 {
            let now = reactor.now();
            assert!(now >= last);
            last = now;
            yield_now().await;
        }
    });
}

pub fn a_sleep_is_never_early(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut numbers = Numbers::new();
    subject.block_on(async {
        for _ in 0..50 {
            let duration = numbers.duration_below(3 * MILLISECOND);
            let begun = reactor.now();
            let sleep = reactor.sleep(duration);
            assert!(sleep.deadline() >= begun + duration);
            sleep.await.unwrap();
            assert!(reactor.now() >= begun + duration);
        }
    });
}

pub fn a_thousand_sleeps_at_once_are_never_early(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut numbers = Numbers::new();
    subject.block_on(async {
        let sleeps = (0..1000).map(|_| {
            let reactor = reactor.clone();
            let deadline = reactor.now() + numbers.duration_below(50 * MILLISECOND);
            reactor.clone().spawn(async move {
                reactor.sleep_until(deadline).await?;
                assert!(reactor.now() >= deadline);
                Ok::<_, Aborted>(())
            })
        });
        try_join_all(sleeps.collect::<Vec<_>>()).await.unwrap();
    });
}

pub fn a_sleep_of_no_time_ends(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        for _ in 0..100 {
            reactor.sleep(Duration::ZERO).await.unwrap();
        }
    });
}

pub fn a_sleep_until_the_past_ends(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let past = reactor.now();
    subject.block_on(async {
        reactor.sleep(2 * MILLISECOND).await.unwrap();
        reactor.sleep_until(past).await.unwrap();
        let mut sleep = reactor.sleep(HOUR);
        sleep.reset(past);
        sleep.await.unwrap();
    });
}

pub fn an_elapsed_sleep_stays_ready(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let mut sleep = reactor.sleep(MILLISECOND);
        for _ in 0..10 {
            (&mut sleep).await.unwrap();
            yield_now().await;
        }
    });
}

pub fn the_earlier_of_two_sleeps_is_first(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        // The later one is made, and polled, before the earlier one and after it.
        for later_first in [true, false] {
            let (first, second) = if later_first {
                (HOUR, MILLISECOND)
            } else {
                (MILLISECOND, HOUR)
            };
            let (first, second) = (reactor.sleep(first), reactor.sleep(second));
            let second_won = matches!(select(first, second).await, Either::Right(_));
            assert_eq!(second_won, later_first);
        }
    });
}

pub fn a_sleep_reset_to_earlier_wakes_its_task_then(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let sleep = Shared::new(reactor.sleep(HOUR));
        let (waits, future) = parked(sleep.clone());
        let waiting = reactor.spawn(future);
        subject.block_on(waits).unwrap();
        let earlier = reactor.now() + MILLISECOND;
        sleep.reset(earlier);
        assert_eq!(sleep.deadline(), earlier);
        // Nobody but the timer wakes it.
        subject.block_on(waiting).unwrap();
        assert!(reactor.now() >= earlier);
    }
}

pub fn a_sleep_reset_to_now_wakes_its_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let sleep = Shared::new(reactor.sleep(HOUR));
        let (waits, future) = parked(sleep.clone());
        let waiting = reactor.spawn(future);
        subject.block_on(waits).unwrap();
        sleep.reset(reactor.now());
        subject.block_on(waiting).unwrap();
    }
}

pub fn a_sleep_reset_to_later_is_not_early(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut first = 10 * MILLISECOND;
    loop {
        let sleep = Shared::new(reactor.sleep(first));
        let (waits, future) = parked(sleep.clone());
        let waiting = reactor.spawn(future);
        let waits = subject.block_on(waits).is_ok();
        let later = sleep.deadline() + 20 * MILLISECOND;
        let (before, now) = {
            let mut sleep = sleep.0.lock().unwrap();
            let before = sleep.deadline();
            sleep.reset(later);
            (before, reactor.now())
        };
        subject.block_on(waiting).unwrap();
        if waits && now < before {
            assert!(reactor.now() >= later);
            return;
        }
        // It had elapsed already: this machine is busy.
        first *= 2;
    }
}

pub fn a_sleep_reset_after_it_elapsed_waits_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let task = reactor.clone().spawn(async move {
        let mut sleep = reactor.sleep(MILLISECOND);
        for _ in 0..20 {
            (&mut sleep).await?;
            let deadline = reactor.now() + MILLISECOND;
            sleep.reset(deadline);
            (&mut sleep).await?;
            assert!(reactor.now() >= deadline);
        }
        Ok::<_, Aborted>(())
    });
    subject.block_on(task).unwrap();
}

pub fn a_sleep_that_is_reset_all_the_time_ends_at_last(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let sleep = Shared::new(reactor.sleep(HOUR));
    let waiting = reactor.spawn(sleep.clone());
    let mut numbers = Numbers::new();
    let last = subject.block_on(async {
        for _ in 0..1000 {
            // It never elapses here, and moves both ways.
            sleep.reset(reactor.now() + HOUR + numbers.duration_below(HOUR));
            yield_now().await;
        }
        let last = reactor.now() + 2 * MILLISECOND;
        sleep.reset(last);
        last
    });
    subject.block_on(waiting).unwrap();
    assert!(reactor.now() >= last);
}

pub fn a_sleep_wakes_the_task_that_polled_it_last(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let mut sleep = Some(reactor.sleep(5 * MILLISECOND));
        let first = reactor.spawn_infallible(poll_fn(move |cx| {
            let mut sleep = sleep.take().expect("polled once");
            // Ready already, on a machine that is busy.
            let _ = Pin::new(&mut sleep).poll(cx);
            Poll::Ready(sleep)
        }));
        let sleep = subject.block_on(first).unwrap();
        let deadline = sleep.deadline();
        subject.block_on(reactor.spawn(sleep)).unwrap();
        assert!(reactor.now() >= deadline);
    }
}

pub fn sleeps_are_dropped_before_they_elapse(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        for _ in 0..10 {
            let mut sleeps = (0..100).map(|_| reactor.sleep(HOUR)).collect::<Vec<_>>();
            poll_fn(|cx| {
                assert!(sleeps.iter_mut().all(|sleep| Pin::new(sleep).poll(cx).is_pending()));
                Poll::Ready(())
            })
            .await;
            drop(sleeps);
            reactor.sleep(MILLISECOND).await.unwrap();
        }
    });
}

pub fn a_plain_thread_sleeps(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let made_on_the_loop = reactor.spawn({
        let reactor = reactor.clone();
        async move { Ok::<_, Aborted>((reactor.sleep(2 * MILLISECOND),)) }
    });
    let (made_on_the_loop,) = subject.block_on(made_on_the_loop).unwrap();
    let sleeping = on_thread(move || {
        wait(made_on_the_loop)?;
        for _ in 0..10 {
            let deadline = reactor.now() + MILLISECOND;
            wait(reactor.sleep_until(deadline))?;
            assert!(reactor.now() >= deadline);
        }
        Ok::<_, Aborted>(())
    });
    subject.block_on(sleeping).unwrap().unwrap();
}

pub fn huge_durations_are_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for duration in huge_durations(&reactor) {
        let mut sleep = reactor.sleep(duration);
        let mut reset = reactor.sleep(Duration::ZERO);
        reset.reset(sleep.deadline());
        let mut limited = reactor.timeout(duration, pending::<Result<(), Aborted>>());
        let mut interval = reactor.interval(duration);
        subject.block_on(async {
            interval.tick().await.unwrap();
            poll_fn(|cx| {
                assert!(Pin::new(&mut sleep).poll(cx).is_pending());
                assert!(Pin::new(&mut reset).poll(cx).is_pending());
                assert!(Pin::new(&mut limited).poll(cx).is_pending());
                assert!(interval.poll_tick(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            // The others go on meanwhile.
            reactor.sleep(MILLISECOND).await.unwrap();
        });
        sleep.reset(reactor.now());
        subject.block_on(sleep).unwrap();
    }
}

pub fn a_timeout_gives_the_result_that_comes_in_time(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, deferred) = Deferred::<_>::pair();
    let (waits, limited) = parked(reactor.timeout(HOUR, deferred));
    let task = reactor.spawn(limited);
    subject.block_on(waits).unwrap();
    completer.complete(42);
    assert_eq!(subject.block_on(task).unwrap(), 42);

    let failed = reactor.timeout(HOUR, ready(Err::<(), _>("no such host".to_owned())));
    assert_eq!(subject.block_on(failed).unwrap_err(), "no such host");
}

pub fn a_timeout_gives_a_result_that_is_there_though_the_time_is_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let past = reactor.now();
    subject.block_on(async {
        reactor.sleep(2 * MILLISECOND).await.unwrap();
        let limited = reactor.timeout_at(past, ready(Ok::<_, Aborted>(42)));
        assert_eq!(limited.await.unwrap(), 42);
    });
}

pub fn a_timeout_fails_when_the_time_is_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let limited = reactor.timeout(5 * MILLISECOND, pending::<Result<(), Aborted>>());
    let deadline = limited.deadline();
    assert!(subject.block_on(limited).unwrap_err().is_timed_out());
    assert!(reactor.now() >= deadline);

    let limited = reactor.timeout(Duration::ZERO, pending::<io::Result<()>>());
    assert_eq!(subject.block_on(limited).unwrap_err().kind(), io::ErrorKind::TimedOut);
}

pub fn a_timeout_drops_its_future_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let dropped = drops.on_drop();
    let limited = reactor.timeout(MILLISECOND, async move {
        let _dropped = dropped;
        pending::<Result<(), Aborted>>().await
    });
    let task = reactor.spawn(limited);
    assert!(subject.block_on(task).unwrap_err().is_timed_out());
    assert_eq!(drops.count(), 1);
}

pub fn a_timeout_gives_its_future_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, deferred) = Deferred::<_>::pair();
    let mut limited = reactor.timeout(HOUR, deferred);
    subject.block_on(poll_fn(|cx| {
        assert!(Pin::new(&mut limited).poll(cx).is_pending());
        Poll::Ready(())
    }));
    let deferred = limited.into_inner();
    completer.complete(42);
    assert_eq!(subject.block_on(deferred).unwrap(), 42);
}
