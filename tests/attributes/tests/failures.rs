//! Tests that fail, on every loop: what they say, and that neither they nor the others are kept from ending.
//!
//! Here they do nothing, and pass; a child process of this one, in which they do what they are named for, runs them all at
//! once.

use std::{collections::BTreeMap, env, future::pending, process::Command, sync::mpsc, thread, time::Duration};

use interloop::{Aborted, Deferred, Reactor};

const CHILD: &str = "INTERLOOP_TESTS_FAIL";

const LOOPS: [&str; 6] = ["tokio", "tokio_current_thread", "smol", "async_std", "futures", "clock"];

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock, timeout = "3s")]
async fn it_waits_for_what_never_comes(reactor: Reactor) {
    if is_child() {
        // On the clock this is no stall, as there is always a next tick.
        let mut interval = reactor.interval(Duration::from_millis(10));
        while interval.tick().await.is_ok() {}
    }
}

#[interloop::test(clock)]
async fn it_stalls(_reactor: Reactor) {
    if is_child() {
        pending().await
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock, timeout = "3s")]
async fn it_blocks_its_thread(_reactor: Reactor) {
    while is_child() {
        thread::park();
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn it_drops_a_failure(_reactor: Reactor) {
    if is_child() {
        drop(Deferred::<(), String>::failed("out of paper".to_owned()));
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn its_task_fails_unseen(reactor: Reactor) {
    if is_child() {
        reactor.spawn(async { Err::<(), _>("out of ink".to_owned()) }).detach();
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn its_task_panics_unseen(reactor: Reactor) {
    if is_child() {
        reactor.spawn::<(), Aborted>(async { panic!("out of toner") }).detach();
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn it_leaves_a_task(reactor: Reactor) {
    if is_child() {
        reactor.spawn_infallible(pending::<()>()).detach();
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn it_leaves_a_delayed_call(reactor: Reactor) {
    if is_child() {
        reactor.call_later(Duration::from_secs(3600), || ());
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn it_leaves_tasks_of_tasks(reactor: Reactor) {
    if is_child() {
        let outer = reactor.spawn_infallible(async {
            let reactor = Reactor::current().unwrap();
            reactor.spawn_infallible(pending::<()>()).await
        });
        outer.detach();
        drop(Deferred::<(), String>::failed("out of paper".to_owned()));
    }
}

// The clock would have to wait for the job, as it runs it.
#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures)]
async fn it_leaves_a_job(reactor: Reactor) {
    if is_child() {
        let (keep, kept) = mpsc::channel::<()>();
        // Ends with the process.
        std::mem::forget(keep);
        reactor
            .spawn_blocking(move || Ok::<_, Aborted>(kept.recv().is_ok()))
            .detach();
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn it_panics(_reactor: Reactor) {
    if is_child() {
        drop(Deferred::<(), String>::failed("out of paper".to_owned()));
        panic!("no printer");
    }
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn it_gives_an_error(_reactor: Reactor) -> Result<(), String> {
    if is_child() {
        Err("no printer".to_owned())
    } else {
        Ok(())
    }
}

/// It runs beside the others, whose failures are none of its own.
#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock, timeout = "30s")]
async fn it_passes(reactor: Reactor) {
    for _ in 0..100 {
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
        let task = reactor.spawn(async { Err::<(), _>("handled".to_owned()) });
        assert_eq!(task.await, Err("handled".to_owned()));
    }
}

/// What the child process said of each test that failed.
fn failures_of_child() -> BTreeMap<String, String> {
    let output = Command::new(env::current_exe().unwrap())
        .args(["it", "--test-threads", "80"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{text}");
    for event_loop in LOOPS {
        assert!(text.contains(&format!("test it_passes::{event_loop} ... ok")), "{text}");
    }
    let (_, sections) = text.split_once("\nfailures:\n").unwrap();
    let (sections, _) = sections.split_once("\nfailures:\n").unwrap();
    let sections = sections.split("\n---- ").skip(1).map(|section| {
        let (name, said) = section.split_once(" stdout ----\n").unwrap();
        (name.to_owned(), said.to_owned())
    });
    sections.collect()
}

#[test]
fn what_fails_says_why_and_all_others_go_on() {
    if is_child() {
        return;
    }
    let mut failures = failures_of_child();
    let mut expect = |test: &str, loops: &[&str], said: &[&str]| {
        for event_loop in loops {
            let name = format!("{test}::{event_loop}");
            let failure = failures.remove(&name).unwrap_or_else(|| panic!("`{name}` has passed"));
            for words in said {
                let words = words.replace("{test}", &format!("`{name}` on the loop `{event_loop}`"));
                assert!(
                    failure.contains(&words),
                    "`{name}` does not say `{words}`, but:\n{failure}"
                );
            }
        }
    };
    let without_clock = &LOOPS[..5];
    expect(
        "it_waits_for_what_never_comes",
        &LOOPS,
        &["{test} has not ended after 3s: it waits for what has not come, and was dropped"],
    );
    expect(
        "it_stalls",
        &["clock"],
        &["{test} could not run to its end: ", "no timer is pending"],
    );
    expect(
        "it_blocks_its_thread",
        &LOOPS,
        &["{test} has not ended after 3s: its thread is blocked, and was left behind"],
    );
    expect(
        "it_drops_a_failure",
        &LOOPS,
        &["{test} has left something behind", "failures.rs:", ": out of paper"],
    );
    expect(
        "its_task_fails_unseen",
        &LOOPS,
        &["{test} has left something behind", "failures.rs:", ": out of ink"],
    );
    expect(
        "its_task_panics_unseen",
        &LOOPS,
        &["{test} has left something behind", ": panicked: out of toner"],
    );
    expect(
        "it_leaves_a_task",
        &LOOPS,
        &[
            "{test} has left something behind",
            "failures.rs:",
            "1 task or blocking job is still alive",
        ],
    );
    expect(
        "it_leaves_a_delayed_call",
        &LOOPS,
        &["{test} has left something behind", "1 delayed call is still pending"],
    );
    expect(
        "it_leaves_tasks_of_tasks",
        &LOOPS,
        &[
            "{test} has left something behind",
            ": out of paper",
            "2 tasks or blocking jobs are still alive",
        ],
    );
    expect(
        "it_leaves_a_job",
        without_clock,
        &["{test} has ", "1 task or blocking job is still alive"],
    );
    expect(
        "it_panics",
        &LOOPS,
        &["{test} has panicked, and before that", ": out of paper", "no printer"],
    );
    expect("it_gives_an_error", &LOOPS, &["Error: \"no printer\""]);
    assert!(failures.is_empty(), "more fails than should: {failures:#?}");
}
