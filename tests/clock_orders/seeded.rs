//! What a clock with a seed may do in another order, what it may not, and that it does the same every time.

use std::{collections::BTreeSet, time::Duration};

use interloop::{Aborted, Clock, Deferred};

use crate::{SECOND, Stage};

const SEEDS: std::ops::Range<u64> = 0..200;

/// The different things that were noted with one seed or another.
fn outcomes(run: impl Fn(&Stage)) -> BTreeSet<String> {
    SEEDS
        .map(|seed| {
            let stage = Stage::seeded(seed);
            run(&stage);
            stage.take().join(" ")
        })
        .collect()
}

fn set<const N: usize>(outcomes: [&str; N]) -> BTreeSet<String> {
    outcomes.map(str::to_owned).into()
}

/// Tasks, jobs and timers that have a lot to do with each other.
fn mixed_program(stage: &Stage) {
    let reactor = stage.reactor();
    for name in ["a", "b", "c"] {
        stage.note_turns(name, 3).detach();
        stage.note_in(SECOND, name, 2).detach();
        let stage = stage.clone();
        let job = move || {
            stage.note(format!("job {name}"));
            Ok::<_, Aborted>(())
        };
        reactor.spawn_blocking(job).detach();
    }
    let mut moved = reactor.sleep(3 * SECOND);
    moved.reset(reactor.now() + SECOND);
    let nested = stage.clone();
    reactor
        .spawn(async move {
            moved.await?;
            nested.note("moved");
            nested.clock.advance(SECOND);
            nested.note("advanced");
            Ok::<_, Aborted>(())
        })
        .detach();
    stage.note_in(2 * SECOND, "last", 1).detach();
    stage.clock.advance(2 * SECOND);
}

#[test]
fn the_same_seed_gives_the_same_order_every_time() {
    let mut orders = BTreeSet::new();
    for seed in SEEDS {
        let order = || {
            let stage = Stage::seeded(seed);
            mixed_program(&stage);
            stage.take()
        };
        let first = order();
        assert_eq!(first.len(), 21);
        assert_eq!(first, order());
        assert_eq!(first, order());
        orders.insert(first);
    }
    // And another seed gives another one: in so many there are no two alike.
    assert_eq!(orders.len(), SEEDS.count());
}

#[test]
fn any_task_that_can_run_may_be_the_next() {
    let orders = outcomes(|stage| {
        for name in ["a", "b", "c"] {
            stage.note_turns(name, 1).detach();
        }
        stage.clock.run_until_stalled();
    });
    assert_eq!(orders, set(["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"]));
}

#[test]
fn a_task_may_be_overtaken_wherever_it_waits() {
    let orders = outcomes(|stage| {
        stage.note_turns("a", 2).detach();
        stage.note_turns("b", 2).detach();
        stage.clock.run_until_stalled();
    });
    let all = ["a a b b", "a b a b", "a b b a", "b a a b", "b a b a", "b b a a"];
    assert_eq!(orders, set(all));
}

#[test]
fn blocking_jobs_change_places_with_tasks() {
    let orders = outcomes(|stage| {
        stage.note_turns("task", 1).detach();
        let job = stage.clone();
        let job = stage.reactor().spawn_blocking(move || {
            job.note("job");
            Ok::<_, Aborted>(())
        });
        stage.clock.run_until_stalled();
        assert!(job.is_settled());
    });
    assert_eq!(orders, set(["job task", "task job"]));
}

#[test]
fn the_future_of_run_until_changes_places_with_tasks() {
    let orders = outcomes(|stage| {
        stage.note_turns("task", 1).detach();
        stage.clock.run_until(async { stage.note("future") }).unwrap();
        stage.clock.run_until_stalled();
    });
    assert_eq!(orders, set(["future task", "task future"]));
}

#[test]
fn timers_with_one_deadline_fire_in_any_order() {
    let orders = outcomes(|stage| {
        for name in ["a", "b", "c"] {
            stage.note_in(SECOND, name, 1).detach();
        }
        stage.clock.advance(SECOND);
    });
    assert_eq!(orders, set(["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"]));
}

#[test]
fn what_timers_with_one_deadline_wake_runs_at_the_same_time() {
    let orders = outcomes(|stage| {
        stage.note_in(SECOND, "a", 2).detach();
        stage.note_in(SECOND, "b", 2).detach();
        stage.clock.advance(SECOND);
    });
    let all = ["a a b b", "a b a b", "a b b a", "b a a b", "b a b a", "b b a a"];
    assert_eq!(orders, set(all));
}

