//! How cooperative tasks share their turns, and how they end.

use std::{
    iter,
    sync::{Arc, Mutex},
    time::Duration,
};

use interloop::{
    Aborted, Clock, Deferred,
    periodic::{Budget, CooperativeTask, Cooperator, Step, TaskError, TaskFailure},
};

use super::{Failure, SECOND, Stage};

impl Stage {
    /// Takes one unit in each turn, and a turn in each second.
    fn cooperator(&self) -> Cooperator {
        Cooperator::with_schedule(&self.clock.reactor(), SECOND, Budget::Units(1))
    }

    /// Work that notes each of its steps.
    fn work(
        &self,
        name: &'static str,
        steps: Vec<Step<Failure>>,
    ) -> impl Iterator<Item = Step<Failure>> + Send + use<> {
        let stage = self.clone();
        let mut number = 0;
        steps.into_iter().inspect(move |_| {
            number += 1;
            stage.note(format!("{name}{number}"));
        })
    }

    /// Work that goes on for so many steps.
    fn steps(&self, name: &'static str, steps: usize) -> impl Iterator<Item = Step<Failure>> + Send + use<> {
        self.work(name, iter::repeat_with(|| Step::Continue).take(steps).collect())
    }

    /// Notes the end of a task.
    fn note_end(&self, name: &'static str, task: &CooperativeTask<Failure>) {
        let stage = self.clone();
        task.when_done()
            .then(move |end| {
                stage.note(format!("{name} {}", say(&end)));
                Ok::<_, ()>(())
            })
            .detach();
    }
}

fn say(end: &Result<(), TaskFailure<Failure>>) -> &str {
    match end {
        Ok(()) => "done",
        Err(TaskFailure::Failed(error)) => error,
        Err(TaskFailure::Stopped) => "stopped",
        Err(TaskFailure::SchedulerStopped) => "scheduler stopped",
        Err(TaskFailure::Aborted(_)) => "aborted",
    }
}

fn end_of(task: &CooperativeTask<Failure>) -> String {
    match task.when_done().try_take() {
        Ok(end) => say(&end).to_owned(),
        Err(_) => "pending".to_owned(),
    }
}

#[test]
fn tasks_take_turns() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    for (name, steps) in [("a", 3), ("b", 3)] {
        let task = cooperator.cooperate(stage.steps(name, steps));
        stage.note_end(name, &task);
    }
    assert!(stage.take().is_empty());
    stage.step(8);
    assert_eq!(stage.take(), ["a1", "b1", "a2", "b2", "a3", "b3", "a done", "b done"]);
    assert_eq!(stage.clock.pending_timers(), 0);
}

#[test]
fn a_turn_goes_on_for_its_budget_of_units() {
    let stage = Stage::default();
    let cooperator = Cooperator::with_schedule(&stage.clock.reactor(), SECOND, Budget::Units(3));
    let a = cooperator.cooperate(stage.steps("a", 2));
    let b = cooperator.cooperate(stage.steps("b", 2));
    stage.advance(1);
    assert_eq!(stage.take(), ["a1", "b1", "a2"]);
    stage.advance(1);
    assert_eq!(stage.take(), ["b2"]);
    assert_eq!((end_of(&a), end_of(&b)), ("done".into(), "done".into()));
}

#[test]
fn a_turn_goes_on_for_its_budget_of_time() {
    let stage = Stage::default();
    let cooperator = Cooperator::with_schedule(&stage.clock.reactor(), SECOND, Budget::Time(4 * SECOND));
    let work = {
        let stage = stage.clone();
        (0..5).map(move |n| {
            stage.note(n.to_string());
            stage.advance(2);
            Step::<Failure>::Continue
        })
    };
    let task = cooperator.cooperate(work);
    stage.advance(1);
    assert_eq!(stage.take(), ["0", "1"]);
    stage.advance(1);
    assert_eq!(stage.take(), ["2", "3"]);
    stage.advance(1);
    assert_eq!(stage.take(), ["4"]);
    assert_eq!(end_of(&task), "done");
}

#[test]
fn the_usual_schedule_needs_no_time_on_a_clock() {
    let stage = Stage::default();
    let cooperator = Cooperator::new(&stage.clock.reactor());
    let task = cooperator.cooperate(stage.steps("a", 100));
    stage.clock.run_until(task.when_done()).unwrap().unwrap();
    assert_eq!((stage.elapsed(), stage.take().len()), (0, 100));
}

