//! What a deferred does without any loop: fire × attach × drop × cancel × poll, in every order.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use interloop::{Aborted, Completer, Deferred, Outcome};

type Pair<T> = (Completer<T, Aborted>, Deferred<T, Aborted>);

fn pair<T: 'static>() -> Pair<T> {
    Deferred::pair()
}

#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Arc<CountingWaker>) -> Poll<F::Output> {
    let waker = Waker::from(waker.clone());
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

#[test]
fn halves_are_one_word() {
    assert_eq!(size_of::<Deferred<u64, Aborted>>(), size_of::<usize>());
    assert_eq!(size_of::<Completer<u64, Aborted>>(), size_of::<usize>());
    assert_eq!(size_of::<Result<u64, Aborted>>(), 2 * size_of::<usize>());
}

#[test]
fn halves_are_send_and_sync_where_their_results_are_send() {
    fn check<T: Send + Sync>() {}
    check::<Deferred<std::cell::Cell<u8>, Aborted>>();
    check::<Completer<std::cell::Cell<u8>, Aborted>>();
}

#[test]
fn complete_then_take() {
    let (completer, deferred) = pair();
    assert!(!deferred.is_settled());
    completer.complete("value".to_owned());
    assert!(deferred.is_settled());
    assert_eq!(deferred.try_take().unwrap().unwrap(), "value");
}

#[test]
fn try_take_gives_a_pending_deferred_back() {
    let (completer, deferred) = pair();
    let deferred = deferred.try_take().unwrap_err();
    completer.complete(1);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 1);
}

#[test]
fn poll_then_complete_wakes_once_and_is_ready() {
    let (completer, mut deferred) = pair();
    let waker = Arc::new(CountingWaker::default());
    assert!(poll(&mut deferred, &waker).is_pending());
    completer.complete(5);
    assert_eq!(waker.0.load(SeqCst), 1);
    assert!(matches!(poll(&mut deferred, &waker), Poll::Ready(Ok(5))));
}

#[test]
fn a_second_poll_replaces_the_waker() {
    let (completer, mut deferred) = pair();
    let (first, second) = (Arc::new(CountingWaker::default()), Arc::new(CountingWaker::default()));
    assert!(poll(&mut deferred, &first).is_pending());
    assert!(poll(&mut deferred, &second).is_pending());
    assert!(poll(&mut deferred, &second).is_pending());
    completer.complete(5);
    assert_eq!((first.0.load(SeqCst), second.0.load(SeqCst)), (0, 1));
    assert_eq!(Arc::strong_count(&first), 1);
    assert_eq!(Arc::strong_count(&second), 1);
}

