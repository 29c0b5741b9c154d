//! Running a test in many orders.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use super::Clock;

/// The environment variable that has [`check_random`] run one seed, and no other.
const SEED_VARIABLE: &str = "INTERLOOP_CLOCK_SEED";

/// Runs a test once for each seed, on a [clock whose order follows from it](Clock::with_seed), to find an order in which
/// it fails.
///
/// When the test panics, its seed is written to the standard error, with how to replay it, and the panic goes on to the
/// caller. To replay that order, give the seed to [`Clock::with_seed`], as a regression test should; or run the test
/// again with the environment variable `INTERLOOP_CLOCK_SEED` set to the seed, and only that one is run.
///
/// Two customers buy from a stock of one. In the order in which they came, the first is served before the second
/// asks; in another, both are sold the same thing:
///
/// ```should_panic
/// use std::sync::{Arc, Mutex};
/// use interloop::{Aborted, Clock, Reactor, clock};
///
/// async fn buy(reactor: Reactor, stock: Arc<Mutex<u32>>) -> Result<bool, Aborted> {
///     let left = *stock.lock().unwrap();
///     if left == 0 {
///         return Ok(false);
///     }
///     reactor.spawn_blocking(|| Ok::<_, Aborted>("the payment")).await?;
///     *stock.lock().unwrap() = left - 1;
///     Ok(true)
/// }
///
/// clock::check_random(0..100, |clock: Clock| {
///     let reactor = clock.reactor();
///     let stock = Arc::new(Mutex::new(1));
///     let first = reactor.spawn(buy(reactor.clone(), stock.clone()));
///     let second = reactor.spawn({
///         let reactor = reactor.clone();
///         async move {
///             reactor.spawn_blocking(|| Ok::<_, Aborted>("the way there")).await?;
///             buy(reactor, stock).await
///         }
///     });
///     let sold = clock.run_until(async { [first.await.unwrap(), second.await.unwrap()] }).unwrap();
///     assert_ne!(sold, [true, true]);
/// });
/// ```
///
/// # What a test has to do
///
/// - Everything that it does must follow from the clock's order: no other threads, no real time, no iteration over a
///   `HashMap`, whose order differs from run to run. Numbers that look random it takes from a generator that is seeded with
///   [`Clock::seed`].
/// - A panic in a task is its deferred's. The test has to await the deferred, or look into it, to fail.
/// - Tasks change places where they wait, and nowhere else. Races between threads are not found; loom and shuttle
///   do that.
///
/// # Panics
/// If the test does, with what it panicked with; and if `INTERLOOP_CLOCK_SEED` is set and is no seed.
pub fn check_random(seeds: impl IntoIterator<Item = u64>, mut test: impl FnMut(Clock)) {
    match seed_to_replay() {
        Some(seed) => check(seed, &mut test),
        None => seeds.into_iter().for_each(|seed| check(seed, &mut test)),
    }
}

fn check(seed: u64, test: &mut impl FnMut(Clock)) {
    // The test is not run again after a panic, by us; the caller finds it as any other panic would leave it.
    let run = AssertUnwindSafe(|| test(Clock::with_seed(seed)));
    if let Err(panic) = catch_unwind(run) {
        eprintln!(
            "note: it failed in the order of seed {seed}: \
             replay it with `Clock::with_seed({seed})`, or run the test with {SEED_VARIABLE}={seed}"
        );
        resume_unwind(panic);
    }
}

/// The only seed to run, if the environment names one. Something else in its place is no reason to run other seeds:
/// whoever set it would believe that theirs has passed.
fn seed_to_replay() -> Option<u64> {
    let value = env::var_os(SEED_VARIABLE)?;
    let seed = value.to_str().and_then(|value| value.trim().parse().ok());
    let seed = seed.unwrap_or_else(|| {
        panic!(
            "{SEED_VARIABLE} is {value:?}: set it to a seed, which is a number from 0 to {}, or unset it",
            u64::MAX
        )
    });
    Some(seed)
}