#[test]
fn a_step_that_fails_is_the_last_one() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let steps = vec![Step::Continue, Step::Fail("broken".to_owned()), Step::Continue];
    let task = cooperator.cooperate(stage.work("a", steps));
    stage.note_end("a", &task);
    stage.step(4);
    assert_eq!(stage.take(), ["a1", "a2", "a broken"]);
    assert_eq!(stage.clock.pending_timers(), 0);
}

#[test]
fn a_step_that_panics_is_a_failure_and_the_others_go_on() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let broken = iter::from_fn(|| -> Option<Step<Failure>> { panic!("out of order") });
    let (broken, other) = (cooperator.cooperate(broken), cooperator.cooperate(stage.steps("b", 2)));
    stage.step(4);
    assert!(end_of(&broken).contains("out of order"));
    assert_eq!(end_of(&other), "done");
}

#[test]
fn a_task_waits_for_a_deferred_while_others_go_on() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let (completer, deferred) = Deferred::pair();
    let waiting = cooperator.cooperate(stage.work("a", vec![Step::Wait(deferred), Step::Continue]));
    let other = cooperator.cooperate(stage.steps("b", 2));
    stage.step(4);
    assert_eq!(stage.take(), ["a1", "b1", "b2"]);
    assert_eq!((end_of(&waiting), end_of(&other)), ("pending".into(), "done".into()));
    assert_eq!(stage.clock.pending_timers(), 0);
    completer.complete(());
    assert!(stage.take().is_empty());
    stage.step(2);
    assert_eq!(stage.take(), ["a2"]);
    assert_eq!(end_of(&waiting), "done");
}

#[test]
fn a_deferred_that_fails_fails_its_task() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let (completer, deferred) = Deferred::pair();
    let later = cooperator.cooperate(vec![Step::Wait(deferred)]);
    let already = cooperator.cooperate(vec![Step::Wait(Deferred::failed("at once".to_owned()))]);
    stage.step(2);
    assert_eq!((end_of(&later), end_of(&already)), ("pending".into(), "at once".into()));
    completer.fail("later".to_owned());
    assert_eq!(end_of(&later), "later");
    assert_eq!(later.pause(), Err(TaskError::Failed));
}

#[test]
fn a_deferred_that_has_fired_costs_a_turn_and_no_more() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let steps = vec![Step::Wait(Deferred::ready(())), Step::Continue];
    let task = cooperator.cooperate(stage.work("a", steps));
    stage.step(3);
    assert_eq!(stage.take(), ["a1", "a2"]);
    assert_eq!(end_of(&task), "done");
}

#[test]
fn a_task_that_is_added_at_the_end_of_another_schedules_one_turn() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let first = cooperator.cooperate(stage.steps("a", 0));
    let (own, inner) = (cooperator.clone(), stage.clone());
    let second = first.when_done().map_ok(move |()| own.cooperate(inner.steps("b", 1)));
    stage.step(1);
    assert_eq!(stage.clock.pending_timers(), 1);
    stage.step(2);
    assert_eq!(stage.take(), ["b1"]);
    let Ok(Ok(second)) = second.try_take() else {
        panic!("the first has not ended")
    };
    assert_eq!(end_of(&second), "done");
}

#[test]
fn without_tasks_no_turn_is_scheduled() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    assert_eq!(stage.clock.pending_timers(), 0);
    let (a, b) = (
        cooperator.cooperate(stage.steps("a", 1)),
        cooperator.cooperate(stage.steps("b", 1)),
    );
    assert_eq!(stage.clock.pending_timers(), 1);
    a.stop().unwrap();
    assert_eq!(stage.clock.pending_timers(), 1);
    b.pause().unwrap();
    assert_eq!(stage.clock.pending_timers(), 0);
    b.resume().unwrap();
    assert_eq!(stage.clock.pending_timers(), 1);
    stage.step(2);
    assert_eq!((end_of(&b), stage.clock.pending_timers()), ("done".into(), 0));
}

#[test]
fn a_task_that_leaves_does_not_move_the_cursor() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    for (name, steps) in [("a", 1), ("b", 2), ("c", 2)] {
        let task = cooperator.cooperate(stage.steps(name, steps));
        stage.note_end(name, &task);
    }
    stage.step(8);
    // When `a` ends `b` takes its place in the list, which the round has passed.
    let expected = ["a1", "b1", "c1", "a done", "c2", "b2", "c done", "b done"];
    assert_eq!(stage.take(), expected);
}

