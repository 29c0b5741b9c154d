//! The search for an order in which a test fails, and its replay.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use interloop::{
    Aborted, Clock, Reactor,
    clock::{Stalled, check_random},
    sync::Lock,
};

const VARIABLE: &str = "INTERLOOP_CLOCK_SEED";
/// Set in a process that a test has started, to the test's name.
const CHILD: &str = "INTERLOOP_TESTS_CHILD";

/// An account whose interest rate is looked up elsewhere while it is being changed.
#[derive(Clone, Default)]
struct Account {
    balance: Arc<Mutex<u64>>,
    lock: Option<Lock>,
}

impl Account {
    /// Reads the balance, waits, and writes what it has read and the amount: what others wrote meanwhile is lost, unless
    /// there is a lock.
    async fn deposit(&self, reactor: &Reactor, amount: u64) -> Result<(), Aborted> {
        let _permit = match &self.lock {
            Some(lock) => Some(lock.acquire().await?),
            None => None,
        };
        let balance = *self.balance.lock().unwrap();
        look_up(reactor).await?;
        *self.balance.lock().unwrap() = balance + amount;
        Ok(())
    }
}

async fn look_up(reactor: &Reactor) -> Result<(), Aborted> {
    reactor.spawn_blocking(|| Ok(())).await
}

/// Two deposits, the second of which comes a bit later. Gives what is in the account at last.
fn deposit_twice(clock: &Clock, account: &Account) -> u64 {
    let reactor = clock.reactor();
    let first = reactor.spawn({
        let (reactor, account) = (reactor.clone(), account.clone());
        async move { account.deposit(&reactor, 1).await }
    });
    let second = reactor.spawn({
        let (reactor, account) = (reactor.clone(), account.clone());
        async move {
            look_up(&reactor).await?;
            look_up(&reactor).await?;
            account.deposit(&reactor, 10).await
        }
    });
    let both = async {
        first.await?;
        second.await
    };
    clock.run_until(both).unwrap().unwrap();
    *account.balance.lock().unwrap()
}

#[test]
fn a_search_finds_the_lost_update_that_the_order_of_a_queue_hides_and_its_seed_replays_it() {
    for _ in 0..100 {
        assert_eq!(deposit_twice(&Clock::new(), &Account::default()), 11);
    }

    let mut last = None;
    let search = || {
        check_random(0..1000, |clock| {
            last = clock.seed();
            assert_eq!(deposit_twice(&clock, &Account::default()), 11);
        });
    };
    assert!(catch_unwind(AssertUnwindSafe(search)).is_err());

    let found = last.unwrap();
    let lost = deposit_twice(&Clock::with_seed(found), &Account::default());
    assert!(lost == 1 || lost == 10, "{lost}");
    for _ in 0..100 {
        assert_eq!(deposit_twice(&Clock::with_seed(found), &Account::default()), lost);
    }

    // The repaired account loses nothing in any order, that one among them.
    check_random(0..1000, |clock| {
        let account = Account {
            lock: Some(Lock::new()),
            ..Account::default()
        };
        assert_eq!(deposit_twice(&clock, &account), 11);
    });
}

/// Two tasks take the same two locks in opposite orders, the second a bit later.
fn take_both_locks(clock: &Clock) -> Result<(), Stalled> {
    let (one, other) = (Lock::new(), Lock::new());
    let both = |first: &Lock, second: &Lock, delay: usize| {
        let (reactor, first, second) = (clock.reactor(), first.clone(), second.clone());
        clock.reactor().spawn(async move {
            for _ in 0..delay {
                look_up(&reactor).await?;
            }
            let _first = first.acquire().await?;
            look_up(&reactor).await?;
            let _second = second.acquire().await?;
            Ok::<_, Aborted>(())
        })
    };
    let tasks = (both(&one, &other, 0), both(&other, &one, 2));
    clock
        .run_until(interloop::join(tasks))
        .map(|joined| assert!(joined.is_ok()))
}

