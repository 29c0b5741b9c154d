//! Going on elsewhere: callbacks that run on a loop.

use interloop::{Aborted, State};

use crate::{
    flavour::{Deferred, Log, Place},
    loops::{Reactor, around_the_end_of_each, on_each_loop},
};

#[test]
fn what_has_fired_already_goes_on_there_too_and_not_at_once() {
    on_each_loop(async |reactor, _| {
        for result in [Ok(7), Err(Aborted::timed_out())] {
            let log = Log::default();
            let inside = log.clone();
            let there = Deferred::settled(result.clone()).via(&reactor).then(move |result| {
                inside.push(format!("{result:?}"));
                result
            });
            assert!(log.events().is_empty());
            assert_eq!(there.await.is_ok(), result.is_ok());
            assert_eq!(log.events(), [format!("{result:?}")]);
        }
    });
}

#[test]
fn results_go_on_in_the_order_in_which_they_fired() {
    on_each_loop(async |reactor, _| {
        let log = Log::default();
        let pairs = (0..10).map(|n| {
            let (completer, deferred) = Deferred::<u32>::pair();
            let log = log.clone();
            (completer, deferred.via(&reactor).map_ok(move |_| log.push(n)))
        });
        let (completers, deferreds): (Vec<_>, Vec<_>) = pairs.unzip();
        let mut completers: Vec<_> = completers.into_iter().map(Some).collect();
        let order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];
        for index in order {
            completers[index].take().unwrap().complete(0);
        }
        assert!(log.events().is_empty());
        for deferred in deferreds {
            deferred.await.unwrap();
        }
        assert_eq!(log.events(), order.map(|index| index.to_string()));
    });
}

#[test]
fn what_fires_from_a_callback_on_the_loop_goes_on_after_what_had_fired_before() {
    on_each_loop(async |reactor, _| {
        let log = Log::default();
        let say = |what: &'static str| {
            let log = log.clone();
            move |_: &u32| log.push(what)
        };
        let own = reactor.clone();
        let nested = say("nested");
        let first = Deferred::<u32>::ready(1)
            .via(&reactor)
            .inspect_ok(say("first"))
            .and_then(move |n| Deferred::ready(n).via(&own).inspect_ok(nested));
        let second = Deferred::<u32>::ready(2).via(&reactor).inspect_ok(say("second"));
        first.await.unwrap();
        second.await.unwrap();
        assert_eq!(log.events(), ["first", "second", "nested"]);
    });
}

#[test]
fn between_rounds_the_tasks_of_the_loop_run() {
    fn round(reactor: Reactor, left: u32) -> Deferred<u32> {
        let again = reactor.clone();
        Deferred::ready(left).via(&reactor).and_then(move |left| {
            if left == 0 {
                Deferred::ready(0)
            } else {
                round(again, left - 1)
            }
        })
    }
    on_each_loop(async |reactor, _| {
        let endless = round(reactor.clone(), u32::MAX);
        // It would never come to its end otherwise.
        let other = reactor.spawn(async { Ok::<_, Aborted>(5) });
        assert_eq!(other.await.unwrap(), 5);
        endless.cancel();
        assert!(endless.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn the_reactor_is_current_in_the_callbacks() {
    on_each_loop(async |reactor, _| {
        let there = Deferred::<u32>::ready(1)
            .via(&reactor)
            .and_then(|_| Reactor::current().map_err(|_| Aborted::dropped()))
            .map_ok(|reactor| format!("{reactor:?}"));
        assert_eq!(there.await.unwrap(), format!("{reactor:?}"));
    });
}

#[test]
fn a_callback_that_panics_there_fails_its_chain_and_no_other() {
    on_each_loop(async |reactor, _| {
        let panics = Deferred::<u32>::ready(1)
            .via(&reactor)
            .map_ok(|_| -> u32 { panic!("there") });
        let other = Deferred::<u32>::ready(2).via(&reactor);
        assert_eq!(panics.await.unwrap_err().panic_message(), Some("there"));
        assert_eq!(other.await.unwrap(), 2);
    });
}

#[test]
fn a_cancellation_on_the_way_to_the_loop_takes_effect_at_once() {
    on_each_loop(async |reactor, tasks| {
        let token = Place::<u32>::default();
        let there = Deferred::<_>::ready(token.clone()).via(&reactor);
        there.cancel();
        assert!(there.try_take().unwrap().unwrap_err().is_cancelled());
        tasks.are_gone().await;
        assert_eq!(token.count(), 1, "what comes late is dropped");
    });
}

#[test]
fn a_cancellation_before_the_firing_goes_on_there_as_any_result() {
    on_each_loop(async |reactor, _| {
        let (completer, deferred) = Deferred::<u32>::pair();
        let there = deferred.via(&reactor);
        there.cancel();
        assert!(completer.is_closed());
        assert_eq!(there.state(), State::Waiting);
        assert!(there.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn one_that_was_detached_goes_on() {
    on_each_loop(async |reactor, tasks| {
        let log = Log::default();
        let inside = log.clone();
        Deferred::<u32>::ready(1)
            .via(&reactor)
            .map_ok(move |n| inside.push(n))
            .detach();
        tasks.are_gone().await;
        assert_eq!(log.events(), ["1"]);
    });
}

/// What becomes of a result that fires before its loop ends, and of one that fires after.
fn around_the_end(reactor: &Reactor, end: Box<dyn FnOnce()>) {
    let token = Place::<u32>::default();
    let (completer, deferred) = Deferred::<Place<u32>>::pair();
    let after = deferred.via(reactor).map_ok(|_| unreachable!());
    let before = Deferred::<_>::ready(token.clone())
        .via(reactor)
        .map_ok(|_| unreachable!());
    end();
    let before: Deferred<()> = before;
    assert!(before.try_take().unwrap().unwrap_err().is_shut_down());
    completer.complete(token.clone());
    let after: Deferred<()> = after;
    assert!(after.try_take().unwrap().unwrap_err().is_shut_down());
    let once_more = Deferred::<u32>::ready(1).via(reactor);
    assert!(once_more.try_take().unwrap().unwrap_err().is_shut_down());
    assert_eq!(token.count(), 1);
}

#[test]
fn after_the_end_of_the_loop_nothing_goes_on() {
    around_the_end_of_each(around_the_end);
}