#[test]
fn a_paused_task_takes_no_steps() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let task = cooperator.cooperate(stage.steps("a", 2));
    stage.step(1);
    task.pause().unwrap();
    task.pause().unwrap();
    stage.step(2);
    task.resume().unwrap();
    stage.step(2);
    assert_eq!(stage.take(), ["a1"]);
    task.resume().unwrap();
    assert!(stage.take().is_empty());
    stage.step(1);
    assert_eq!(stage.take(), ["a2"]);
    assert_eq!(task.resume(), Err(TaskError::NotPaused));
    assert!(TaskError::NotPaused.to_string().contains("not paused"));
}

#[test]
fn a_task_that_waits_and_is_paused_needs_both_to_end() {
    for resume_first in [true, false] {
        let stage = Stage::default();
        let cooperator = stage.cooperator();
        let (completer, deferred) = Deferred::pair();
        let task = cooperator.cooperate(stage.work("a", vec![Step::Wait(deferred), Step::Continue]));
        stage.step(1);
        task.pause().unwrap();
        if resume_first {
            task.resume().unwrap();
            stage.step(1);
            assert_eq!(stage.take(), ["a1"]);
            completer.complete(());
        } else {
            completer.complete(());
            stage.step(1);
            assert_eq!(stage.take(), ["a1"]);
            task.resume().unwrap();
        }
        stage.step(1);
        assert_eq!(stage.take(), ["a2"]);
    }
}

#[test]
fn a_task_that_is_resumed_while_it_waits_waits_no_more() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let (completer, deferred) = Deferred::pair();
    let task = cooperator.cooperate(stage.work("a", vec![Step::Wait(deferred), Step::Continue, Step::Continue]));
    stage.step(1);
    task.resume().unwrap();
    stage.step(1);
    completer.complete(());
    stage.step(1);
    assert_eq!(stage.take(), ["a1", "a2", "a3"]);
    assert_eq!(task.resume(), Err(TaskError::NotPaused));
}

#[test]
fn a_task_may_pause_itself_in_its_step() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let itself = Arc::new(Mutex::new(None::<CooperativeTask<Failure>>));
    let inner = itself.clone();
    let steps = stage
        .steps("a", 2)
        .inspect(move |_| inner.lock().unwrap().as_ref().unwrap().pause().unwrap());
    let task = cooperator.cooperate(steps);
    *itself.lock().unwrap() = Some(task.clone());
    for expected in [["a1"], ["a2"]] {
        stage.step(2);
        assert_eq!(stage.take(), expected);
        task.resume().unwrap();
    }
    stage.step(1);
    assert_eq!(end_of(&task), "done");
}

#[test]
fn a_task_that_stops_itself_in_its_step_has_ended() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let itself = Arc::new(Mutex::new(None::<CooperativeTask<Failure>>));
    let (inner, log) = (itself.clone(), stage.clone());
    let (completer, deferred) = Deferred::pair();
    let steps = vec![Step::Wait(deferred), Step::Continue]
        .into_iter()
        .inspect(move |_| {
            log.note("step");
            inner.lock().unwrap().as_ref().unwrap().stop().unwrap();
        });
    let task = cooperator.cooperate(steps);
    *itself.lock().unwrap() = Some(task.clone());
    stage.note_end("a", &task);
    stage.step(1);
    completer.complete(());
    stage.step(1);
    assert_eq!(stage.take(), ["step", "a stopped"]);
    assert_eq!(stage.clock.pending_timers(), 0);
}

#[test]
fn whoever_asks_is_told_of_the_end() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let task = cooperator.cooperate(stage.work("a", vec![Step::Fail("broken".to_owned())]));
    let cancelled = task.when_done();
    cancelled.cancel();
    let cancelled = cancelled.try_take().unwrap();
    assert!(matches!(cancelled, Err(TaskFailure::Aborted(aborted)) if aborted.is_cancelled()));
    let changed = task.when_done().or_else(|_| Ok::<_, Aborted>(()));
    stage.note_end("first", &task);
    stage.note_end("second", &task);
    stage.step(1);
    stage.note_end("late", &task);
    assert_eq!(stage.take(), ["a1", "first broken", "second broken", "late broken"]);
    assert!(changed.try_take().unwrap().is_ok());
}

