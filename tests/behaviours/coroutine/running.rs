//! How a coroutine runs, and what becomes of its results.

use interloop::{Aborted, State};

use super::{pair, start, three_levels};
use crate::{
    flavour::{Deferred, Log},
    tools,
};

#[test]
fn a_coroutine_runs_at_once_up_to_the_first_deferred_that_has_not_fired() {
    let log = Log::default();
    let (completer, waits) = pair::<u32>();
    let inside = log.clone();
    let whole = start(async move {
        inside.push("begins");
        let n = Deferred::<u32, String>::ready(1).await? + waits.await?;
        inside.push("goes on");
        Ok(n)
    });
    assert_eq!(
        (log.events(), whole.state()),
        (vec!["begins".to_owned()], State::Pending)
    );
    completer.complete(2);
    assert_eq!(log.events(), ["goes on"], "inside the firing");
    assert_eq!(whole.try_take().unwrap(), Ok(3));
}

#[test]
fn values_failures_and_panics_become_the_result() {
    assert_eq!(start(async { Ok(1) }).try_take().unwrap(), Ok(1));
    assert_eq!(
        start::<u32>(async { Err("no".to_owned()) }).try_take().unwrap(),
        Err("no".to_owned())
    );
    let panicked = Deferred::<u32>::from_coroutine(async { panic!("on the way") });
    assert_eq!(
        panicked.try_take().unwrap().unwrap_err().panic_message(),
        Some("on the way")
    );

    let (completer, waits) = Deferred::<u32>::pair();
    let panicked = Deferred::<u32>::from_coroutine(async move { panic!("after {}", waits.await?) });
    completer.complete(7);
    assert_eq!(
        panicked.try_take().unwrap().unwrap_err().panic_message(),
        Some("after 7")
    );
}

#[test]
fn a_failure_is_raised_at_the_await_and_can_be_caught_there() {
    let (completer, waits) = pair::<u32>();
    let passed_on = start(async move { Ok(waits.await? + 1) });
    completer.fail("no".to_owned());
    assert_eq!(passed_on.try_take().unwrap(), Err("no".to_owned()));

    let (completer, waits) = pair::<u32>();
    let caught = start(async move { Ok(waits.await.unwrap_or(5)) });
    completer.fail("no".to_owned());
    assert_eq!(caught.try_take().unwrap(), Ok(5));
}

#[test]
fn it_is_resumed_in_its_place_among_what_else_waits() {
    let log = Log::default();
    let (completer, waits) = pair::<u32>();
    let (before, resumed, after) = (log.clone(), log.clone(), log.clone());
    let waits = waits.inspect_ok(move |_| before.push("callback before"));
    let whole = start(async move {
        let n = waits.await?;
        resumed.push("resumed");
        Ok(n)
    })
    .inspect_ok(move |_| after.push("callback after"));
    completer.complete(1);
    assert_eq!(log.events(), ["callback before", "resumed", "callback after"]);
    assert_eq!(whole.try_take().unwrap(), Ok(1));
}

#[test]
fn nested_coroutines_begin_outermost_first_and_end_innermost_first() {
    let log = Log::default();
    let (mut completers, whole) = three_levels(&log);
    assert_eq!(log.events(), ["outer begins", "middle begins", "inner begins"]);
    completers.remove(0).complete(1);
    assert_eq!(log.events(), ["1"]);
    completers.remove(0).complete(2);
    assert_eq!(log.events(), ["inner ends", "middle ends", "outer ends"]);
    assert_eq!(whole.try_take().unwrap(), Ok(3));
}

#[test]
fn a_failure_crosses_the_levels_at_the_first_await_and_at_a_later_one() {
    for fails_at in 0..2 {
        let log = Log::default();
        let (completers, whole) = three_levels(&log);
        for (index, completer) in completers.into_iter().enumerate() {
            if index == fails_at {
                completer.fail("no".to_owned());
            } else {
                completer.complete(1);
            }
        }
        assert_eq!(whole.try_take().unwrap(), Err("no".to_owned()));
    }
}

#[test]
fn five_thousand_results_that_are_there_take_no_stack() {
    tools::on_a_small_stack(|| {
        let whole = start(async {
            let mut sum = 0;
            for n in 0..5_000_u64 {
                sum += Deferred::<_, String>::ready(n).await?;
            }
            Ok(sum)
        });
        assert_eq!(whole.try_take().unwrap(), Ok(12_497_500));
    });
}

#[test]
fn chains_and_coroutines_wait_for_each_other() {
    let (completer, waits) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    // The coroutine awaits a chain that waits for another coroutine.
    let chain = waits
        .and_then(move |n| start(async move { Ok(returned.await? + n) }))
        .map_ok(|n| n * 10);
    let whole = start(async move { Ok(chain.await? + 1) });
    let outer = Deferred::<u32, String>::ready(0).and_then(move |_| whole);
    completer.complete(1);
    inner.complete(2);
    assert_eq!(outer.try_take().unwrap(), Ok(31));
}

#[test]
fn an_io_error_type_works_as_well() {
    let whole = Deferred::<u32, std::io::Error>::from_coroutine(async {
        let text = Deferred::<_, std::io::Error>::ready("17").await?;
        text.parse().map_err(std::io::Error::other)
    });
    assert_eq!(whole.try_take().unwrap().unwrap(), 17);
    let (_completer, waits) = Deferred::<u32, std::io::Error>::pair();
    let whole = Deferred::from_coroutine(waits);
    whole.cancel();
    let error = whole.try_take().unwrap().unwrap_err();
    assert!(Aborted::in_io_error(&error).unwrap().is_cancelled());
}