#[test]
fn a_dropped_completer_fails_with_dropped() {
    let (completer, deferred) = pair::<u8>();
    drop(completer);
    assert!(deferred.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn a_dropped_completer_wakes() {
    let (completer, mut deferred) = pair::<u8>();
    let waker = Arc::new(CountingWaker::default());
    assert!(poll(&mut deferred, &waker).is_pending());
    drop(completer);
    assert_eq!(waker.0.load(SeqCst), 1);
}

#[test]
fn a_value_nobody_takes_is_dropped_once() {
    for detach_first in [false, true] {
        let value = Arc::new(());
        let (completer, deferred) = pair();
        if detach_first {
            drop(deferred);
            completer.complete(value.clone());
        } else {
            completer.complete(value.clone());
            drop(deferred);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn dropping_a_polled_deferred_drops_its_waker() {
    let (completer, mut deferred) = pair::<u8>();
    let waker = Arc::new(CountingWaker::default());
    assert!(poll(&mut deferred, &waker).is_pending());
    drop(deferred);
    assert_eq!(Arc::strong_count(&waker), 1);
    completer.complete(1);
    assert_eq!(waker.0.load(SeqCst), 0);
}

#[test]
fn callbacks_run_inside_complete_in_order_and_without_a_poll() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (completer, deferred) = pair::<u32>();
    let (first, second) = (log.clone(), log.clone());
    deferred
        .map_ok(move |n| {
            first.lock().unwrap().push(n);
            n + 1
        })
        .inspect_ok(move |n| second.lock().unwrap().push(*n))
        .detach();
    completer.complete(1);
    assert_eq!(*log.lock().unwrap(), [1, 2]);
}

#[test]
fn callbacks_on_a_settled_deferred_run_at_once() {
    let deferred = Deferred::<_, Aborted>::ready(1)
        .map_ok(|n| n + 1)
        .map_ok(|n| n.to_string());
    assert_eq!(deferred.try_take().unwrap().unwrap(), "2");
}

#[test]
fn callbacks_on_the_end_of_a_chain_that_has_run_run_at_once() {
    let (completer, deferred) = pair::<u32>();
    let chain = deferred.map_ok(|n| n + 1);
    completer.complete(1);
    assert_eq!(chain.map_ok(|n| n * 10).try_take().unwrap().unwrap(), 20);
}

#[test]
fn a_failure_passes_callbacks_for_values_and_the_other_way_round() {
    let chain = Deferred::<u8, String>::failed("no".into())
        .map_ok(|_| unreachable!())
        .and_then(|_: u8| -> Result<u8, String> { unreachable!() })
        .map_err(|error| error + "!")
        .inspect_err(|error| assert_eq!(error, "no!"))
        .or_else(|_| Ok::<_, String>(9))
        .or_else(|_| -> Result<u8, String> { unreachable!() })
        .map_err(|_: String| -> String { unreachable!() });
    assert_eq!(chain.try_take().unwrap(), Ok(9));
}

#[test]
fn then_sees_both() {
    let text = |result: Result<u8, String>| Ok::<_, String>(format!("{result:?}"));
    assert_eq!(Deferred::ready(1).then(text).try_take().unwrap().unwrap(), "Ok(1)");
    assert_eq!(
        Deferred::failed("no".to_owned())
            .then(text)
            .try_take()
            .unwrap()
            .unwrap(),
        "Err(\"no\")"
    );
}

#[test]
fn a_chain_waits_for_the_deferred_that_a_callback_returns() {
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let chain = deferred
        .and_then(move |n| returned.map_ok(move |m| n + m))
        .map_ok(|n| n * 2);
    outer.complete(1);
    assert!(!chain.is_settled());
    inner.complete(2);
    assert_eq!(chain.try_take().unwrap().unwrap(), 6);
}

#[test]
fn a_chain_takes_at_once_what_a_returned_deferred_has() {
    let (outer, deferred) = pair::<u32>();
    let chain = deferred.and_then(|n| Deferred::ready(n + 1)).and_then(|n| {
        if n > 1 {
            Outcome::Waiting(Deferred::ready(n))
        } else {
            Outcome::Settled(Err(Aborted::cancelled()))
        }
    });
    outer.complete(1);
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}

#[test]
fn returning_a_deferred_whose_result_was_taken_fails_the_chain() {
    let mut spent = Deferred::<u8>::ready(1);
    assert!(
        pin!(&mut spent)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
    let chain = Deferred::<u8>::ready(2).and_then(move |_| spent);
    assert!(chain.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn a_callback_that_panics_fails_the_chain() {
    for attach_first in [false, true] {
        let (completer, deferred) = pair::<u32>();
        let (completer, deferred) = if attach_first {
            (Some(completer), deferred)
        } else {
            completer.complete(1);
            (None, deferred)
        };
        let chain = deferred.map_ok(|_| -> u32 { panic!("no paper") });
        if let Some(completer) = completer {
            completer.complete(1);
        }
        let error = chain.try_take().unwrap().unwrap_err();
        assert_eq!(error.panic_message(), Some("no paper"));
        assert_eq!(*error.into_panic().unwrap().downcast::<&str>().unwrap(), "no paper");
    }
}

#[test]
fn cancel_fails_and_wakes_and_a_late_result_is_dropped() {
    let value = Arc::new(());
    let (completer, mut deferred) = pair();
    let waker = Arc::new(CountingWaker::default());
    assert!(poll(&mut deferred, &waker).is_pending());
    deferred.cancel();
    deferred.cancel();
    assert_eq!(waker.0.load(SeqCst), 1);
    assert!(completer.is_closed());
    completer.complete(value.clone());
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn cancel_then_take_then_late_result() {
    let value = Arc::new(());
    let (completer, deferred) = pair();
    deferred.cancel();
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
    completer.complete(value.clone());
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn cancel_of_a_settled_deferred_does_nothing() {
    let deferred = Deferred::<_, Aborted>::ready(1);
    deferred.cancel();
    assert_eq!(deferred.try_take().unwrap().unwrap(), 1);

    let (completer, deferred) = pair();
    let chain = deferred.map_ok(|n: u32| n + 1);
    completer.complete(1);
    chain.cancel();
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}

#[test]
fn cancel_of_the_end_of_a_chain_that_has_run_does_nothing() {
    let (completer, deferred) = pair();
    let chain = deferred.map_ok(|n: u32| n + 1);
    completer.complete(1);
    let chain = chain.map_ok(|n| n + 1);
    chain.cancel();
    assert_eq!(chain.try_take().unwrap().unwrap(), 3);
}

#[test]
fn cancel_goes_to_the_first_link_and_runs_the_chain() {
    let (completer, deferred) = pair::<u32>();
    let chain = deferred.map_ok(|_| unreachable!()).or_else(|error: Aborted| {
        if error.is_cancelled() {
            Ok::<u32, Aborted>(3)
        } else {
            Err(error)
        }
    });
    chain.cancel();
    assert!(completer.is_closed());
    assert_eq!(chain.try_take().unwrap().unwrap(), 3);
    completer.complete(1);
}

#[test]
fn cancel_reaches_the_innermost_deferred_waited_for() {
    let (outer, deferred) = pair::<u32>();
    let (middle, waits) = pair::<u32>();
    let (innermost, returned) = pair::<u32>();
    let chain = deferred.and_then(move |_| waits.and_then(move |_| returned).map_err(|error| error));
    outer.complete(1);
    middle.complete(1);
    assert!(!innermost.is_closed());
    chain.cancel();
    assert!(innermost.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_chain_that_survives_a_cancellation_can_be_cancelled_again() {
    let (outer, deferred) = pair::<u32>();
    let (first, waits) = pair::<u32>();
    let (second, waits_next) = pair::<u32>();
    let chain = deferred
        .and_then(move |_| waits)
        .or_else(move |_| waits_next)
        .map_ok(|n| n);
    outer.complete(1);
    chain.cancel();
    assert!(first.is_closed() && !second.is_closed());
    assert!(!chain.is_settled());
    chain.cancel();
    assert!(second.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn try_settle_gives_back_what_nobody_would_see() {
    let (completer, deferred) = pair::<u32>();
    deferred.cancel();
    assert_eq!(completer.try_settle(Ok(1)).unwrap_err().unwrap(), 1);
    drop(deferred);

    let (completer, deferred) = pair::<u32>();
    let chain = deferred.map_ok(|n| n);
    assert!(completer.try_settle(Ok(1)).is_ok());
    assert_eq!(chain.try_take().unwrap().unwrap(), 1);
}

#[test]
fn a_callback_may_fire_attach_cancel_and_drop_other_deferreds() {
    let (completer, deferred) = pair::<u32>();
    let (other, other_deferred) = pair::<u32>();
    let (third, third_deferred) = pair::<u32>();
    let chain = deferred.map_ok(move |n| {
        let attached = other_deferred.map_ok(|n| n + 1);
        other.complete(n);
        third_deferred.cancel();
        drop(third);
        assert!(third_deferred.try_take().unwrap().is_err());
        attached.try_take().unwrap().unwrap()
    });
    completer.complete(1);
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}

#[test]
fn a_callback_may_own_its_own_chains_end() {
    let slot: Arc<Mutex<Option<Deferred<u32>>>> = Arc::default();
    let (completer, deferred) = pair::<u32>();
    let inside = slot.clone();
    let chain = deferred.map_ok(move |n| {
        let own = inside.lock().unwrap().take().unwrap();
        own.cancel();
        drop(own.map_ok(|n| n + 1));
        n
    });
    *slot.lock().unwrap() = Some(chain);
    completer.complete(1);
    assert!(slot.lock().unwrap().is_none());
}

#[test]
fn types_of_other_sizes_move_through_a_settled_chain() {
    let chain = Deferred::<u8>::ready(1)
        .map_ok(|n| [u64::from(n); 32])
        .map_ok(|many| many[31] as u8)
        .map_ok(|n| n + 1)
        .map_err(|error| error.to_string());
    assert_eq!(chain.try_take().unwrap(), Ok(2));

    #[repr(align(128))]
    struct Aligned(u8);
    let (completer, deferred) = pair::<u8>();
    let chain = deferred.map_ok(Aligned).map_ok(|a| {
        assert_eq!((&raw const a).addr() % 128, 0);
        a.0
    });
    completer.complete(9);
    assert_eq!(chain.try_take().unwrap().unwrap(), 9);
}

/// Runs on a thread whose stack a recursive implementation would overflow.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

const MILLION: u64 = 1_000_000;

fn long_chain(mut deferred: Deferred<u64>) -> Deferred<u64> {
    for _ in 0..MILLION {
        deferred = deferred.map_ok(|n| n + 1);
    }
    deferred
}

#[test]
fn a_million_links_fire_without_growing_the_stack() {
    on_a_small_stack(|| {
        let (completer, deferred) = pair();
        let chain = long_chain(deferred);
        completer.complete(0);
        assert_eq!(chain.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn a_million_links_fail_cancel_and_drop_without_growing_the_stack() {
    on_a_small_stack(|| {
        let (completer, deferred) = pair();
        let chain = long_chain(deferred);
        drop(completer);
        assert!(chain.try_take().unwrap().unwrap_err().is_dropped());

        let (completer, deferred) = pair();
        let chain = long_chain(deferred);
        chain.cancel();
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
        drop(completer);

        let (completer, deferred) = pair();
        drop(long_chain(deferred));
        completer.complete(0);
    });
}

/// `count` deferreds of which each waits for the next; the completers from the outermost on.
fn nested(count: usize) -> (Vec<Completer<u64>>, Deferred<u64>) {
    let (innermost, mut inner) = pair();
    let mut completers = vec![innermost];
    for _ in 1..count {
        let (completer, deferred) = pair();
        inner = deferred.and_then(move |_| inner);
        completers.push(completer);
    }
    completers.reverse();
    (completers, inner)
}

#[test]
fn a_million_nested_waits_resolve_cancel_and_drop_without_growing_the_stack() {
    on_a_small_stack(|| {
        let (completers, outermost) = nested(MILLION as usize);
        for completer in completers {
            assert!(!outermost.is_settled());
            completer.complete(7);
        }
        assert_eq!(outermost.try_take().unwrap().unwrap(), 7);

        let (mut completers, outermost) = nested(MILLION as usize);
        let innermost = completers.pop().unwrap();
        for completer in completers {
            completer.complete(7);
        }
        outermost.cancel();
        assert!(outermost.try_take().unwrap().unwrap_err().is_cancelled());
        assert!(innermost.is_closed());

        let (completers, outermost) = nested(MILLION as usize);
        for completer in completers.into_iter().rev() {
            completer.complete(7);
        }
        assert_eq!(outermost.try_take().unwrap().unwrap(), 7);

        let (mut completers, outermost) = nested(MILLION as usize);
        let innermost = completers.pop().unwrap();
        for completer in completers {
            completer.complete(7);
        }
        drop(outermost);
        drop(innermost);
    });
}

#[test]
fn awaiting_a_deferred_that_has_fired_does_not_park() {
    let mut future = pin!(async {
        let mut sum = 0;
        for n in 0..1000 {
            sum += Deferred::<u64>::ready(n).await.unwrap();
        }
        sum
    });
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(499_500));
}

#[test]
fn threads_that_fire_attach_and_cancel_at_once_lose_nothing() {
    for round in 0..2_000 {
        let value = Arc::new(());
        let (completer, deferred) = pair();
        std::thread::scope(|scope| {
            let sent = value.clone();
            scope.spawn(move || completer.complete(sent));
            scope.spawn(move || {
                let chain = deferred.map_ok(|v| v).map_ok(|v| v);
                if round % 2 == 0 {
                    chain.cancel();
                }
                drop(chain.or_else(|_| Ok::<_, Aborted>(Arc::default())));
            });
        });
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn a_loop_written_as_recursion_ends_and_can_be_cancelled() {
    fn countdown(ticks: Arc<Mutex<Vec<Completer<u64>>>>, left: u64) -> Deferred<u64> {
        let (tick, ticked) = pair();
        ticks.lock().unwrap().push(tick);
        ticked.and_then(move |n| match left {
            0 => Outcome::Settled(Ok(n)),
            _ => Outcome::Waiting(countdown(ticks, left - 1).map_ok(move |total| total + n)),
        })
    }
    for attach in [false, true] {
        let ticks: Arc<Mutex<Vec<Completer<u64>>>> = Arc::default();
        let mut whole = countdown(ticks.clone(), 100);
        if attach {
            whole = whole.map_ok(|n| n);
        }
        while let Some(tick) = { ticks.lock().unwrap().pop() } {
            tick.complete(1);
        }
        assert_eq!(whole.try_take().unwrap().unwrap(), 101);

        let mut whole = countdown(ticks.clone(), 100);
        if attach {
            whole = whole.map_ok(|n| n);
        }
        for _ in 0..50 {
            let tick = ticks.lock().unwrap().pop().unwrap();
            tick.complete(1);
        }
        whole.cancel();
        assert!(ticks.lock().unwrap().pop().unwrap().is_closed());
        assert!(whole.try_take().unwrap().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_cancellation_from_another_thread_waits_for_a_callback_that_runs() {
    let (completer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let (entered, is_entered) = std::sync::mpsc::channel();
    let (leave, may_leave) = std::sync::mpsc::channel();
    let chain = deferred
        .and_then(move |_| {
            entered.send(()).unwrap();
            may_leave.recv().unwrap();
            returned
        })
        .map_ok(|n| n + 1);
    std::thread::scope(|scope| {
        scope.spawn(move || completer.complete(1));
        is_entered.recv().unwrap();
        chain.cancel();
        assert!(!chain.is_settled());
        leave.send(()).unwrap();
    });
    assert!(inner.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_cancellation_during_an_inner_callback_goes_to_what_either_chain_waits_for_next() {
    for inner_waits in [true, false] {
        let (outer, deferred) = pair::<u32>();
        let (inner, waits) = pair::<u32>();
        let (next, waits_next) = pair::<u32>();
        let (entered, is_entered) = std::sync::mpsc::channel();
        let (leave, may_leave) = std::sync::mpsc::channel();
        let mut waits_next = Some(waits_next);
        let in_inner = if inner_waits { waits_next.take() } else { None };
        let returned = waits.and_then(move |n| {
            entered.send(()).unwrap();
            may_leave.recv().unwrap();
            in_inner.map_or(Outcome::Settled(Ok(n)), Outcome::Waiting)
        });
        let chain = deferred
            .and_then(move |_| returned.map_ok(|n| n))
            .and_then(move |n| waits_next.map_or(Outcome::Settled(Ok(n)), Outcome::Waiting));
        outer.complete(1);
        std::thread::scope(|scope| {
            scope.spawn(move || inner.complete(1));
            is_entered.recv().unwrap();
            chain.cancel();
            leave.send(()).unwrap();
        });
        assert!(next.is_closed());
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_cancellation_from_a_callback_of_the_chain_does_nothing() {
    let slot: Arc<Mutex<Option<Deferred<u32>>>> = Arc::default();
    let (completer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let inside = slot.clone();
    let chain = deferred.and_then(move |_| {
        inside.lock().unwrap().as_ref().unwrap().cancel();
        returned
    });
    *slot.lock().unwrap() = Some(chain);
    completer.complete(1);
    assert!(!inner.is_closed());
    inner.complete(2);
    let chain = slot.lock().unwrap().take().unwrap();
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}