#[test]
fn a_stopped_task_takes_no_more_steps_whatever_it_waited_for() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    for fails in [false, true] {
        let (completer, deferred) = Deferred::pair();
        let task = cooperator.cooperate(stage.work("a", vec![Step::Wait(deferred), Step::Continue]));
        stage.note_end("a", &task);
        stage.step(1);
        task.stop().unwrap();
        assert_eq!(stage.take(), ["a1", "a stopped"]);
        completer.settle(if fails { Err("too late".to_owned()) } else { Ok(()) });
        stage.step(2);
        assert!(stage.take().is_empty());
        assert_eq!(end_of(&task), "stopped");
    }
}

#[test]
fn a_task_that_has_ended_says_how() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let done = cooperator.cooperate(stage.steps("a", 0));
    let failed = cooperator.cooperate(stage.work("b", vec![Step::Fail(String::new())]));
    stage.step(2);
    let stopped = cooperator.cooperate(stage.steps("c", 1));
    stopped.stop().unwrap();
    let with_scheduler = cooperator.cooperate(stage.steps("d", 1));
    cooperator.stop();
    for (task, error) in [
        (done, TaskError::Done),
        (failed, TaskError::Failed),
        (stopped, TaskError::Stopped),
        (with_scheduler, TaskError::SchedulerStopped),
    ] {
        assert_eq!(task.pause(), Err(error));
        assert_eq!(task.stop(), Err(error));
        assert_eq!(task.resume(), Err(TaskError::NotPaused));
    }
}

#[test]
fn a_paused_task_may_be_stopped_and_then_resumed_to_no_effect() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let task = cooperator.cooperate(stage.steps("a", 2));
    task.pause().unwrap();
    task.stop().unwrap();
    assert_eq!(task.resume(), Ok(()));
    assert_eq!(task.resume(), Err(TaskError::NotPaused));
    stage.step(2);
    assert!(stage.take().is_empty());
    assert_eq!(end_of(&task), "stopped");
}

#[test]
fn a_stopped_cooperator_ends_all_that_can_run_and_refuses_more() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    for name in ["a", "b", "c"] {
        stage.note_end(name, &cooperator.cooperate(stage.steps(name, 2)));
    }
    stage.step(1);
    cooperator.stop();
    let expected = [
        "a1",
        "a scheduler stopped",
        "b scheduler stopped",
        "c scheduler stopped",
    ];
    assert_eq!(stage.take(), expected);
    assert_eq!(stage.clock.pending_timers(), 0);
    let refused = cooperator.cooperate(stage.steps("d", 1));
    assert_eq!(end_of(&refused), "scheduler stopped");
}

#[test]
fn tasks_that_cannot_run_end_with_a_stopped_cooperator_when_they_could() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let (completer, deferred) = Deferred::pair();
    let waiting = cooperator.cooperate(stage.work("a", vec![Step::Wait(deferred), Step::Continue]));
    let paused = cooperator.cooperate(stage.steps("b", 1));
    paused.pause().unwrap();
    stage.step(1);
    cooperator.stop();
    assert_eq!(
        (end_of(&waiting), end_of(&paused)),
        ("pending".into(), "pending".into())
    );
    completer.complete(());
    paused.resume().unwrap();
    let ends = (end_of(&waiting), end_of(&paused));
    assert_eq!(ends, ("scheduler stopped".into(), "scheduler stopped".into()));
}

#[test]
fn a_cooperator_may_be_stopped_at_the_end_of_a_task() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let (first, second) = (
        cooperator.cooperate(stage.steps("a", 0)),
        cooperator.cooperate(stage.steps("b", 1)),
    );
    let own = cooperator.clone();
    let stopped = first.when_done().map_ok(move |()| own.stop());
    stage.note_end("b", &second);
    stage.step(3);
    assert_eq!(stage.take(), ["b scheduler stopped"]);
    assert!(stopped.is_settled());
    assert_eq!(stage.clock.pending_timers(), 0);
}

#[test]
fn a_task_may_stop_the_cooperator_in_its_step() {
    let stage = Stage::default();
    let cooperator = Cooperator::with_schedule(&stage.clock.reactor(), SECOND, Budget::Units(10));
    let (own, log) = (cooperator.clone(), stage.clone());
    let task = cooperator.cooperate((0..3).map(move |_| {
        log.note("step");
        own.stop();
        Step::Continue
    }));
    stage.note_end("a", &task);
    stage.step(2);
    assert_eq!(stage.take(), ["step", "a scheduler stopped"]);
}

