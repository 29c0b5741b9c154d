//! The semaphore.

use std::num::NonZeroUsize;

use interloop::Aborted;

use crate::flavour::{
    Deferred, Log,
    sync::{Permit, Semaphore},
};

fn semaphore(permits: usize) -> Semaphore {
    Semaphore::new(NonZeroUsize::new(permits).unwrap())
}

/// How many permits are free.
fn free(semaphore: &Semaphore) -> usize {
    let mut permits = Vec::new();
    loop {
        let waiting = semaphore.acquire();
        if !waiting.is_settled() {
            waiting.cancel();
            assert!(waiting.try_take().unwrap().is_err());
            return permits.len();
        }
        permits.push(waiting);
    }
}

#[test]
fn as_many_as_there_are_permits_run_and_the_others_wait_in_order() {
    let log = Log::default();
    let semaphore = semaphore(2);
    let all: Vec<_> = (0..5)
        .map(|index| {
            let log = log.clone();
            semaphore.acquire().inspect_ok(move |_| log.push(index))
        })
        .collect();
    assert_eq!(log.events(), ["0", "1"]);
    let mut permits: Vec<_> = all.into_iter().map(Some).collect();
    for (released, expected) in [(1, vec!["2"]), (0, vec!["3"]), (3, vec!["4"]), (2, vec![])] {
        drop(permits[released].take());
        assert_eq!(log.events(), expected);
    }
    drop(permits);
    assert_eq!(free(&semaphore), 2);
}

#[test]
fn permits_that_come_back_are_free_again_and_not_more_than_there_were() {
    let semaphore = semaphore(3);
    for _ in 0..3 {
        let permits: Vec<_> = (0..3)
            .map(|_| semaphore.acquire().try_take().unwrap().unwrap())
            .collect();
        assert_eq!(free(&semaphore), 0);
        drop(permits);
        assert_eq!(free(&semaphore), 3);
    }
    assert!(format!("{semaphore:?}").contains("free: 3"));
}

#[test]
fn no_permit_is_lost_with_those_who_leave() {
    type Waiting = Deferred<Permit>;
    let ways: [fn(Waiting, Waiting); 6] = [
        |first, second| {
            first.cancel();
            second.cancel();
        },
        |first, second| drop((first, second)),
        |first, second| drop((second, first)),
        |first, second| drop((first.cancel_on_drop(), second.cancel_on_drop())),
        // They stay, and let go of the permit as soon as it comes.
        |first, second| drop((first.map_ok(drop), second.map_ok(drop))),
        |first, second| {
            drop((
                first
                    .and_then(|_| Err::<(), _>(Aborted::timed_out()))
                    .or_else(|_| Ok::<_, ()>(())),
                second,
            ))
        },
    ];
    for leave in ways {
        for leave_first in [false, true] {
            let semaphore = semaphore(2);
            let held = [semaphore.acquire(), semaphore.acquire()];
            let (first, second, last) = (semaphore.acquire(), semaphore.acquire(), semaphore.acquire());
            if leave_first {
                leave(first, second);
                drop(held);
            } else {
                drop(held);
                assert!(!last.is_settled());
                leave(first, second);
            }
            assert!(last.is_settled());
            drop(last);
            assert_eq!(free(&semaphore), 2);
        }
    }
}

#[test]
fn a_paused_waiter_keeps_its_permit_until_it_is_dropped() {
    let semaphore = semaphore(1);
    let held = semaphore.acquire();
    let mut paused = semaphore.acquire();
    let pause = paused.pause();
    let next = semaphore.acquire();
    drop(held);
    assert!(!paused.is_settled() && !next.is_settled());
    drop(pause);
    assert!(paused.is_settled() && !next.is_settled());
    drop(paused);
    assert!(next.is_settled());
}

#[test]
fn a_callback_that_panics_with_the_permit_gives_it_back() {
    let semaphore = semaphore(1);
    let held = semaphore.acquire();
    let panics = semaphore.acquire().map_ok(|_permit| -> u32 { panic!("stuck") });
    let next = semaphore.acquire();
    drop(held);
    assert!(panics.try_take().unwrap().unwrap_err().is_panicked());
    assert!(next.is_settled());
}

#[test]
fn runs_share_the_permits_and_give_them_back_whatever_they_come_to() {
    let semaphore = semaphore(2);
    let (completers, outcomes): (Vec<_>, Vec<_>) = (0..4).map(|_| Deferred::<u32, String>::pair()).unzip();
    let runs: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| semaphore.run(move || outcome))
        .collect();
    let mut completers = completers.into_iter();
    completers.next().unwrap().complete(1);
    completers.next().unwrap().fail("no".to_owned());
    assert_eq!(free(&semaphore), 0);
    drop(completers.next());
    runs[3].cancel();
    assert!(completers.next().unwrap().is_closed());
    assert_eq!(free(&semaphore), 2);
    let results: Vec<_> = runs.into_iter().map(|run| run.try_take().unwrap()).collect();
    let expected = [
        Ok(1),
        Err("no"),
        Err("the completer was dropped without firing"),
        Err("cancelled"),
    ];
    assert_eq!(results, expected.map(|result| result.map_err(str::to_owned)));
}

#[test]
fn a_waiter_may_acquire_again_from_its_callback() {
    let log = Log::default();
    let semaphore = semaphore(1);
    let held = semaphore.acquire();
    let (again, inside) = (semaphore.clone(), log.clone());
    let twice = semaphore.acquire().and_then(move |permit| {
        inside.push("first");
        let second = again.acquire();
        assert!(!second.is_settled());
        drop(permit);
        second
    });
    drop(held);
    assert!(twice.is_settled());
    drop(twice);
    assert_eq!((log.events(), free(&semaphore)), (vec!["first".to_owned()], 1));
}

#[test]
fn what_runs_may_have_a_failure_type_of_its_own() {
    let semaphore = semaphore(1);
    let run = semaphore.run(|| {
        "17".parse::<u32>()
            .map_err(Box::<dyn std::error::Error + Send + Sync>::from)
    });
    assert_eq!(run.try_take().unwrap().unwrap(), 17);
    let held = semaphore.acquire();
    let run = semaphore.run(|| Ok::<_, std::io::Error>(1));
    run.cancel();
    let error = run.try_take().unwrap().unwrap_err();
    assert!(Aborted::in_io_error(&error).unwrap().is_cancelled());
    drop(held);
}
