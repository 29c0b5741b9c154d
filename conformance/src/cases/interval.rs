//! Intervals: the first tick is at the start, the others whole periods after it.

use std::{
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::poll_fn, poll};
use interloop::{
    Reactor,
    time::{Interval, MissedTicks},
};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, MILLISECOND, on_thread, wait},
};

const PERIOD: Duration = Duration::from_millis(2);

/// An interval whose first tick was taken, and whose next is some periods late.
async fn late(reactor: &Reactor, missed: MissedTicks) -> (Interval, Instant) {
    let start = reactor.now();
    let mut interval = reactor.interval_at(start, PERIOD).missed_ticks(missed);
    assert_eq!(interval.tick().await.unwrap(), start);
    reactor.sleep_until(reactor.now() + 5 * PERIOD).await.unwrap();
    (interval, start)
}

fn is_whole_periods(duration: Duration) -> bool {
    duration.as_nanos() % PERIOD.as_nanos() == 0
}

pub fn the_first_tick_is_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let made = reactor.now();
    let mut interval = reactor.interval(HOUR);
    let due = subject.block_on(interval.tick()).unwrap();
    assert!(due >= made && due <= reactor.now());
}

pub fn ticks_are_whole_periods_after_the_start_and_never_early(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let start = reactor.now() + PERIOD;
    subject.block_on(async {
        let mut interval = reactor.interval_at(start, PERIOD);
        assert_eq!(interval.tick().await.unwrap(), start);
        let mut last = start;
        for _ in 0..20 {
            let due = interval.tick().await.unwrap();
            assert!(reactor.now() >= due);
            assert!(due > last);
            assert!(is_whole_periods(due - start));
            last = due;
        }
    });
}

pub fn skip_leaves_missed_ticks_out(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut interval, start) = late(&reactor, MissedTicks::Skip).await;
        let before = reactor.now();
        let due = interval.tick().await.unwrap();
        assert!(due < before);
        assert!(is_whole_periods(due - start));
        let next = interval.tick().await.unwrap();
        assert!(next > before, "the next one is the first that was to come");
        assert!(is_whole_periods(next - start));
    });
}

pub fn burst_makes_up_for_missed_ticks(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut interval, start) = late(&reactor, MissedTicks::Burst).await;
        for tick in 1..=10 {
            assert_eq!(interval.tick().await.unwrap(), start + tick * PERIOD);
        }
    });
}

pub fn delay_begins_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut interval, _) = late(&reactor, MissedTicks::Delay).await;
        let before = reactor.now();
        assert!(interval.tick().await.unwrap() < before);
        let after = reactor.now();
        let next = interval.tick().await.unwrap();
        assert!(next >= before + PERIOD && next <= after + PERIOD);
    });
}

pub fn a_tick_is_not_lost_when_its_future_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let start = reactor.now();
    subject.block_on(async {
        let mut interval = reactor.interval_at(start, PERIOD).missed_ticks(MissedTicks::Burst);
        let mut ticks = 0;
        while ticks < 10 {
            // Given up at once, whether it is there or not.
            let polled = poll!(pin!(interval.tick()));
            let due = match polled {
                Poll::Ready(due) => due,
                Poll::Pending => interval.tick().await,
            };
            assert_eq!(due.unwrap(), start + ticks * PERIOD);
            ticks += 1;
        }
    });
}

pub fn a_period_of_zero_does_not_hang(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for missed in [MissedTicks::Skip, MissedTicks::Burst, MissedTicks::Delay] {
        let mut interval = reactor.interval(Duration::ZERO).missed_ticks(missed);
        subject.block_on(async {
            let mut last = interval.tick().await.unwrap();
            for _ in 0..100 {
                let due = interval.tick().await.unwrap();
                assert!(due > last);
                last = due;
            }
        });
    }
}

pub fn an_interval_is_a_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let task = reactor.clone().spawn_infallible(async move {
        let start = reactor.now();
        let interval = reactor.interval_at(start, PERIOD).missed_ticks(MissedTicks::Burst);
        let dues = interval.take(5).map(Result::unwrap).collect::<Vec<_>>().await;
        assert_eq!(dues, (0..5).map(|tick| start + tick * PERIOD).collect::<Vec<_>>());
    });
    subject.block_on(task).unwrap();
}

pub fn a_plain_thread_takes_ticks(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let ticking = on_thread(move || {
        let mut interval = reactor.interval(MILLISECOND);
        for _ in 0..10 {
            let due = wait(poll_fn(|cx| interval.poll_tick(cx))).unwrap();
            assert!(reactor.now() >= due);
        }
    });
    subject.block_on(ticking).unwrap();
}