#[test]
fn a_cooperator_that_was_stopped_may_be_started_again() {
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let before = cooperator.cooperate(stage.steps("a", 2));
    stage.step(1);
    cooperator.stop();
    assert!(!cooperator.is_running());
    cooperator.start();
    assert!(cooperator.is_running());
    let (b, c) = (
        cooperator.cooperate(stage.steps("b", 1)),
        cooperator.cooperate(stage.steps("c", 1)),
    );
    stage.step(4);
    assert_eq!(stage.take(), ["a1", "b1", "c1"]);
    assert_eq!(end_of(&before), "scheduler stopped");
    assert_eq!((end_of(&b), end_of(&c)), ("done".into(), "done".into()));
}

#[test]
fn an_unstarted_cooperator_keeps_its_tasks_for_the_start() {
    let stage = Stage::default();
    assert!(stage.cooperator().is_running());
    let cooperator = stage.cooperator().unstarted();
    assert!(!cooperator.is_running());
    let task = cooperator.cooperate(stage.steps("a", 1));
    stage.step(2);
    assert_eq!((end_of(&task), stage.clock.pending_timers()), ("pending".into(), 0));
    cooperator.start();
    assert!(cooperator.is_running());
    stage.step(2);
    assert_eq!(stage.take(), ["a1"]);
    assert_eq!(end_of(&task), "done");
}

#[test]
fn a_cooperator_that_nobody_can_start_any_more_stops() {
    let stage = Stage::default();
    let cooperator = stage.cooperator().unstarted();
    let task = cooperator.cooperate(stage.steps("a", 1));
    drop(cooperator.clone());
    assert_eq!(end_of(&task), "pending");
    drop(cooperator);
    assert_eq!(end_of(&task), "scheduler stopped");
}

#[test]
fn goes_on_without_handles_and_ends_with_its_loop() {
    let stage = Stage::default();
    drop(stage.cooperator().cooperate(stage.steps("a", 2)));
    stage.step(3);
    assert_eq!(stage.take(), ["a1", "a2"]);

    let clock = Clock::new();
    let cooperator = Cooperator::with_schedule(&clock.reactor(), SECOND, Budget::Units(1));
    let endless = || iter::repeat_with(|| Step::<Failure>::Continue);
    let task = cooperator.cooperate(endless());
    clock.advance(SECOND);
    drop(clock);
    assert_eq!(end_of(&task), "scheduler stopped");
    assert_eq!(end_of(&cooperator.cooperate(endless())), "scheduler stopped");
}

#[test]
fn the_work_is_freed_before_its_end_is_told() {
    let stage = Stage::default();
    let held = Arc::new(());
    let cooperator = stage.cooperator();
    for stop in [false, true] {
        let in_work = held.clone();
        let task = cooperator.cooperate((0..1).map(move |_| {
            let _ = &in_work;
            Step::<Failure>::Continue
        }));
        let seen = held.clone();
        let count = task.when_done().then(move |_| Ok::<_, ()>(Arc::strong_count(&seen)));
        if stop {
            task.stop().unwrap();
        } else {
            stage.step(2);
        }
        // This test's and the callback's.
        assert_eq!(count.try_take().unwrap(), Ok(2));
    }
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_destructor_that_panics_does_not_stop_the_turns() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let stage = Stage::default();
    let cooperator = stage.cooperator();
    let panics = Panics;
    let broken = cooperator.cooperate((0..0).map(move |_| {
        let _ = &panics;
        Step::<Failure>::Continue
    }));
    let other = cooperator.cooperate(stage.steps("b", 2));
    stage.step(4);
    assert_eq!((end_of(&broken), end_of(&other)), ("done".into(), "done".into()));
}

#[test]
fn runs_on_a_loop_with_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let total = Arc::new(Mutex::new(0));
    let cooperator = Cooperator::with_schedule(&reactor, Duration::ZERO, Budget::Units(7));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (total, reactor) = (total.clone(), reactor.clone());
            cooperator.cooperate((0..100).map(move |n| {
                *total.lock().unwrap() += 1;
                if n % 10 == 0 {
                    Step::Wait(reactor.spawn(async { Ok::<_, Failure>(()) }))
                } else {
                    Step::Continue
                }
            }))
        })
        .collect();
    for task in tasks {
        assert_eq!(say(&runtime.block_on(task.when_done())), "done");
    }
    assert_eq!(*total.lock().unwrap(), 800);
}