#[test]
fn a_deadlock_is_found_as_well() {
    take_both_locks(&Clock::new()).unwrap();
    let panic = catch_unwind(|| check_random(0..1000, |clock| take_both_locks(&clock).unwrap())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("Stalled"), "{message}");
}

#[test]
fn every_seed_is_run_once_in_the_order_given() {
    let mut seeds = Vec::new();
    check_random([3, 1, u64::MAX], |clock| seeds.extend(clock.seed()));
    assert_eq!(seeds, [3, 1, u64::MAX]);
    check_random([], |_| unreachable!("there is no seed"));
}

#[test]
fn the_panic_is_passed_on_as_it_is_and_no_further_seed_is_run() {
    #[derive(Debug, PartialEq)]
    struct Payload(u64);

    let mut seeds = Vec::new();
    let search = || {
        check_random(0..10, |clock| {
            seeds.extend(clock.seed());
            if clock.seed() == Some(3) {
                panic_any(Payload(3));
            }
        });
    };
    let panic = catch_unwind(AssertUnwindSafe(search)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&Payload(3)));
    assert_eq!(seeds, [0, 1, 2, 3]);
}

/// Runs one test of this file again, in a process of its own.
fn run_as_child(test: &str, seed: Option<&str>) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("check::{test}"), "--nocapture"]);
    command.env(CHILD, test).env_remove(VARIABLE);
    if let Some(seed) = seed {
        command.env(VARIABLE, seed);
    }
    command.output().unwrap()
}

/// The lines of a child that tell which seeds it ran.
fn seeds_run(output: &Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stdout);
    let seeds = said.lines().filter_map(|line| line.split("ran seed ").nth(1));
    seeds.map(str::to_owned).collect()
}

#[test]
fn a_failing_search_says_its_seed_and_the_variable_replays_that_seed_alone() {
    let name = "a_failing_search_says_its_seed_and_the_variable_replays_that_seed_alone";
    if env::var_os(CHILD).is_some_and(|child| child == name) {
        return check_random(0..1000, |clock| {
            println!("\nran seed {}", clock.seed().unwrap());
            assert_eq!(deposit_twice(&clock, &Account::default()), 11);
        });
    }

    let search = run_as_child(name, None);
    assert!(!search.status.success());
    let seeds = seeds_run(&search);
    let found = seeds.last().unwrap();
    let said = String::from_utf8_lossy(&search.stderr);
    assert!(said.contains(&format!("`Clock::with_seed({found})`")), "{said}");
    assert!(said.contains(&format!("{VARIABLE}={found}")), "{said}");

    let replay = run_as_child(name, Some(found));
    assert!(!replay.status.success());
    assert_eq!(seeds_run(&replay), [found.as_str()]);

    // One that is not among those of the search, and which does not fail, is run as well.
    let passing = (5000..).find(|&seed| deposit_twice(&Clock::with_seed(seed), &Account::default()) == 11);
    let passing = passing.unwrap().to_string();
    let replay = run_as_child(name, Some(&passing));
    assert!(replay.status.success());
    assert_eq!(seeds_run(&replay), [passing.as_str()]);
}

#[test]
fn a_variable_that_is_no_seed_is_an_error_and_nothing_is_run() {
    let name = "a_variable_that_is_no_seed_is_an_error_and_nothing_is_run";
    if env::var_os(CHILD).is_some_and(|child| child == name) {
        return check_random(0..3, |clock| println!("\nran seed {}", clock.seed().unwrap()));
    }

    for wrong in ["", "-1", "seven", "18446744073709551616"] {
        let output = run_as_child(name, Some(wrong));
        assert!(!output.status.success());
        assert!(seeds_run(&output).is_empty());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("set it to a seed"), "{said}");
    }
    let output = run_as_child(name, None);
    assert!(output.status.success());
    assert_eq!(seeds_run(&output), ["0", "1", "2"]);
}
