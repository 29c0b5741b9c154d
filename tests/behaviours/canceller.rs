//! Deferreds that have a say in their cancellation.

use interloop::{Aborted, State};

use crate::flavour::{Callback, CancelHandle, Cancellation, Completer, Deferred, Log, Place};

type Slot<T> = Place<Option<T>>;

/// A pair whose canceller counts its calls, and then does what it is told.
fn counted(
    canceller: impl Fn(Cancellation<'_, u32, Aborted>) + Callback,
) -> (Completer<u32>, Deferred<u32>, Place<u32>) {
    let calls = Place::<u32>::default();
    let inside = calls.clone();
    let (completer, deferred) = Deferred::with_canceller(move |cancellation| {
        inside.add_one();
        canceller(cancellation);
    });
    (completer, deferred, calls)
}

#[test]
fn a_canceller_that_decides_nothing_is_called_once_and_the_deferred_is_cancelled() {
    let (completer, deferred, calls) = counted(|_| {});
    (0..3).for_each(|_| deferred.cancel());
    assert_eq!(calls.get(), 1);
    assert_eq!(calls.count(), 1, "it is not needed any more");
    assert!(completer.is_closed());
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
    assert_eq!(
        completer.try_settle(Ok(1)).unwrap_err().unwrap(),
        1,
        "what comes late comes back"
    );
}

#[test]
fn a_canceller_is_neither_called_nor_kept_after_the_deferred_has_fired() {
    for result in [Ok(1), Err(Aborted::timed_out())] {
        let (completer, deferred, calls) = counted(|_| {});
        let seen = calls.clone();
        let deferred = deferred.then(move |result| {
            // Dropped first, so that a callback finds what it held released.
            assert_eq!(seen.count(), 2, "the test's, and this one's");
            result
        });
        let failed = result.is_err();
        completer.settle(result);
        deferred.cancel();
        assert_eq!((calls.get(), calls.count()), (0, 1));
        assert_eq!(deferred.try_take().unwrap().is_err(), failed);
    }
}

#[test]
fn a_canceller_is_dropped_with_the_completer_and_not_called_when_the_deferred_is() {
    let (completer, deferred, calls) = counted(|_| {});
    drop(deferred);
    assert_eq!((calls.get(), calls.count()), (0, 2));
    drop(completer);
    assert_eq!((calls.get(), calls.count()), (0, 1));
}

#[test]
fn a_canceller_can_choose_the_outcome() {
    let (_completer, deferred, _) = counted(|cancellation| cancellation.complete(7));
    deferred.cancel();
    assert_eq!(deferred.try_take().unwrap().unwrap(), 7);

    let (_completer, deferred, _) = counted(|cancellation| cancellation.fail(Aborted::timed_out()));
    deferred.cancel();
    assert!(deferred.try_take().unwrap().unwrap_err().is_timed_out());

    let (_completer, deferred, _) = counted(|cancellation| cancellation.settle(Ok(8)));
    let chain = deferred.map_ok(|n| n + 1);
    chain.cancel();
    assert_eq!(chain.try_take().unwrap().unwrap(), 9);
}

#[test]
fn the_outcome_that_a_canceller_chooses_runs_the_chain_there_and_then() {
    let log = Log::default();
    let (in_canceller, in_callback) = (log.clone(), log.clone());
    let (_completer, deferred) = Deferred::<u32, Aborted>::with_canceller(move |cancellation| {
        in_canceller.push("canceller begins");
        cancellation.complete(1);
        in_canceller.push("canceller ends");
    });
    let chain = deferred.inspect_ok(move |n| in_callback.push(format!("callback {n}")));
    chain.cancel();
    assert_eq!(log.events(), ["canceller begins", "callback 1", "canceller ends"]);
}

#[test]
fn a_refused_cancellation_leaves_all_as_it_was_and_the_next_one_asks_again() {
    let (completer, deferred, calls) = counted(|cancellation| cancellation.refuse());
    deferred.cancel();
    deferred.cancel();
    assert_eq!((calls.get(), deferred.state()), (2, State::Pending));
    assert!(!completer.is_closed());
    completer.complete(3);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 3);
    assert_eq!(calls.count(), 1);
}

#[test]
fn a_canceller_may_give_in_the_second_time() {
    let asked = Place::<u32>::default();
    let times = asked.clone();
    let (_completer, deferred, calls) = counted(move |cancellation| {
        times.add_one();
        if times.get() == 1 {
            cancellation.refuse();
        }
    });
    deferred.cancel();
    assert!(!deferred.is_settled());
    deferred.cancel();
    deferred.cancel();
    assert_eq!(calls.get(), 2);
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_canceller_that_panics_fails_the_deferred_and_not_who_cancels() {
    let (completer, deferred, calls) = counted(|_| panic!("no brakes"));
    let chain = deferred.map_ok(|n| n + 1);
    chain.cancel();
    chain.cancel();
    assert_eq!((calls.get(), calls.count()), (1, 1));
    assert!(completer.is_closed());
    assert_eq!(
        chain.try_take().unwrap().unwrap_err().panic_message(),
        Some("no brakes")
    );
}

#[test]
fn a_canceller_whose_destructor_panics_does_not_keep_the_result_back() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on the way out");
        }
    }
    let bomb = Bomb;
    let (completer, deferred) = Deferred::<u32, Aborted>::with_canceller(move |_| {
        let _ = &bomb;
    });
    completer.complete(1);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 1);
}

