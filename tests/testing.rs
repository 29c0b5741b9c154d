//! Watching over what code leaves behind, and running tests by hand; `macros/tests` has what tests say when they fail.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use interloop::{
    Aborted, Clock, Deferred, Reactor, clock,
    testing::{Test, Watch},
    unhandled,
};

fn fails(text: &str) {
    drop(Deferred::<(), String>::failed(text.to_owned()));
}

fn texts(reports: Vec<unhandled::Report>) -> Vec<String> {
    let text = |report: unhandled::Report| report.to_string().rsplit(": ").next().unwrap().to_owned();
    reports.into_iter().map(text).collect()
}

fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it must fail");
    *panic.downcast().expect("a message")
}

#[test]
fn failures_are_collected_by_the_innermost() {
    let ((), outer) = unhandled::collect(|| {
        fails("first");
        let ((), inner) = unhandled::collect(|| fails("second"));
        assert_eq!(texts(inner), ["second"]);
        fails("third");
    });
    assert_eq!(texts(outer), ["first", "third"]);
}

#[test]
fn a_report_says_where() {
    let ((), reports) = unhandled::collect(|| fails("out of paper"));
    assert_eq!(reports[0].made_at().file(), file!());
    assert_eq!(reports[0].failed_at(), reports[0].made_at());
}

#[test]
fn collecting_ends_with_a_panic() {
    let ((), outer) = unhandled::collect(|| {
        let panicked = catch_unwind(|| unhandled::collect(|| panic!("out of paper")));
        assert!(panicked.is_err());
        fails("after it");
    });
    assert_eq!(texts(outer), ["after it"]);
}

#[test]
fn what_another_thread_reports_is_not_collected_here() {
    let ((), reports) = unhandled::collect(|| {
        let elsewhere = thread::spawn(|| unhandled::collect(|| fails("there")).1);
        assert_eq!(texts(elsewhere.join().unwrap()), ["there"]);
    });
    assert!(reports.is_empty());
}

#[test]
fn a_watch_counts_the_tasks_and_jobs_of_its_reactor_only() {
    let clock = Clock::new();
    let watch = Watch::new();
    let (unwatched, reactor) = (clock.reactor(), watch.on(&clock.reactor()));
    unwatched.spawn_infallible(pending::<()>()).detach();
    let waiting = reactor.spawn_infallible(pending::<()>());
    let ending = reactor.spawn_infallible(async {});
    let job = reactor.spawn_blocking(|| Ok::<_, Aborted>(()));
    let panicking = reactor.spawn_infallible(async { panic!("out of paper") });
    assert_eq!(watch.tasks(), 4);
    let idle = watch.idle();
    clock.run_until_stalled();
    assert_eq!(watch.tasks(), 1);
    assert!(!idle.is_settled());
    waiting.cancel();
    assert_eq!(watch.tasks(), 0);
    assert!(idle.is_settled());
    assert!(watch.idle().is_settled());
    assert!(panicking.try_take().unwrap().is_err());
    drop((waiting.or_else(|_| Ok::<_, Aborted>(())), ending, job));
    assert!(texts(watch.take_unhandled()).is_empty());
}

#[test]
fn tasks_that_a_loop_drops_are_not_alive_any_more() {
    let clock = Clock::new();
    let watch = Watch::new();
    let reactor = watch.on(&clock.reactor());
    reactor.spawn_infallible(pending::<()>()).detach();
    clock.run_until_stalled();
    reactor.spawn_infallible(pending::<()>()).detach();
    assert_eq!(watch.tasks(), 2);
    drop(clock);
    assert_eq!(watch.tasks(), 0);
    reactor.spawn_infallible(pending::<()>()).detach();
    assert_eq!(watch.tasks(), 0);
}