#[test]
fn all_that_a_deadline_wakes_runs_before_a_later_one() {
    let orders = outcomes(|stage| {
        stage.note_in(2 * SECOND, "two", 2).detach();
        stage.note_in(SECOND, "one", 5).detach();
        stage.clock.advance(5 * SECOND);
    });
    assert_eq!(orders, set(["one one one one one two two"]));
}

#[test]
fn a_timer_that_is_due_when_it_is_made_still_waits_for_an_advance() {
    for seed in SEEDS {
        let stage = Stage::seeded(seed);
        stage.note_in(Duration::ZERO, "slept", 1).detach();
        stage.note_turns("task", 5).detach();
        stage.clock.run_until_stalled();
        assert_eq!(stage.take(), ["task"; 5]);
        stage.clock.advance(Duration::ZERO);
        assert_eq!(stage.take(), ["slept"]);
    }
}

#[test]
fn a_moved_timer_fires_once_at_its_new_deadline() {
    let orders = outcomes(|stage| {
        let reactor = stage.reactor();
        let (mut sooner, mut later) = (reactor.sleep(3 * SECOND), reactor.sleep(SECOND));
        sooner.reset(reactor.now() + 2 * SECOND);
        later.reset(reactor.now() + 2 * SECOND);
        for (sleep, name) in [(sooner, "sooner"), (later, "later")] {
            let stage = stage.clone();
            let task = async move {
                sleep.await?;
                stage.note(format!("{name} at {}", stage.clock.elapsed().as_secs()));
                Ok::<_, Aborted>(())
            };
            reactor.spawn(task).detach();
        }
        for _ in 0..3 {
            stage.clock.advance(SECOND);
        }
        assert_eq!(stage.clock.pending_timers(), 0);
    });
    assert_eq!(orders, set(["later at 2 sooner at 2", "sooner at 2 later at 2"]));
}

#[test]
fn callbacks_keep_their_order_among_each_other() {
    let orders = outcomes(|stage| {
        let reactor = stage.reactor();
        for name in ["first", "second"] {
            let note = stage.clone();
            reactor.call_soon(move || note.note(name));
        }
        let note = stage.clone();
        let via = Deferred::<(), Aborted>::ready(()).via(&reactor);
        via.map_ok(move |()| note.note("third")).detach();
        stage.note_turns("task", 1).detach();
        stage.clock.run_until_stalled();
    });
    assert_eq!(orders, set(["first second third task", "task first second third"]));
}

#[test]
fn delayed_callbacks_with_one_deadline_keep_their_order_among_each_other() {
    let orders = outcomes(|stage| {
        for name in ["first", "second", "third"] {
            let note = stage.clone();
            drop(stage.reactor().call_later(SECOND, move || note.note(name)));
        }
        stage.note_in(SECOND, "task", 1).detach();
        stage.clock.advance(SECOND);
    });
    let interleaved = [
        "first second third task",
        "first second task third",
        "first task second third",
        "task first second third",
    ];
    assert_eq!(orders, set(interleaved));
}

#[test]
fn tasks_that_are_left_are_dropped_in_the_order_in_which_they_were_spawned() {
    struct Dropped(Stage, &'static str);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.log.lock().unwrap().push(self.1.to_owned());
        }
    }

    for seed in SEEDS {
        let Stage { clock, log } = Stage::seeded(seed);
        for name in ["a", "b", "c"] {
            // The task must not keep the clock that it is dropped with.
            let unrelated = Stage::new(Clock::new());
            let held = Dropped(
                Stage {
                    log: log.clone(),
                    ..unrelated
                },
                name,
            );
            let task = async move {
                let _held = held;
                std::future::pending::<()>().await;
            };
            clock.reactor().spawn_infallible(task).detach();
        }
        clock.run_until_stalled();
        drop(clock);
        assert_eq!(*log.lock().unwrap(), ["a", "b", "c"]);
    }
}

#[test]
fn a_clock_tells_its_seed() {
    let clock = Clock::with_seed(42);
    assert_eq!(clock.seed(), Some(42));
    assert_eq!(clock.clone().seed(), Some(42));
    assert!(format!("{clock:?}").contains("seed: 42"), "{clock:?}");
    assert_eq!(Clock::new().seed(), None);
}