/// A pair whose canceller gets hold of the completer, as one does that ends the work under way.
fn with_its_completer(
    canceller: impl Fn(Completer<u32>, Cancellation<'_, u32, Aborted>) + Callback,
) -> (Deferred<u32>, Place<u32>) {
    let slot = Slot::<Completer<u32>>::default();
    let inside = slot.clone();
    let (completer, deferred, calls) = counted(move |cancellation| canceller(inside.take(), cancellation));
    slot.put(completer);
    (deferred, calls)
}

#[test]
fn the_completer_works_while_the_canceller_runs_and_the_cancellation_comes_to_nothing() {
    let (deferred, calls) = with_its_completer(|completer, _| completer.complete(5));
    deferred.cancel();
    deferred.cancel();
    assert_eq!((calls.get(), calls.count()), (1, 1));
    assert_eq!(deferred.try_take().unwrap().unwrap(), 5);
}

#[test]
fn a_completer_that_the_canceller_drops_leaves_a_cancellation() {
    // Ending the work under way often drops the completer, which is no news then.
    let (deferred, _) = with_its_completer(|completer, _| drop(completer));
    deferred.cancel();
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());

    let (deferred, _) = with_its_completer(|completer, cancellation| {
        drop(completer);
        cancellation.refuse();
    });
    deferred.cancel();
    let error = deferred.try_take().unwrap().unwrap_err();
    assert!(error.is_cancelled(), "there is nothing left to wait for");
}

#[test]
fn whichever_fires_first_inside_a_canceller_counts() {
    let (deferred, _) = with_its_completer(|completer, cancellation| {
        completer.complete(5);
        cancellation.complete(6);
    });
    deferred.cancel();
    assert_eq!(deferred.try_take().unwrap().unwrap(), 5);

    let (deferred, _) = with_its_completer(|completer, cancellation| {
        cancellation.complete(6);
        assert!(completer.is_closed());
        completer.complete(5);
    });
    deferred.cancel();
    assert_eq!(deferred.try_take().unwrap().unwrap(), 6);
}

#[test]
fn a_panic_after_the_completer_has_fired_changes_nothing() {
    let (deferred, _) = with_its_completer(|completer, _| {
        completer.complete(5);
        panic!("too late");
    });
    deferred.cancel();
    assert_eq!(deferred.try_take().unwrap().unwrap(), 5);
}

#[test]
fn cancelling_from_inside_the_canceller_does_not_recurse() {
    let slot = Slot::<CancelHandle>::default();
    let inside = slot.clone();
    let (_completer, mut deferred, calls) = counted(move |_| inside.take().cancel());
    slot.put(deferred.cancel_handle());
    deferred.cancel();
    assert_eq!(calls.get(), 1);
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_waiting_chain_asks_the_canceller_of_what_it_waits_for_and_not_its_own() {
    let (outer, deferred, outer_calls) = counted(|_| unreachable!("the outer one has fired"));
    let (_inner, returned, inner_calls) = counted(|_| {});
    let chain = deferred.and_then(move |_| returned);
    outer.complete(1);
    assert_eq!(outer_calls.count(), 1);
    chain.cancel();
    assert_eq!((outer_calls.get(), inner_calls.get()), (0, 1));
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn the_answer_of_an_inner_canceller_goes_through_the_outer_chain() {
    let (_inner, returned, _) = counted(|cancellation| cancellation.complete(20));
    let chain = Deferred::<u32>::ready(1).and_then(move |_| returned.map_ok(|n| n + 1));
    let chain = chain.map_ok(|n| n * 2);
    chain.cancel();
    assert_eq!(chain.try_take().unwrap().unwrap(), 42);
}

#[test]
fn an_inner_canceller_that_refuses_leaves_the_outer_chain_waiting() {
    let (outer, deferred) = Deferred::<u32, Aborted>::pair();
    let (inner, returned, calls) = counted(|cancellation| cancellation.refuse());
    let chain = deferred.and_then(move |_| returned);
    outer.complete(1);
    chain.cancel();
    chain.cancel();
    assert_eq!((calls.get(), chain.state()), (2, State::Waiting));
    inner.complete(2);
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}

#[test]
fn a_chain_that_survives_a_cancellation_asks_the_next_canceller_the_next_time() {
    let (_first, one, first_calls) = counted(|_| {});
    let (_second, two, second_calls) = counted(|_| {});
    let chain = one.or_else(move |_| two);
    chain.cancel();
    assert_eq!((first_calls.get(), second_calls.get()), (1, 0));
    assert!(!chain.is_settled());
    chain.cancel();
    assert_eq!((first_calls.get(), second_calls.get()), (1, 1));
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}