#[test]
fn a_watch_has_the_failures_of_its_tasks_wherever_they_run() {
    let watch = Watch::new();
    let reactor = watch.on(&interloop_smol::global());
    let (go_on, may_go_on) = Deferred::<()>::pair();
    let task = reactor.spawn(async {
        may_go_on.await?;
        let job = Reactor::current()?.spawn_blocking(|| {
            fails("in a job");
            Ok::<_, Aborted>(())
        });
        job.await?;
        fails("in a task");
        Ok::<_, Aborted>(())
    });
    let chain = task.map_ok(|()| fails("in a callback"));
    go_on.complete(());
    chain.wait().unwrap();
    let on_thread = thread::spawn({
        let reactor = reactor.clone();
        move || {
            let _entered = reactor.enter();
            fails("where it is entered");
        }
    });
    on_thread.join().unwrap();
    watch.within(|| fails("within a call"));
    assert_eq!(
        texts(watch.take_unhandled()),
        [
            "in a job",
            "in a task",
            "in a callback",
            "where it is entered",
            "within a call"
        ]
    );
    assert!(watch.take_unhandled().is_empty());
}

#[test]
fn tests_of_one_loop_at_once_have_each_their_own() {
    let run = |text: &'static str| {
        move || {
            panic_of(|| {
                let _: ExitCode = Test::new(text, "smol").run(
                    |main| interloop_smol::block_on(|reactor| main.run(reactor)),
                    async move |reactor| {
                        for _ in 0..100 {
                            let task = reactor.spawn_infallible(async move { fails(text) });
                            task.await.unwrap();
                        }
                    },
                );
            })
        }
    };
    let tests = ["one", "two", "three", "four"].map(|text| (text, thread::spawn(run(text))));
    for (text, test) in tests {
        let said = test.join().unwrap();
        assert!(said.starts_with(&format!("`{text}` on the loop `smol` has left something behind\n")));
        assert_eq!(said.lines().count(), 101, "{said}");
        assert!(said.lines().skip(1).all(|line| line.ends_with(text)), "{said}");
    }
}

#[test]
fn a_panic_of_a_test_is_passed_on() {
    let test = || {
        let _: ExitCode = Test::new("it", "clock").run(
            |main| clock::block_on(|reactor| main.run(reactor)),
            async |_| {
                std::panic::panic_any(7_u8);
            },
        );
    };
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&7_u8));
}

#[test]
fn a_test_may_hold_a_guard_while_it_waits() {
    let other = Clock::new();
    let _: ExitCode = Test::new("it", "futures").run(
        |main| interloop_futures::block_on(|reactor| main.run(reactor)),
        async move |reactor| {
            let other = other.reactor();
            let _entered = other.enter();
            reactor.sleep(Duration::from_millis(1)).await
        },
    );
}

#[test]
fn a_test_that_is_not_run_fails() {
    let said = panic_of(|| {
        let _: ExitCode = Test::new("it", "nowhere").run(|_| Ok(()), async |_| ());
    });
    assert!(said.starts_with("`it` on the loop `nowhere` was not run"), "{said}");
}

#[test]
fn a_loop_that_cannot_be_run_fails_the_test() {
    let said = panic_of(|| {
        let _: ExitCode = Test::new("it", "futures").run(
            |main| {
                let run = async |_| interloop_futures::block_on(|reactor| main.run(reactor));
                interloop_smol::block_on(run)?
            },
            async |_| (),
        );
    });
    assert!(said.contains("`it` on the loop `futures` could not run to its end: this thread runs a loop already"));
}

#[test]
fn a_test_that_is_late_is_dropped() {
    let (dropped, is_dropped) = mpsc::channel::<()>();
    let said = panic_of(|| {
        let _: ExitCode = Test::new("it", "futures").timeout(Duration::from_millis(10)).run(
            |main| interloop_futures::block_on(|reactor| main.run(reactor)),
            async move |_| {
                let _kept = dropped;
                pending::<()>().await;
            },
        );
    });
    assert!(
        said.contains("`it` on the loop `futures` has not ended after 10ms"),
        "{said}"
    );
    assert!(is_dropped.recv().is_err());
}
